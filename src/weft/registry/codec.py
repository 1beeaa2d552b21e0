"""The registry's values as JSON and back."""

from __future__ import annotations

import datetime as dt
import json
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec.structs import asdict

from weft.errors import Where
from weft.model.address import ProductAddress, parse_address
from weft.model.checks import CheckCounts, CheckResult, CheckSeverity, Outcome, Rule
from weft.model.column import Column
from weft.model.live import LiveTable
from weft.model.publication import (
    ColumnStatistics,
    DataFile,
    Digests,
    Expired,
    KeptTable,
    Manifest,
    Override,
    PartitionValue,
    PortState,
    Publication,
    Quarantine,
)
from weft.model.records import DomainRecord, Event, PortOutcome, ProductRecord, Run, RunState
from weft.registry.tables import EventRow, KeptRow, PublicationRow


def dumps(value: Any) -> str:
    """Canonical JSON: the same text for the same value."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)


def loads(text: str | bytes) -> Any:
    """What `dumps` wrote."""
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError):
        return json.loads(text)  # it reads what is not of JSON: NaN, numbers beyond doubles, halves of surrogates


def packed(value: Any) -> bytes:
    """Canonical JSON, compressed."""
    return zlib.compress(dumps(value).encode(), 1)


def unpacked(blob: bytes) -> Any:
    """What `packed` packed."""
    return loads(zlib.decompress(blob))


def time_text(at: dt.datetime) -> str:
    """A time in UTC that sorts as text."""
    return at.astimezone(dt.UTC).isoformat(timespec="microseconds")


def header(publication: Publication) -> str:
    """A publication without its contract and the files of its manifest."""
    marks: dict[str, Any] = {}
    if publication.quarantine is not None:
        marks["quarantine"] = _quarantine_fields(publication.quarantine)
    if publication.override is not None:
        marks["override"] = publication.override.as_json()
    if publication.column_digests:
        marks["column_digests"] = dict(publication.column_digests)
    if publication.model_digests:
        marks["model_digests"] = dict(publication.model_digests)
    if publication.expired is not None:
        marks |= _expired_fields(publication.expired)
    if publication.manifest.live is not None:
        marks["live"] = asdict(publication.manifest.live)
    return dumps(
        marks
        | {
            "version": publication.version,
            "status": publication.status,
            "digests": asdict(publication.digests),
            "checks": publication.checks.as_json(),
            "by": publication.published_by,
            "upstream": dict(publication.upstream),
            "parts": dict(publication.parts),
            "rows": publication.rows,
            "columns": [_column(c) for c in publication.manifest.columns],
        }
    )


def expired_header(text: str, expired: Expired) -> str | None:
    """The header of a publication whose rows go; None when they have gone before."""
    head = loads(text)
    return None if "expired" in head else dumps(head | _expired_fields(expired))


def has_expired(text: str) -> bool:
    """Whether the rows of a header's publication are gone."""
    return "expired" in loads(text)


def header_parts(text: str) -> dict[str, str]:
    """What the fingerprint of a header was made of."""
    parts: dict[str, str] = loads(text)["parts"]
    return parts


def samples_text(samples: Sequence[Mapping[str, Any]]) -> str:
    """Sample rows as JSON; what JSON cannot carry becomes text."""
    return json.dumps([dict(s) for s in samples], default=str)


def manifest_blob(manifest: Manifest) -> bytes:
    """The files of a manifest."""
    return packed(
        [
            [
                f.path,
                f.rows,
                f.size_bytes,
                {str(i): [s.nulls, s.minimum, s.maximum, s.size_bytes, s.exact] for i, s in f.statistics.items()},
                *([[[v.field_id, v.transform, v.value] for v in f.partition]] if f.partition else []),
            ]
            for f in manifest.files
        ]
    )


def files_of(blob: bytes) -> tuple[DataFile, ...]:
    """The files that `manifest_blob` packed."""
    return tuple(
        DataFile(
            path,
            rows,
            size,
            {int(i): ColumnStatistics(*s) for i, s in statistics.items()},
            tuple(PartitionValue(*v) for v in partition[0]) if partition else (),
        )
        for path, rows, size, statistics, *partition in unpacked(blob)
    )


def kept_row(table: KeptTable) -> KeptRow:
    """The row of a table that a private model keeps."""
    return (
        str(table.product),
        table.model,
        table.snapshot_id,
        table.run_id,
        dumps(dict(table.parts)),
        dumps([_column(c) for c in table.manifest.columns]),
        manifest_blob(table.manifest),
    )


def kept_table(row: KeptRow) -> KeptTable:
    """The table of a row."""
    product, model, snapshot_id, run_id, parts, columns, manifest = row
    listed = Manifest(tuple(Column(*c) for c in loads(columns)), files_of(manifest))
    return KeptTable(ProductAddress(*product.split(".")), model, snapshot_id, run_id, listed, loads(parts))


def publication_row(publication: Publication) -> PublicationRow:
    """The row of a publication that is numbered."""
    return (
        str(publication.address),
        publication.revision,
        publication.snapshot_id,
        publication.run_id,
        time_text(publication.published_at),
        header(publication),
        packed(publication.contract),
        manifest_blob(publication.manifest),
    )


def publication(row: PublicationRow) -> Publication:
    """The publication of a row."""
    port, revision, snapshot_id, run_id, published_at, head_text, contract, manifest = row
    head = loads(head_text)
    return Publication(
        address=parse_address(port),
        snapshot_id=snapshot_id,
        run_id=run_id,
        version=head["version"],
        status=head["status"],
        contract=unpacked(contract),
        digests=Digests(**head["digests"]),
        manifest=Manifest(_columns(head), files_of(manifest), _live(head)),
        checks=CheckCounts(**head["checks"]),
        published_at=dt.datetime.fromisoformat(published_at),
        published_by=head["by"],
        upstream=head["upstream"],
        parts=head["parts"],
        revision=revision,
        quarantine=_quarantine(head),
        override=_override(head),
        column_digests=head.get("column_digests", {}),
        model_digests=head.get("model_digests", {}),
        expired=_expired(head),
    )


def port_state(row: Sequence[Any]) -> PortState:
    """The state of a row (port, revision, snapshot_id, run_id, published_at, header, contract, is_default, …)."""
    port, revision, snapshot_id, run_id, published_at, head_text, contract, default, retired, pinned, held = row
    head = loads(head_text)
    return PortState(
        address=parse_address(port),
        revision=revision,
        snapshot_id=snapshot_id,
        run_id=run_id,
        version=head["version"],
        status=head["status"],
        digests=Digests(**head["digests"]),
        upstream=head["upstream"],
        parts=head["parts"],
        rows=head["rows"],
        checks=CheckCounts(**head["checks"]),
        published_at=dt.datetime.fromisoformat(published_at),
        published_by=head["by"],
        default=bool(default),
        pinned=pinned,
        retired=bool(retired),
        held=loads(held) if held else None,
        contract=unpacked(contract),
        columns=_columns(head),
        quarantine=_quarantine(head),
        override=_override(head),
        column_digests=head.get("column_digests", {}),
        model_digests=head.get("model_digests", {}),
        live=_live(head),
    )


def checks_text(results: Sequence[CheckResult]) -> str:
    """Check results without their samples, which lie in a table of their own."""
    return dumps([r.as_json(with_samples=False) | {"must_evaluate": r.must_evaluate} for r in results])


def check_results(text: str, samples: Mapping[str, Sequence[Mapping[str, Any]]]) -> tuple[CheckResult, ...]:
    """Check results with the samples that are still there."""
    return tuple(
        CheckResult(
            id=c["id"],
            rule=Rule(c["rule"]),
            column=tuple(c["column"]) if isinstance(c["column"], list) else c["column"],
            dimension=c["dimension"],
            severity=CheckSeverity(c["severity"]),
            result=Outcome(c["result"]),
            failed_rows=c["failed_rows"],
            total_rows=c["total_rows"],
            expected=c["expected"],
            actual=c["actual"],
            reason=c["reason"],
            samples=tuple(samples.get(c["id"], ())),
            where=Where(**c["where"]) if c["where"] else None,
            must_evaluate=c["must_evaluate"],
        )
        for c in loads(text)
    )


def event(row: EventRow) -> Event:
    """The event of a row."""
    seq, at, kind, actor, subject, body, previous, hash_ = row
    return Event(seq, dt.datetime.fromisoformat(at), kind, actor, subject, loads(body), hash_, previous)


def run_text(run: Run) -> str:
    """A run as JSON."""
    return dumps(
        {
            "run_id": run.run_id,
            "kind": run.kind,
            "actor": run.actor,
            "state": run.state.value,
            "started_at": time_text(run.started_at),
            "finished_at": time_text(run.finished_at) if run.finished_at else None,
            "selection": list(run.selection),
            "process": run.process,
            "ports": [
                {
                    "address": str(p.address),
                    "outcome": p.outcome,
                    "snapshot_id": p.snapshot_id,
                    "rows": p.rows,
                    "seconds": p.seconds,
                    "diagnostics": [dict(d) for d in p.diagnostics],
                    "quarantine": dict(p.quarantine) if p.quarantine is not None else None,
                    "override": dict(p.override) if p.override is not None else None,
                    "ended_at": time_text(p.ended_at) if p.ended_at is not None else None,
                }
                for p in run.ports
            ],
        }
    )


def run(text: str) -> Run:
    """The run that `run_text` wrote."""
    data = loads(text)
    finished = data["finished_at"]
    return Run(
        data["run_id"],
        data["kind"],
        data["actor"],
        RunState(data["state"]),
        dt.datetime.fromisoformat(data["started_at"]),
        dt.datetime.fromisoformat(finished) if finished else None,
        tuple(data["selection"]),
        tuple(
            PortOutcome(
                parse_address(p["address"]),
                p["outcome"],
                p["snapshot_id"],
                p["rows"],
                p["seconds"],
                tuple(p["diagnostics"]),
                p.get("quarantine"),
                p.get("override"),
                dt.datetime.fromisoformat(p["ended_at"]) if p.get("ended_at") else None,
            )
            for p in data["ports"]
        ),
        data["process"],
    )


def domain_text(record: DomainRecord) -> str:
    """A domain record as JSON."""
    return dumps(asdict(record))


def domain(text: str) -> DomainRecord:
    """The domain that `domain_text` wrote."""
    return DomainRecord(**loads(text))


def product_text(record: ProductRecord) -> str:
    """A product record as JSON."""
    fields = asdict(record)
    return dumps(fields | {"address": [record.address.domain, record.address.product]})


def product(text: str) -> ProductRecord:
    """The product that `product_text` wrote."""
    data = loads(text)
    return ProductRecord(
        **data
        | {
            "address": ProductAddress(*data["address"]),
            "tags": tuple(data["tags"]),
            "reads": tuple(data["reads"]),
        }
    )


def _column(column: Column) -> list[Any]:
    return [column.name, column.type, column.field_id, column.key, column.required]


def _columns(head: Mapping[str, Any]) -> tuple[Column, ...]:
    return tuple(Column(*c) for c in head["columns"])


def _quarantine_fields(found: Quarantine) -> dict[str, Any]:
    return {
        "total": found.total,
        "checks": dict(found.checks),
        "columns": [_column(c) for c in found.manifest.columns],
        "files": [[f.path, f.rows, f.size_bytes] for f in found.manifest.files],
    }


def _quarantine(head: Mapping[str, Any]) -> Quarantine | None:
    """The rows left out by a publication; its header has them since there is a quarantine."""
    found = head.get("quarantine")
    if found is None:
        return None
    files = tuple(DataFile(path, rows, size) for path, rows, size in found["files"])
    return Quarantine(Manifest(_columns(found), files), found["total"], found["checks"])


def _live(head: Mapping[str, Any]) -> LiveTable | None:
    """The table in which the rows of a publication live; its header has it since there are such tables."""
    found = head.get("live")
    return LiveTable(**found) if found is not None else None


def _expired_fields(expired: Expired) -> dict[str, Any]:
    return {"expired": {"at": time_text(expired.at), "reason": expired.reason}}


def _expired(head: Mapping[str, Any]) -> Expired | None:
    found = head.get("expired")
    return Expired(dt.datetime.fromisoformat(found["at"]), found["reason"]) if found is not None else None


def _override(head: Mapping[str, Any]) -> Override | None:
    found = head.get("override")
    if found is None:
        return None
    return Override(found["by"], found["reason"], dt.date.fromisoformat(found["until"]), found["checks"])
