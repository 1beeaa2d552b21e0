"""Receiving a publication of a runner elsewhere: all that it says is checked here, and committed here alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from weft.access.principals import product_principal
from weft.contracts.quarantine import allowance
from weft.engines.base import Session
from weft.errors import Conflict, ContractBroken, PlatformError, ProjectError, WeftError, error
from weft.model.address import Address, parse_address
from weft.model.checks import CheckResult, count
from weft.model.column import Column
from weft.model.handover import Committed, Handover, StagedTable, Upload, Verified
from weft.model.lineage import LineageEdge
from weft.model.odcs import Contract
from weft.model.publication import (
    DataFile,
    KeptTable,
    Manifest,
    PortState,
    Publication,
    Quarantine,
    is_kept_table,
    side_of,
)
from weft.model.remote import Remote
from weft.project.live_ports import live_of
from weft.registry import processes
from weft.runs import following
from weft.runs import live as in_place
from weft.runs.context import Context
from weft.runs.granted_inputs import require_granted
from weft.runs.handed_models import lineage_of
from weft.runs.overridden_here import decision
from weft.runs.placing import Places
from weft.runs.quotas import Room, require_room
from weft.runs.rechecking import rechecked, times_of_publication
from weft.runs.shaping import require_shape
from weft.runs.stated import Stated, stated
from weft.runs.uploaded import require_uploaded, true_to
from weft.runs.verification import broken, check_rows, names_in_record, other_tables, times_of
from weft.storage import reading
from weft.storage.base import Target
from weft.storage.side import side_target

WHOLE_UP_TO = 5_000_000
"""Rows up to which every rule of a contract is evaluated again on all of them."""


class Received(Struct, frozen=True):
    """A handover, and what the server knows of who has handed it in.

    Attributes:
        decides: whether its caller may publish against failed checks, as an owner may.
        folder: where the files of its run lie that were uploaded.
        uploads: what was uploaded, by name, as it was when it came.
        published: the revisions of what its run has published of its product, by port; None while it has not.
        may_read: whether its product may read a port of another domain.
        room: what its domain may keep; None: no bound.
    """

    handover: Handover
    run_id: str
    actor: str
    decides: bool
    folder: Path
    uploads: Mapping[str, Upload]
    published: Callable[[], Mapping[str, int] | None]
    may_read: Callable[[PortState], bool]
    room: Room | None = None
    whole_up_to: int = WHOLE_UP_TO


def receive(received: Received, context: Context) -> Committed:
    """Checks a publication and commits it, or refuses it whole; done once, however often it is asked for.

    Raises:
        WeftError: see `stated`, `uploaded` and `rechecking`; WFT-SRV-035, it goes by a snapshot that there is not.
    """
    product = received.handover.publish.product.address
    with context.registry.lock(f"product:{product}", holder=received.run_id, timeout_s=60):
        landed = received.published()
        if landed is not None:  # its server died between the commit and the answer
            return Committed(tuple(_published(port, revision, context) for port, revision in landed.items()))
        return _Receiving(received, context).commit()


def _published(port: str, revision: int, context: Context) -> Publication:
    """A publication by its number, be it the current one or not."""
    (found,) = context.registry.history(parse_address(port), before=revision + 1, limit=1)
    return found


class _Receiving:
    """One publication on its way."""

    def __init__(self, received: Received, context: Context) -> None:
        self._received = received
        self._context = context
        self._stated: Stated = stated(received.handover, received.run_id, received.actor, context.registry)
        self._fresh = require_uploaded(received.handover.uploads, received.uploads, received.folder)
        self._tables = {t.key: t for t in received.handover.tables}
        self._targets: dict[str, Target] = {}
        self._places = Places(self._fresh, Path(context.storage.root))
        self._manifests: dict[Address, Manifest] = {}
        self._verified: list[Verified] = []
        self._checks: dict[str, Sequence[CheckResult]] = {}
        self._live: dict[Address, tuple[CheckResult, ...]] = {}

    def commit(self) -> Committed:
        """Checks the rows, then commits them."""
        context, publish = self._context, self._stated.publish
        require_granted(publish, self._stated.product, self._may_read)
        if self._received.room is not None:
            fresh = sum(u.size_bytes for u in self._received.handover.uploads.values())
            require_room(self._received.room, self._stated.product, fresh, context)
        temp = context.temp_folder(processes.identity())
        temp.mkdir(parents=True, exist_ok=True)
        with context.engine.session(str(temp)) as session:
            for key, table in self._tables.items():
                self._manifests[table.table] = self._true_rows(session, key, table)
            publications = [self._with_rows(session, p) for p in publish.publications]
            publications = [self._judged(session, p) for p in publications]
            edges = self._edges(session, publications)
        context.gate(replace(publish, publications=publications, edges=edges, at=context.now()))
        try:
            self._places.put()
            snapshots = {key: self._snapshot(key, table) for key, table in self._tables.items()}
        except (WeftError, OSError):
            self._discard()
            raise
        at = context.now()
        try:
            published = context.registry.publish(
                replace(
                    publish,
                    publications=[replace(self._placed(p, snapshots), published_at=at) for p in publications],
                    checks=self._checks,
                    edges=edges,
                    checked={str(v.address): _in_the_event(v) for v in self._verified},
                    tables=[(self._kept(t, snapshots), before) for t, before in publish.tables],
                    at=at,
                )
            )
        except PlatformError:  # it may stand, only its answer is lost: its files stay, and whoever asks again finds out
            raise
        except WeftError:
            self._discard()
            raise
        return Committed(tuple(published), tuple(self._verified))

    def _edges(self, session: Session, publications: Sequence[Publication]) -> list[LineageEdge]:
        """The lineage of what is new, found here."""
        found, publish = self._stated, self._stated.publish
        return lineage_of(
            session,
            publish.product,
            found.described,
            found.contracts,
            publications,
            frozenset(publish.kept),
            publish.written,
            found.ports,
            self._context,
        )

    def _discard(self) -> None:
        """Removes what was put under the warehouse for a publication that does not come."""
        for target in self._targets.values():
            self._context.storage.discard(target, self._received.run_id)

    def _may_read(self, address: Address) -> bool:
        """Whether the product may read a port: one of its own domain, or one that it was granted."""
        state = self._context.registry.port(address)
        return state is not None and self._received.may_read(state)

    # rows

    def _true_rows(self, session: Session, key: str, table: StagedTable) -> Manifest:
        """The files of a snapshot: the new ones as they are found, the others as they are known.

        Raises:
            ProjectError: WFT-SRV-035, one is neither new nor of the snapshot that it goes on from.
            Conflict: WFT-RUN-001, the table has other columns by now.
        """
        context, run_id = self._context, self._received.run_id
        require_shape(table, self._stated.contracts.get(table.table))
        known, held = self._known(table.table)
        target = context.storage.prepare(table.table, table.columns, known, run_id, table.layout)
        self._targets[key] = target
        if target.columns != table.columns:
            what = f"the columns of `{table.table}` moved since the run began"
            raise Conflict(error("WFT-RUN-001", what, why="another run was faster", fix="plan again"))
        files = []
        for file in table.files:
            if file.path in self._fresh:
                files.append(true_to(session, target, file, self._fresh[file.path]))
                self._places.choose(file.path, target)
            elif file.path in held and table.goes_on:
                files.append(held[file.path])
            else:
                raise _no_such_files(table.table, file.path)
        return Manifest(target.columns, tuple(files))

    def _known(self, table: Address) -> tuple[Sequence[Column], dict[str, DataFile]]:
        """The columns of a table as they stand, and its files by path; those of a quarantine may come back."""
        registry = self._context.registry
        if is_kept_table(table):
            kept = next((t for t in registry.kept_tables(table.of_product) if t.table == table), None)
            return (kept.manifest.columns, _by_path(kept.manifest.files)) if kept is not None else ((), {})
        current = registry.publication(table)
        if current is None:
            return (), {}
        aside = current.quarantine.manifest.files if current.quarantine is not None else ()
        return current.manifest.columns, _by_path((*current.manifest.files, *aside))

    def _with_rows(self, session: Session, one: Publication) -> Publication:
        """A publication with the manifest of its staged snapshot, or of the one that it keeps.

        Raises:
            ProjectError: WFT-SRV-035, it names no snapshot that was staged or is current.
        """
        table = self._tables.get(one.snapshot_id)
        lives = live_of(self._stated.described, one.address)
        if lives is not None:
            return self._where_it_lives(one, lives)
        if table is not None and table.table == one.address and one.address not in self._stated.publish.kept:
            quarantine = self._aside(session, one, table) if one.quarantine is not None else None
            return replace(one, manifest=self._manifests[one.address], quarantine=quarantine)
        current = self._context.registry.publication(one.address)
        kept = current is not None and current.snapshot_id == one.snapshot_id and current.manifest.live is None
        if current is None or not kept or one.address not in self._stated.publish.kept:
            raise ProjectError(
                error(
                    "WFT-SRV-035",
                    f"a publication of `{one.address}` names snapshot `{one.snapshot_id}`, which is not there",
                    why="a publication shows rows that were staged with it, or keeps those that are current",
                    fix="plan again",
                )
            )
        # rows that stay are what they were; nobody makes them anew with a change of texts
        return replace(
            one,
            manifest=current.manifest,
            quarantine=current.quarantine,
            upstream=current.upstream,
            column_digests=current.column_digests,
            model_digests=current.model_digests,
            parts=one.parts if self._stated.ports[one.address].pinned is None else current.parts,
        )

    def _where_it_lives(self, one: Publication, table: Remote) -> Publication:
        """A publication of a port that lives in a table, which is asked by this server's own connection."""
        kept = one.address in self._stated.publish.kept
        contract = self._stated.contracts[one.address]
        found, self._live[one.address] = in_place.received(one, table, contract, kept, self._context)
        return found

    def _aside(self, session: Session, one: Publication, table: StagedTable) -> Quarantine:
        """The quarantine beside a snapshot, as it is.

        Raises:
            ContractBroken: WFT-SRV-033 it is not what the runner says, WFT-CHK-005 more is in it than may be.
        """
        stated_ = one.quarantine
        assert stated_ is not None, "it has one"
        target = self._targets[table.key]
        side = side_target(target)
        _, held = self._known(one.address)
        files = []
        for file in stated_.manifest.files:
            if file.path in self._fresh:
                files.append(true_to(session, side, file, self._fresh[file.path]))
                self._places.choose(file.path, target)
            elif file.path in held and table.goes_on:
                files.append(held[file.path])
            else:
                raise _no_such_files(one.address, file.path)
        rest = self._manifests[one.address]
        aside = Manifest(side_of(rest).columns, tuple(replace(f, statistics={}) for f in files))
        allowed = allowance(self._stated.contracts[one.address])
        total = rest.rows + aside.rows
        known = set(stated_.checks) <= (allowed.rules if allowed is not None else set())
        if allowed is None or not known or not allowed.admits(aside.rows, total) or stated_.total != total:
            raise ContractBroken(
                error(
                    "WFT-CHK-005",
                    f"`{one.address}`: {aside.rows:,} of {total:,} rows are in quarantine, more than may go there",
                    fix="mend the rows at their source or in the model",
                )
            )
        return Quarantine(aside, total, stated_.checks)

    def _judged(self, session: Session, one: Publication) -> Publication:
        """A publication with the results of its checks, found on its rows.

        Raises:
            ContractBroken: WFT-CHK-001 and others, its rows do not keep its contract; WFT-SRV-034.
        """
        publish, context = self._stated.publish, self._context
        state = self._stated.ports.get(one.address)
        told = publish.checks.get(str(one.address), ())
        stays = one.address in publish.kept
        if one.address in self._live:
            return self._decided(one, state, self._live[one.address], _all_by_server(one, self._live[one.address]))
        if stays and state is not None and state.digests.rules == one.digests.rules:
            return replace(one, checks=state.checks, override=state.override)
        promised = self._stated.contracts[one.address]
        before = times_of(one.address, promised, context.registry)
        times = times_of_publication(context.now(), before, fresh=not stays)
        others = self._others(one, promised)

        def check(some: Contract, relation: str) -> tuple[CheckResult, ...]:
            return check_rows(session, some, relation, others, context.now(), published=times)

        results, verified = rechecked(
            session,
            one.address,
            promised,
            self._relation(one),
            one.rows,
            told,
            check,
            self._received.whole_up_to,
        )
        return self._decided(one, state, results, verified)

    def _decided(
        self, one: Publication, state: PortState | None, results: tuple[CheckResult, ...], verified: Verified
    ) -> Publication:
        """A publication with its results, and with the decision that lets it pass where they are against it."""
        context = self._context
        self._verified.append(verified)
        self._checks[str(one.address)] = results
        wrong = broken(one.address, results)
        if wrong is None:
            return replace(one, checks=count(results), override=None)
        override = decision(
            one.address,
            results,
            wrong,
            one.override,
            state.override if state is not None else None,
            actor=self._received.actor,
            decides=self._received.decides,
            today=context.now().date(),
            longest_days=context.settings.mesh.override_days,
        )
        return replace(one, checks=count(results), override=override)

    def _relation(self, one: Publication) -> str:
        """The rows of a publication, wherever its files lie now."""
        known = tuple(f for f in one.manifest.files if f.path not in self._fresh)
        self._context.storage.own(one.address, Manifest(one.manifest.columns, known))
        here = [replace(f, path=str(self._fresh.get(f.path, f.path))) for f in one.manifest.files]
        return reading.relation(Manifest(one.manifest.columns, tuple(here)), self._context.storage.root)

    def _others(self, one: Publication, promised: Contract) -> dict[str, str | None]:
        """The relations that a contract's relationships point to: what is published with it, else what is."""
        publish = self._stated.publish
        names = names_in_record(publish.product, self._stated.ports)
        names |= {p.address.port: p.address for p in sorted(publish.publications, key=lambda p: p.address)}
        fresh = {p.address: p for p in publish.publications if p.address in self._manifests}
        unseen = {
            name: self._relation(replace(fresh[a], manifest=self._manifests[a]))
            for name, a in names.items()
            if a in fresh
        }
        principal = product_principal(self._stated.product)
        return other_tables(promised, names, unseen, principal, self._context, self._may_read)

    # the commit

    def _snapshot(self, key: str, table: StagedTable) -> str:
        """Commits a snapshot on the run's branch."""
        context = self._context
        manifest = self._manifests[table.table]
        files = self._places.moved(manifest).files
        base: str | None = None
        if is_kept_table(table.table):
            kept = [t for t in context.registry.kept_tables(table.table.of_product) if t.table == table.table]
            base = kept[0].snapshot_id if kept and table.goes_on else None
        else:
            state = self._stated.ports.get(table.table)
            base = state.snapshot_id if state is not None and state.live is None else None
            if state is not None and table.goes_on and any(f.path not in self._fresh for f in manifest.files):
                following.require_ours(table.table, context)
        return context.storage.commit(self._targets[key], run_id=self._received.run_id, base=base, files=files)

    def _placed(self, one: Publication, snapshots: Mapping[str, str]) -> Publication:
        """A publication with its snapshot's id, and its files by where they lie."""
        quarantine = one.quarantine
        if quarantine is not None:
            quarantine = replace(quarantine, manifest=self._places.moved(quarantine.manifest))
        snapshot_id = snapshots.get(one.snapshot_id, one.snapshot_id)
        return replace(one, snapshot_id=snapshot_id, manifest=self._places.moved(one.manifest), quarantine=quarantine)

    def _kept(self, one: KeptTable, snapshots: Mapping[str, str]) -> KeptTable:
        """What a private model keeps, as it was committed.

        Raises:
            ProjectError: WFT-SRV-035, it was not staged.
        """
        if one.snapshot_id not in snapshots or self._tables[one.snapshot_id].table != one.table:
            raise _no_such_files(one.table, one.snapshot_id)
        manifest = self._places.moved(self._manifests[one.table])
        return replace(one, snapshot_id=snapshots[one.snapshot_id], run_id=self._received.run_id, manifest=manifest)


def _all_by_server(one: Publication, results: Sequence[CheckResult]) -> Verified:
    return Verified(one.address, one.rows, None, tuple(check.id for check in results))


def _in_the_event(one: Verified) -> dict[str, Any]:
    """Who has checked what of a port, as its event keeps it."""
    by = {"all_rows": list(one.server), "sample": list(one.sample), "runner": list(one.runner)}
    return {"rows": one.rows, "sampled": one.sampled, "by": by}


def _by_path(files: Iterable[DataFile]) -> dict[str, DataFile]:
    return {f.path: f for f in files}


def _no_such_files(table: Address, path: str) -> ProjectError:
    return ProjectError(
        error(
            "WFT-SRV-035",
            f"a publication of `{table}` names the file or snapshot `{path}`, which is not there",
            why="a snapshot holds files that were uploaded in its run, and files of the snapshot that it goes on from",
            fix="plan again",
        )
    )
