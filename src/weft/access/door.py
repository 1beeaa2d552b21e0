"""The one door to rows: every read of published data passes here."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Mapping, Sequence
from copy import copy
from typing import TYPE_CHECKING, Protocol, Self

from msgspec.structs import replace

from weft.access.decision import Decision, decide, decide_quarantine
from weft.access.fetching import Fetching
from weft.access.opened import LiveRead, Opened, Readable
from weft.access.principals import Principal, PrincipalKind
from weft.access.query_places import in_query, placed
from weft.access.relation import relation_of
from weft.access.result import Result, ResultColumn
from weft.access.rights import Basis
from weft.access.versions import At, require_now, require_of, version_of
from weft.access.witness import untold
from weft.engines.base import Engine
from weft.errors import (
    AccessDenied,
    Diagnostic,
    PlatformError,
    UsageError,
    UserCodeError,
    WeftError,
    did_you_mean,
    error,
    has_errors,
    warning,
)
from weft.model.address import Address, ProductAddress, parse_address
from weft.model.publication import Manifest, PortState, Publication, side_of
from weft.registry.base import RegistryReader
from weft.sql.allowlist import walk
from weft.sql.quoting import dotted
from weft.storage import reading

if TYPE_CHECKING:
    from weft.access.live import LiveTables
    from weft.access.reading.asking import Question, Readers, Streamed
    from weft.access.witness import Over, Witness
    from weft.model.lifecycle import EndOfLife
    from weft.registry.grants import Grant

Present = Callable[[Publication, Principal, bool], None]
"""Brings the files of a data version to where they are read; of its quarantine, where the last argument says so."""


class Grounds(Protocol):
    """Knows grants and policies."""

    def __call__(self, principal: Principal, port: Address, purpose: str | None = None) -> Basis:
        """What a decision about a port rests on, for a purpose if the reader says one."""
        ...

    def used(self, grants: Sequence[str]) -> None:
        """Notes that somebody reads by grants."""
        ...


class Door:
    """Decides, then opens. Holds no state but where things are."""

    def __init__(
        self,
        reader: RegistryReader,
        root: str,
        engine: Callable[[], Engine],
        now: Callable[[], dt.datetime],
        present: Present | None = None,
        grounds: Grounds | None = None,
        readers: Callable[[], Readers] | None = None,
        witness: Witness | None = None,
        live: Callable[[], LiveTables] | None = None,
    ) -> None:
        """Args:
        present: sees to it that the files of a data version lie under `root`; None: they always do.
        grounds: knows grants and policies; without it owners and products read, and nobody else.
        readers: the processes in which queries run of everybody but the owner of the folder.
        witness: writes down who reads; without it nobody does.
        live: fetches what is read of ports that live in databases; without it nothing of them is read.
        """
        self._live = live
        self._readers = readers
        self._witness = witness
        self._reader = reader
        self._present = present
        self._root = root
        self._engine = engine
        self._now = now
        self._grounds = grounds
        self._pins: Mapping[str, str] = {}
        self._gone: Callable[[], bool] | None = None

    def pinned(self, pins: Mapping[str, str]) -> Self:
        """The same door for a text in which addresses mean what they meant before: a port for each, as it is named."""
        other = copy(self)
        other._pins = pins
        return other

    def witnessed_by(self, witness: Witness | None) -> Self:
        """The same door on another wire."""
        other = copy(self)
        other._witness = witness
        return other

    def waited_for(self, gone: Callable[[], bool]) -> Self:
        """The same door for somebody who may be gone before the answer comes; asked while a query runs apart."""
        other = copy(self)
        other._gone = gone
        return other

    def decision(
        self,
        principal: Principal,
        address: Address,
        reads: Collection[Address] = (),
        purpose: str | None = None,
        supposed: Collection[Grant] = (),
    ) -> tuple[PortState, Decision]:
        """A port and what the principal may read of it, whatever that is.

        Args:
            supposed: grants that nobody has given, to say what they would show; `open` takes none.

        Raises:
            UsageError: WFT-ACC-001, no such port.
        """
        state = self._state(address)
        end = self._end(state)
        basis = Basis(now=self._now())
        if self._grounds is not None and principal.kind is not PrincipalKind.OWNER:
            basis = self._grounds(principal, state.address, purpose)
            if principal.kind is PrincipalKind.PRODUCT and not reads:
                reads = self._declared(principal)
        if supposed:
            basis = replace(basis, grants=(*basis.grants, *supposed))
        return state, decide(principal, state, reads, end, self._now().date(), basis)

    def open(
        self,
        principal: Principal,
        address: Address,
        at: At = None,
        reads: Collection[Address] = (),
        purpose: str | None = None,
    ) -> Readable:
        """The rows of a port that the principal may read.

        Raises:
            UsageError: WFT-ACC-001 no such port, WFT-RUN-005 no such snapshot.
            AccessDenied: WFT-ACC-002, WFT-ACC-007 its end of life has passed.
        """
        state, decision = self.decision(principal, address, reads, purpose)
        end = self._end(state)
        fix = end.way_out("ask its owner what takes its place") if end else None
        if end is None and not state.retired:
            fix = f'`weft access request {state.address} --purpose "…"` asks its owners'
        _require(decision, principal, f"`{state.address}`", fix)
        publication = version_of(self._reader, state.address, at)
        live = publication.manifest.live
        if live is not None:
            require_now(state, publication, at)
        if self._grounds is not None and decision.grants:
            self._grounds.used(decision.grants)
        if live is not None:
            from weft.access.live import unfetched  # most meshes have no such port

            read = LiveRead(live, publication.manifest.columns)
            relation = unfetched(state.address, decision, read)
            return Readable(publication, relation, (), decision, False, read)
        if self._present is not None:
            self._present(publication, principal, False)
        rows = reading.relation(publication.manifest, self._root)
        shown = relation_of(decision, state.columns, publication.manifest.columns, rows)
        paths = tuple(reading.paths(publication.manifest, self._root))
        return Readable(publication, shown, paths, decision, decision.whole and shown == rows)

    def paths(self, manifest: Manifest) -> list[str]:
        """Where the files of a manifest lie, for whoever has decided that they may be read elsewhere."""
        return reading.paths(manifest, self._root)

    def quarantine(self, principal: Principal, address: Address, *, limit: int | None = None, at: At = None) -> Result:
        """The rows that were left out of a port, with `_rule` and `_reason`; none where none were.

        Raises:
            UsageError: WFT-ACC-001 no such port, WFT-RUN-005 no such snapshot.
            AccessDenied: WFT-ACC-002, only its owner may.
        """
        state = self._state(address)
        _require(decide_quarantine(principal, state), principal, f"the quarantine of `{state.address}`")
        publication = version_of(self._reader, state.address, at)
        held = publication.quarantine
        if self._present is not None and held is not None:
            self._present(publication, principal, True)
        manifest = held.manifest if held is not None else side_of(Manifest(publication.manifest.columns, ()))
        name = (state.address.domain, state.address.product, f"{state.address.port}@{state.address.major}")
        relation = reading.relation(manifest, self._root)
        sql = f"SELECT * FROM {dotted(name)}"
        with self._engine().locked({name: relation}, reading.paths(manifest, self._root)) as session:
            columns = session.columns(sql)
            table, truncated = session.arrow(sql, limit)
        return Result(
            tuple(ResultColumn(c.name, c.type) for c in columns),
            table,
            truncated,
            {str(publication.address): publication.snapshot_id},
            self._engine().texts,
        )

    def query(
        self, principal: Principal, sql: str, *, limit: int | None = None, at: At = None, purpose: str | None = None
    ) -> Result:
        """The rows of one SELECT over ports, named by their addresses.

        The text runs unchanged, in a session that can open the planned files and nothing else.

        Args:
            purpose: what it is for: then only grants for it count. None: all that the principal has.

        Raises:
            UsageError: WFT-SQL-001 to 007 the text is refused, WFT-ACC-001 no such port.
            AccessDenied: WFT-ACC-002, WFT-ACC-007 a port's end of life has passed.
        """
        if principal.kind is not PrincipalKind.OWNER and self._readers is not None:
            from weft.access.reading.asking import Question
            from weft.access.reading.collecting import collected

            streamed = self.stream(principal, Question(sql, limit=limit, at=at, purpose=purpose))
            return collected(streamed, self._engine().texts)
        with self._engine().session() as parser:
            tree = parser.parse(sql)
            found = walk(sql, tree, qualified=True)
        problems = placed(found, sql)
        if has_errors(problems):
            raise UsageError(*problems)
        opened = self.opened(principal, [name for name, _ in found.references], at, purpose)
        over = self.witnessed(principal, opened, sql)
        try:
            with (
                self.fetching.for_query(principal, opened, tree, limit) as ready,
                self._engine().locked(ready.relations, ready.paths) as session,
            ):
                columns = session.columns(sql)
                table, truncated = session.arrow(sql, limit)
        except BaseException as e:
            over("failed", 0, 0)
            if isinstance(e, UserCodeError):
                raise UserCodeError(*(in_query(d) for d in e.diagnostics)) from e
            raise
        over("cut" if truncated else "done", table.num_rows, table.nbytes)
        return Result(
            tuple(ResultColumn(c.name, c.type) for c in columns),
            table,
            truncated,
            {str(one.publication.address): one.publication.snapshot_id for one in opened.ports.values()},
            self._engine().texts,
            tuple(opened.notes),
            tuple(dict.fromkeys(opened.warnings)),
        )

    @property
    def fetching(self) -> Fetching:
        """Brings rows of ports that live in databases to where an engine reads them."""
        return Fetching(self._live, self._gone)

    def again(self, principal: Principal, address: Address, snapshot_id: str, purpose: str | None = None) -> Readable:
        """A port as it was opened at a snapshot; one that lives in a database has no snapshots, and is opened as it is.

        Raises:
            UsageError, AccessDenied: as `open`.
        """
        before = self._reader.publication(address, snapshot_id)
        lives = before is not None and before.manifest.live is not None
        return self.open(principal, address, None if lives else snapshot_id, purpose=purpose)

    def stream(self, principal: Principal, question: Question) -> Streamed:
        """The answer to a question, in a process of its own, as it is made.

        Raises:
            UsageError: WFT-SQL-001 to 007 the text is refused, WFT-ACC-001 no such port.
            AccessDenied: WFT-ACC-002, WFT-ACC-007 a port's end of life has passed.
            TransientError: WFT-ACC-041, too many queries run.
            UserCodeError: the query fails.
        """
        assert self._readers is not None, "a door of somebody who serves others has readers"
        return self._readers().ask(self, principal, question, placed)

    def witnessed(self, principal: Principal, opened: Opened, sql: str) -> Over:
        """Writes down that somebody is about to read; gives what says how it ended.

        The owner of a folder that cannot be written reads all the same; nobody else reads unwritten.

        Raises:
            PlatformError: WFT-REG-002, it cannot be written down.
        """
        if self._witness is None:
            return untold
        try:
            return self._witness.begun(principal, opened.ports, sql, opened.purpose)
        except PlatformError:
            if principal.kind is PrincipalKind.OWNER:
                return untold
            raise

    def still(self, principal: Principal, opened: Opened) -> bool:
        """Whether what was opened would be opened again in the same way: the same rows, columns and masks.

        Raises:
            UserCodeError: WFT-ENG-003, nobody waits for it.
        """
        if self._gone is not None and self._gone():
            from weft.access.reading.process import unwanted

            raise unwanted()
        try:
            return all(
                self.again(principal, address, one.publication.snapshot_id, opened.purpose).relation == one.relation
                for address, one in opened.ports.items()
            )
        except WeftError:
            return False

    def opened(self, principal: Principal, names: Sequence[str], at: At = None, purpose: str | None = None) -> Opened:
        """The ports that a query names, as they all stood at one moment.

        Raises:
            UsageError: WFT-ACC-001 no such port, WFT-ACC-004, WFT-RUN-005.
            AccessDenied: WFT-ACC-002, WFT-ACC-007.
        """
        return self._opened(principal, [_parts(name) for name in names], at, purpose)

    def _opened(
        self, principal: Principal, tables: Collection[tuple[str, str, str]], at: At, purpose: str | None
    ) -> Opened:
        """The ports of a query as they all stood at one moment: a product may be published between two looks."""
        while True:
            named = {name: ".".join(name) for name in tables}
            states = {name: self._state(parse_address(self._pins.get(text, text))) for name, text in named.items()}
            opened = self._as_they_stand(principal, states, at, purpose)
            after = {s.address: self._state(s.address).revision for s in states.values()}
            if all(after[s.address] == s.revision for s in states.values()):
                return opened

    def _as_they_stand(
        self, principal: Principal, states: Mapping[tuple[str, str, str], PortState], at: At, purpose: str | None
    ) -> Opened:
        opened: dict[Address, Readable] = {}
        relations: dict[tuple[str, str, str], str] = {}
        notes: list[str] = []
        warnings: list[Diagnostic] = []
        require_of(at, {state.address for state in states.values()})
        for name, state in states.items():
            address = state.address
            if address not in opened:
                opened[address] = self.open(principal, address, at, purpose=purpose)
            domain, product, table = name
            relations[domain, product, table] = opened[address].relation
            if "@" not in table:
                notes.append(f"`{'.'.join(name)}` is `{address}`")
            if opened[address].live is not None:
                notes.append(f"`{address}` lives in a database: its rows as of {self._now():%Y-%m-%dT%H:%M:%SZ}")
            override = opened[address].publication.override
            if override is not None:
                notes.append(f"`{address}` is {override.mark}")
            if state.status == "deprecated":
                warnings.append(self._deprecated(state))
        return Opened(opened, relations, notes, warnings, purpose)

    def _deprecated(self, state: PortState) -> Diagnostic:
        """What a reader of a deprecated port is told while it is still served."""
        end = self._end(state)
        assert end is not None, "a deprecated port has an end, if only an open one"
        return warning(
            "WFT-ACC-006",
            f"`{state.address}` is deprecated, {end.in_words(self._now().date())}",
            why="nobody can read it afterwards" if end.day else "its owner means to end it",
            fix=end.way_out("ask its owner what takes its place"),
        )

    def _declared(self, product: Principal) -> tuple[Address, ...]:
        """The input ports with which a product is registered."""
        domain, _, name = product.name.partition(".")
        found = self._reader.product(ProductAddress(domain, name))
        return tuple(map(parse_address, found.reads)) if found is not None else ()

    def _end(self, state: PortState) -> EndOfLife | None:
        """The end of a deprecated or retired port; None for every other."""
        if not state.retired and state.status != "deprecated":
            return None
        from weft.registry.lifecycle import registered_end  # few reads are of such a port

        return registered_end(self._reader, state)

    def _state(self, address: Address) -> PortState:
        state = self._reader.port(address)
        if state is not None:
            return state
        ports = self._reader.ports()
        # a draft is for its own domain, and so is its name
        open_ = [a for a, s in ports.items() if not s.retired and s.status != "draft"]
        known = [str(a) if address.major else a.unpinned for a in open_]
        raise UsageError(
            error(
                "WFT-ACC-001",
                f"there is no published port `{address}`",
                fix=did_you_mean(str(address), known, otherwise="`weft search` finds ports by words"),
            )
        )


def _require(decision: Decision, principal: Principal, what: str, fix: str | None = None) -> None:
    """Raises what a decision that denies says.

    Raises:
        AccessDenied: WFT-ACC-002, or the decision's own code.
    """
    if not decision.allowed:
        told = f"`{principal.name}` may not read {what}"
        raise AccessDenied(error(decision.code, told, why=decision.reason, fix=fix))


def _parts(name: str) -> tuple[str, str, str]:
    """Domain, product and port of a table that a query names."""
    domain, product, port = name.split(".")
    return domain, product, port
