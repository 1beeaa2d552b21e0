"""Scans that somebody asks a server for: by who may, of what is there, in a process of its own."""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from weft.access.permissions import Action, Caller, require
from weft.api.drafts import Drafts
from weft.api.governance.policies import address_of_product
from weft.api.publishing.committing import failure_of, failure_text
from weft.errors import Conflict, TransientError, UsageError, WeftError, error, has_errors, of_the_system
from weft.model.address import ProductAddress, is_slug

if TYPE_CHECKING:
    from weft.api.platform import Platform

_LONGEST_S = 600.0
_MOST = 1000
"""How many changes an answer lists; the others are found among the violations."""
_KEPT = 20
"""How many scans are remembered with what came of them."""


class _Scan:
    """One scan, and what came of it."""

    def __init__(self, by: str) -> None:
        self.by = by
        self.ended = threading.Event()
        self.found: dict[str, Any] = {}
        self.failure: WeftError | None = None


class ScansOnRequest:
    """One at a time: the web process goes on with what others ask."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._root = platform.rooms.settings.root
        self._one = threading.Lock()
        self._scans: dict[str, _Scan] = {}

    def scan(self, caller: Caller, select: Sequence[str], *, samples: bool) -> dict[str, Any]:
        """What came of a scan, when it has ended: see `begin` and `came_of`."""
        found = self.came_of(caller, self.begin(caller, select, samples=samples), None)
        assert found is not None, "it was waited for"
        return found

    def begin(self, caller: Caller, select: Sequence[str], *, samples: bool) -> str:
        """Begins to hold the mesh, or domains and products of it, against its policies, and to keep what violates them.

        Returns:
            The id under which `came_of` knows it.

        Raises:
            AccessDenied: WFT-ACC-010, the whole mesh and samples are for those who lead governance, a domain for who
                decides on its policies.
            UsageError: WFT-GOV-008, there is no such domain or product.
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
        id_, scan = f"s-{secrets.token_hex(6)}", _Scan(caller.name)
        self._scans = {**dict(list(self._scans.items())[1 - _KEPT :]), id_: scan}
        try:
            threading.Thread(target=self._run, args=(scan, within, samples), name="scan", daemon=True).start()
        except RuntimeError:
            self._one.release()
            raise
        return id_

    def came_of(self, caller: Caller, id_: str, patience_s: float | None) -> dict[str, Any] | None:
        """What came of a scan that the caller has begun; None where it goes on.

        Args:
            patience_s: for how long it is waited for; None: until it ends.

        Raises:
            UsageError: WFT-GOV-090, the caller has begun none with this id, or it ended long ago.
            ProjectError: a file of a policy is wrong; one of which nothing can be asked is a finding of the scan.
            TransientError: WFT-GOV-084, its process has ended before it has answered.
        """
        scan = self._scans.get(id_)
        if scan is None or scan.by != caller.name:
            fix = "`weft violations` shows what scans have found"
            raise UsageError(error("WFT-GOV-090", f"there is no scan `{id_[:60]}` of yours", fix=fix))
        if not scan.ended.wait(patience_s):
            return None
        if scan.failure is not None:
            raise scan.failure
        found, drafts = scan.found, Drafts(self._platform.rooms.production, caller)
        shown = [c for c in found["changes"] if not drafts.hide(c["violation"]["subject"])]
        return found | {"changes": shown[:_MOST], "left_out": max(0, len(shown) - _MOST)}

    def _run(self, scan: _Scan, within: Sequence[str], samples: bool) -> None:
        try:
            scan.found = self._asked(within, samples)
        except WeftError as e:
            scan.failure = e
        except OSError as e:
            scan.failure = of_the_system(e)
        finally:
            self._one.release()
            scan.ended.set()

    def _asked(self, within: Sequence[str], samples: bool) -> dict[str, Any]:
        asked = json.dumps({"within": within, "samples": samples})
        command = [sys.executable, "-m", "weft.api.governance.scans_on_request", str(self._root)]
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
    from weft.api.governance.governing import policies_known
    from weft.api.governance.scans import scan
    from weft.api.platform import open_platform
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
