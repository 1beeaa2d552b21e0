"""Asking the company's provider again who people are whose sessions and tokens hold, and in which groups."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from msgspec import Struct

from weft.access import sealing
from weft.access.provider import Gone
from weft.errors import AccessDenied, PlatformError, WeftError
from weft.registry.confirmations import ConfirmationStore, Refresh

if TYPE_CHECKING:
    from weft.api.people.identity import Identity

log = logging.getLogger("weft.identity")
_SCOPE = "offline_access"
"""What asks a provider for a secret that outlives the browser's session there (OpenID Connect Core, section 11)."""
_ACTOR = "weft serve"
_LOOK_EVERY_S = 30.0


class Asked(Struct, frozen=True):
    """What came of asking: how many people the provider has confirmed, and how many it knows no more."""

    confirmed: int = 0
    gone: int = 0


class Confirming:
    """Asks of each person at most once in a while, in one of all web processes.

    Without the scope `offline_access` nothing is kept: the secret that a provider gives unasked ends with the
    browser's session there, and its end would say nothing about the person.
    """

    def __init__(self, identity: Identity) -> None:
        self._identity = identity
        self._store = ConfirmationStore(identity.database)

    @property
    def is_on(self) -> bool:
        """Whether the provider can be asked."""
        settings = self._identity.settings
        return self._identity.has_provider and _SCOPE in settings.scopes and settings.client_secret is not None

    def keep(self, name: str, refresh: str) -> None:
        """Keeps the secret of somebody who has signed in just now."""
        if self.is_on:
            self._store.keep(name, sealing.sealed(refresh, self._secret(), name), self._identity.now())

    def step(self) -> Asked:
        """Asks of everybody who is due. While the provider does not answer nothing changes.

        Raises:
            PlatformError: the registry does not answer.
        """
        identity = self._identity
        if not self.is_on:
            return Asked()
        at = identity.now()
        confirmed = gone = 0
        for refresh in self._store.due(at - timedelta(minutes=identity.settings.recheck_minutes), at):
            if not self._store.claim(refresh, at):
                continue
            try:
                confirmed += self._confirmed(refresh)
            except Gone as e:
                gone += 1
                why = e.diagnostics[0].why or e.diagnostics[0].what
                self._store.refused(refresh.name, why=why, actor=_ACTOR, at=identity.now())
            except AccessDenied as e:
                log.warning("the provider does not confirm a user: %s", e.diagnostics[0].why or e.diagnostics[0].what)
            except PlatformError as e:
                if e.diagnostics[0].code != "WFT-ACC-015":
                    raise
                log.warning("the provider does not answer who a user is: %s", e.diagnostics[0].why)
                break  # nor will it for the next one
        return Asked(confirmed, gone)

    @contextmanager
    def beside(self) -> Iterator[None]:
        """Asks again and again in a thread, as long as the block runs."""
        if not self.is_on:
            yield
            return
        stop = threading.Event()
        thread = threading.Thread(target=self._keep_on, args=(stop,), name="confirming", daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()

    def _keep_on(self, stop: threading.Event) -> None:
        while not stop.wait(_LOOK_EVERY_S):
            try:
                self.step()
            except WeftError as e:
                log.warning("people cannot be confirmed now: %s", e.diagnostics[0].what)

    def _confirmed(self, refresh: Refresh) -> bool:
        identity = self._identity
        user = identity.users.user(refresh.name)
        text = sealing.unsealed(refresh.sealed, self._secret(), refresh.name)
        if user is None or user.subject is None or text is None:
            return False  # sealed with another secret: what was confirmed last holds until its time is over
        arrival = identity.provider.again(text, subject=user.subject, now=identity.now().timestamp())
        arrived = identity.signing_in.arrived(arrival.claims)
        self.keep(arrived.name, arrival.refresh or text)
        return True

    def _secret(self) -> str:
        reference = self._identity.settings.client_secret
        assert reference is not None, "it is on"
        return reference.secret("`identity.client_secret`").value
