"""Committing what was handed in: in a process of its own, since it reads rows and the web process does not."""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from itertools import chain
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from weft import errors
from weft.api.publishing import addressing
from weft.errors import (
    Awaited,
    Conflict,
    GateRefused,
    PlatformError,
    ProjectError,
    TransientError,
    WeftError,
    error,
    of_the_system,
)
from weft.model.handover import Committed, Handover, RollbackAsked
from weft.observability import spans

if TYPE_CHECKING:
    from weft.registry.handovers import HandedIn


MOST_TRIES = 3
"""How often it is begun with a handover that ends the process that does it."""

LONGEST_S = 1800.0
"""How long one handover may take: as long as a runner waits for it."""

_HEARD_S = 5.0
_FRAMES = 12
"""Innermost calls that the log names of a failure."""


class Kept(Struct, frozen=True):
    """A handover as it waits, with what the web process knows of its caller.

    Attributes:
        handover: None where earlier rows are to be shown again.
        decides: whether the caller may publish against failed checks.
    """

    handover: Handover | None
    decides: bool = False
    rollback: RollbackAsked | None = None


def _unfit(product: str, why: str) -> GateRefused:
    return GateRefused(
        error(
            "WFT-SRV-049",
            f"the publication of `{product}` could not be checked",
            why=why,
            fix="publish what weft has built; the server's log tells more",
        )
    )


def _text_of(failed: WeftError) -> bytes:
    return failure_text(failed).encode()


def failure_text(failed: WeftError) -> str:
    """An error as text, for `failure_of`."""
    return json.dumps({"kind": type(failed).__name__, "diagnostics": [d.as_json() for d in failed.diagnostics]})


def failure_of(text: str | bytes) -> WeftError:
    """The error that `failure_text` wrote."""
    found = json.loads(text)
    kind = getattr(errors, found["kind"])
    failed: WeftError = kind(*(errors.diagnostic_from_json(d) for d in found["diagnostics"]))
    return failed


Tell = Callable[[dict[str, Any]], None]
"""Is told of a failure: `message`, and fields of it."""


def log(told: dict[str, Any]) -> None:
    """Writes a failure into the log of this process."""
    message, fields = told["message"], {name: value for name, value in told.items() if name != "message"}
    logging.getLogger("weft.committing").error("%s", message, extra={"fields": fields})


def _told(what: str, failed: Exception, run_id: str | None = None, product: str | None = None) -> dict[str, Any]:
    """A failure for the log: which one and where in the code, never its own text, which may quote a row."""
    frames = traceback.extract_tb(failed.__traceback__)[-_FRAMES:]
    of = f" (run {run_id} of {product})" if run_id is not None else ""
    why = type(failed).__name__
    codes = [d.code for d in failed.diagnostics] if isinstance(failed, WeftError) else []
    if isinstance(failed, WeftError):
        why = "; ".join(f"{d.code}: {d.what}" for d in failed.diagnostics)
    elif isinstance(failed, OSError) and failed.strerror:
        why = f"{why}: {failed.strerror}"
    return {
        "message": f"{what}{of}: {why}",
        "run_id": run_id,
        "product": product,
        "error": type(failed).__name__,
        "codes": codes,
        "where": [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames],
    }


class Committing:
    """The child: what waits is taken up when it starts, then whatever it is told.

    Each handover is claimed first, so that several of these, of several servers and workers, never do one twice.
    """

    def __init__(self, root: Path, tell: Tell | None = None) -> None:
        """Takes the mesh's folder, and what is told of what fails."""
        from weft.api.platform import open_platform
        from weft.registry import processes
        from weft.registry.claims import Claims

        self._tell = tell or log
        self._platform = open_platform(root)
        self._store = self._platform.publishing.handovers
        self._claims = Claims(self._platform.database, processes.identity())
        self._at: tuple[str, str, float] | None = None
        self._ended = threading.Event()
        threading.Thread(target=self._keep, name="claims", daemon=True).start()

    @property
    def traces(self) -> str:
        """Where spans go."""
        return self._platform.rooms.settings.server.traces

    def close(self) -> None:
        """Gives connections back."""
        self._ended.set()
        self._platform.close()

    def take_up(self, first: Mapping[str, Any] | None = None) -> None:
        """Does what a process before this one has left; what fails now is tried again by a worker.

        Args:
            first: what this process was started for.
        """
        from weft.runs import repair

        for run_id, product in self._store.unsettled():
            self.settle(run_id, product)
        self._platform.holding.look()  # what goes on is among what is left
        for left in self._claims.left(self._platform.publishing.place, self._platform.rooms.now()):
            of = left.run_id, left.product
            self.one(*of, first["under"] if first is not None and (first["run"], first["product"]) == of else None)
            self.settle(left.run_id, left.product)
        try:
            with self._platform.rooms.governance.book.current():  # made before a publication or a reader waits for it
                pass
            repair.after_dead_runs(self._platform.rooms.context())
        except (WeftError, OSError) as e:  # the next process, or an apply, looks again
            self._tell(_told("what ended runs have left is not cleared up", e))

    def settle(self, run_id: str, product: str) -> None:
        """Does what is left to do behind an answer: nobody waits for it, and nobody is held up when it fails."""
        try:
            self._settle(run_id, product)
        except (PlatformError, OSError) as e:  # another process does it
            self._tell(_told("what follows a publication is left to another process", e, run_id, product))
        except Exception as e:  # noqa: BLE001  the entrance: it would fail again and again
            self._tell(_told("what follows a publication could not be done", e, run_id, product))
            self._store.settle(run_id, product)

    def _settle(self, run_id: str, product: str) -> None:
        from weft.api.governance.scans import scan_after
        from weft.registry.handovers import HandoverState
        from weft.runs import catching_up, repair
        from weft.runs.metering import received

        handed_in = self._store.handed_in(run_id, product)
        document = self._store.document(run_id, product) if handed_in is not None else b""
        if handed_in is None or not document or handed_in.state in (HandoverState.WAITING, HandoverState.HELD):
            return
        context = self._platform.rooms.context()
        handover = msgspec.json.decode(document, type=Kept).handover
        if handed_in.state is HandoverState.DONE and handover is not None:
            publish = handover.publish
            catching_up.handed_in(publish, run_id, context)
            context.meter(received(publish.product.address, publish.built, run_id, context))
            scan_after(self._platform.rooms, [publish.product.address])
        if handed_in.held_at is not None:
            self._platform.holding.tell_run(run_id, product)
        self._store.settle(run_id, product)
        if handed_in.held_at is not None:
            self._platform.publishing.let_go(run_id)
        repair.now_and_then(context)

    def one(self, run_id: str, product: str, under: Mapping[str, str] | None = None) -> WeftError | None:
        """Commits or refuses one handover; gives why that could not be done now.

        What another process is at is left to it. What ends one process after the other is refused.

        Args:
            under: the span of whoever waits for it.
        """
        from weft.api.governance.holding import ended_of
        from weft.registry.handovers import HandoverState

        answer: bytes = b""
        failed: WeftError | None = None
        handed_in: HandedIn | None = None
        tries = self._claims.take(run_id, product, self._platform.rooms.now())
        if tries is None:
            return None
        self._at = run_id, product, time.monotonic()
        try:
            handed_in = self._store.handed_in(run_id, product)
            assert handed_in is not None, "it was just taken"
            if tries > MOST_TRIES:
                raise _unfit(product, f"the process that checked it has ended {MOST_TRIES} times")
            self._require_known_tables()
            with spans.span("receive", under=under, run_id=run_id, product=product):
                answer = self._received(handed_in)
        except (PlatformError, OSError) as e:
            self._claims.give_back(run_id, product)
            return e if isinstance(e, WeftError) else of_the_system(e)
        except Awaited as e:
            assert handed_in is not None, "what waits was handed in"
            return self._held(handed_in, e)
        except WeftError as e:
            failed = e
        except Exception as e:  # noqa: BLE001  the entrance: what nobody has thought of must not hold up everybody else
            self._tell(_told("a publication could not be checked", e, run_id, product))
            failed = _unfit(product, f"weft itself failed: {type(e).__name__}")
        finally:
            self._at = None
        if failed is None:
            self._store.answer(run_id, product, HandoverState.DONE, answer)
        else:
            ended = ended_of(handed_in, failed, self._platform.rooms.now())
            self._store.answer(run_id, product, HandoverState.REFUSED, _text_of(failed), ended)
        return None

    def _require_known_tables(self) -> None:
        """Leaves a publication to the newer weft that has upgraded the registry meanwhile.

        Raises:
            TransientError: WFT-REG-001.
        """
        from weft.registry.schema import check_tables

        database = self._platform.database
        try:
            with database.reading() as statements:
                check_tables(statements, database.dialect, database.name)
        except ProjectError as e:
            raise TransientError(*e.diagnostics) from e

    def _held(self, handed_in: HandedIn, e: Awaited) -> WeftError | None:
        """Keeps a publication that a person has to agree to; gives why that could not be done now."""
        from weft.registry.handovers import HandoverState

        try:
            self._platform.holding.hold(handed_in, e)
            now = self._store.handed_in(handed_in.run_id, handed_in.product)
            if now is not None and now.state is HandoverState.WAITING:  # somebody has decided in this moment
                return self.one(handed_in.run_id, handed_in.product)
        except PlatformError as failed:
            self._claims.give_back(handed_in.run_id, handed_in.product)
            return failed
        return None

    def _keep(self) -> None:
        """Lets others know that this process lives; ends it where one handover takes longer than anybody waits."""
        from weft.registry.handovers import HandoverState

        while not self._ended.wait(_HEARD_S):
            at = self._at
            if at is None:
                continue
            run_id, product, began = at
            try:
                if time.monotonic() - began > LONGEST_S:
                    answer = _text_of(_unfit(product, f"it took longer than {LONGEST_S:g} s to check it"))
                    self._store.answer(run_id, product, HandoverState.REFUSED, answer)
                    os._exit(1)  # what it is at cannot be told to stop
                self._claims.keep(run_id, product, self._platform.rooms.now())
            except PlatformError:  # the database is away, and is asked again
                continue

    def _received(self, handed_in: HandedIn) -> bytes:
        from weft.api.governance.holding import decides_still
        from weft.runs.receiving import Received, receive

        run_id, product, actor = handed_in.run_id, handed_in.product, handed_in.caller
        kept = msgspec.json.decode(self._store.document(run_id, product), type=Kept)
        if kept.rollback is not None:
            return msgspec.json.encode(self._rolled_back(run_id, kept.rollback, actor), enc_hook=str)
        assert kept.handover is not None, "what is no rollback is a publication"
        platform = self._platform
        of = kept.handover.publish.product.address
        decides = kept.decides
        if handed_in.held_at is not None:
            decides = decides_still(platform.identity, handed_in, decides)
        objects = platform.rooms.objects
        if objects is not None:
            names = [upload.name for upload in kept.handover.uploads.values()]
            folder = platform.publishing.folder_of(run_id)
            addressing.collect(objects, run_id, names, self._store.uploads(run_id), folder)
        received = Received(
            kept.handover,
            run_id,
            actor,
            decides,
            platform.publishing.folder_of(run_id),
            self._store.uploads(run_id),
            lambda: self._store.published(run_id, str(of)),
            lambda state: platform.scanning.may_build_on(of, state),
            platform.requisitions.room(of.domain),
            platform.rooms.settings.publishing.whole_rows,
        )
        return msgspec.json.encode(receive(received, platform.rooms.context()), enc_hook=str)

    def _rolled_back(self, run_id: str, asked: RollbackAsked, actor: str) -> Committed:
        """Shows earlier rows again, after their contract was checked on them here.

        Raises:
            Conflict: WFT-RUN-001, the port has moved since it was asked for.
        """
        from weft.access.principals import local_principal
        from weft.runs.rollback import roll_back

        assert asked.address is not None, "the route has set it"
        rooms = self._platform.rooms
        registry, context = rooms.production, rooms.context()
        state = registry.port(asked.address)
        done = state is not None and state.snapshot_id == asked.snapshot and state.pinned == asked.reason
        if not done:
            if state is None or state.revision != asked.expected_revision:
                raise Conflict(error("WFT-RUN-001", f"`{asked.address}` moved since it was looked at", fix="try again"))
            # whether this caller may was decided when it was handed in
            roll_back(
                asked.address, asked.snapshot, asked.reason, local_principal(actor), replace(context, actor=actor)
            )
        published = registry.publication(asked.address)
        assert published is not None, "it was just published"
        return Committed((published,))


def main(root: str, asked: IO[str], answers: IO[str]) -> None:
    """Answers each line of `asked`, until there are no more."""

    def tell(told: dict[str, Any]) -> None:
        answers.write(json.dumps({"log": told}, default=str) + "\n")
        answers.flush()

    committing = Committing(Path(root), tell)
    tracing = spans.begin(committing.traces)
    try:
        first = asked.readline()  # it is started for one, which it finds among what is left
        committing.take_up(json.loads(first) if first else None)
        for line in chain((first,) if first else (), asked):
            one: dict[str, Any] = json.loads(line)
            failed = committing.one(one["run"], one["product"], one["under"])
            text = failure_text(failed) if failed is not None else None
            answers.write(json.dumps({"number": one["number"], "failure": text}) + "\n")
            answers.flush()
            committing.settle(one["run"], one["product"])
    finally:
        committing.close()
        spans.end(tracing)


if __name__ == "__main__":
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever prints, prints beside the answers
    main(sys.argv[1], sys.stdin, out)
