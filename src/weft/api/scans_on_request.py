"""Scans that somebody asks a server for: by who may, of what is there, in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from weft.access.permissions import Action, Caller, require
from weft.api.committing import failure_of, failure_text
from weft.api.drafts import Drafts
from weft.api.policies import address_of_product
from weft.errors import Conflict, TransientError, UsageError, WeftError, error, has_errors
from weft.model.address import ProductAddress, is_slug

if TYPE_CHECKING:
    from weft.api.platform import Platform

_LONGEST_S = 600.0
_MOST = 1000
"""How many changes an answer lists; the others are found among the violations."""


class ScansOnRequest:
    """One at a time: the web process goes on with what others ask."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._root = platform.rooms.settings.root
        self._one = threading.Lock()

    def scan(self, caller: Caller, select: Sequence[str], *, samples: bool) -> dict[str, Any]:
        """Holds the mesh, or domains and products of it, against its policies, and keeps what violates them.

        Raises:
            AccessDenied: WFT-ACC-010, the whole mesh and samples are for those who lead governance, a domain for who
                decides on its policies.
            UsageError: WFT-GOV-008, there is no such domain or product.
            ProjectError: a file of a policy is wrong; one of which nothing can be asked is a finding of the scan.
            Conflict: WFT-GOV-083, a scan runs.
        """
        within = sorted({address_of_product(address).partition("@")[0] for address in select})
        if samples or not within:
            require(caller, Action.GOVERN)
        for place in within:
            require(caller, Action.DECIDE_POLICY, place.partition(".")[0])
            self._require_known(caller, place)
        if not self._one.acquire(blocking=False):
            raise Conflict(
                error("WFT-GOV-083", "a scan that somebody has asked for runs", fix="ask again when it ends")
            )
        try:
            found = self._asked(within, samples)
        finally:
            self._one.release()
        drafts = Drafts(self._platform.rooms.production, caller)
        shown = [c for c in found["changes"] if not drafts.hide(c["violation"]["subject"])]
        return found | {"changes": shown[:_MOST], "left_out": max(0, len(shown) - _MOST)}

    def _asked(self, within: Sequence[str], samples: bool) -> dict[str, Any]:
        asked = json.dumps({"within": within, "samples": samples})
        command = [sys.executable, "-m", "weft.api.scans_on_request", str(self._root)]
        try:
            done = subprocess.run(
                command, input=asked, stdout=subprocess.PIPE, text=True, cwd=self._root, timeout=_LONGEST_S, check=False
            )
            answer = json.loads(done.stdout)
        except (subprocess.TimeoutExpired, ValueError) as e:
            what = "the process that scans has ended before it has answered"
            raise TransientError(error("WFT-GOV-084", what, fix="try again; the server's log tells more")) from e
        if "failure" in answer:
            raise failure_of(answer["failure"])
        found: dict[str, Any] = answer["found"]
        return found

    def _require_known(self, caller: Caller, place: str) -> None:
        """Refuses what is not registered, or is a draft of others.

        Raises:
            UsageError: WFT-GOV-008.
        """
        reader = self._platform.rooms.production
        domain, dot, product = place.partition(".")
        sound = is_slug(domain) and (not dot or is_slug(product))
        known = (
            sound and (reader.product(ProductAddress(domain, product)) if dot else reader.domain(domain)) is not None
        )
        if not known or Drafts(reader, caller).hide(place):
            what = f"nothing that is registered has the address `{place[:200]}`"
            raise UsageError(error("WFT-GOV-008", what, fix="`weft search` finds products by words"))


def main(root: str, asked: IO[str], answers: IO[str]) -> None:
    """The process: one scan, whose report or failure is written as JSON."""
    from weft.api.governing import policies_known
    from weft.api.platform import open_platform
    from weft.api.policy_scans import scan
    from weft.errors import ProjectError

    wanted = json.load(asked)
    platform = open_platform(Path(root))
    try:
        policies = policies_known(platform.rooms)
        if has_errors(policies.besides_broken(policies.problems)):
            raise ProjectError(*policies.problems)
        found = scan(platform.rooms, policies, wanted["within"] or None, samples=wanted["samples"])
        answer: dict[str, Any] = {"found": found.as_json()}
    except WeftError as e:
        answer = {"failure": failure_text(e)}
    finally:
        platform.close()
    json.dump(answer, answers)


if __name__ == "__main__":
    main(sys.argv[1], sys.stdin, sys.stdout)
