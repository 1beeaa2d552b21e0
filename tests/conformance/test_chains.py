"""The hash chains of the log and of reading, held to their records, to anchors and to exports; in both databases."""

from __future__ import annotations

import datetime as dt
import json
import tracemalloc

import pytest

from weft.access.permissions import Caller, Role
from weft.api.access.audit import Audit, bounds
from weft.errors import UsageError
from weft.registry.audit import ReadBegun, ReadPort
from weft.registry.chain_export import verified
from weft.registry.chains import Anchor, anchors_of
from weft.registry.log import chained
from weft.registry.publishing import append
from weft.registry.sql_tables import SqlTables

NOW = dt.datetime(2026, 3, 1, 9, tzinfo=dt.UTC)
LEAD = Caller("lena", "user", mesh=frozenset({Role.GOVERNANCE_LEAD}))
OPERATOR = Caller("olaf", "user", mesh=frozenset({Role.OPERATOR}))
TABLE = {"events": "events", "reads": "audit"}
BROKEN = {"events": "WFT-REG-004", "reads": "WFT-REG-018"}


@pytest.fixture
def audit(registry) -> Audit:
    """A day with six events and six reads, one of each an hour."""
    made = Audit(registry.database, registry, "flights", lambda: NOW)
    fill(registry, made, 6)
    return made


def fill(registry, audit: Audit, number: int) -> None:
    with registry.database.writing() as statements:
        for n in range(number):
            append(
                SqlTables(statements), NOW + dt.timedelta(hours=n), "x.happened", "ana", "fleet", {"n": n, "e": 1e-9}
            )
    port = ReadPort("fleet.aircraft.planes@1", "7", ("tailnum",))
    reads = [
        ReadBegun(NOW + dt.timedelta(hours=n), "ana", "http", (port,), "secret", "select ü") for n in range(number)
    ]
    audit.store.write(reads)


def change(registry, *statements: tuple[str, tuple[object, ...]]) -> None:
    with registry.database.writing() as opened:
        for sql, values in statements:
            assert opened.run(sql, values) > 0


def insert_third(registry, chain: str) -> None:
    """Puts a record in the third place, with a hash that fits to the one before it."""
    table = TABLE[chain]
    change(registry, (f"UPDATE {table} SET seq = seq + 1000 WHERE seq >= 3", ()))
    change(registry, (f"UPDATE {table} SET seq = seq - 999 WHERE seq >= 1000", ()))
    with registry.database.writing() as opened:
        row = opened.row(f"SELECT hash, at, kind, actor, subject FROM {table} WHERE seq = 2")
        assert row is not None
        hash_ = chained(row[0], 3, row[1], row[2], row[3], row[4], {})
        opened.run(f"INSERT INTO {table} VALUES (?, ?, ?, ?, ?, ?, ?, ?)", (3, *row[1:], "{}", row[0], hash_))


def anew(registry, chain: str, actor: str) -> None:
    """Changes the second record, and writes all hashes from there on anew: the chain itself is whole."""
    table = TABLE[chain]
    with registry.database.writing() as opened:
        rows = opened.rows(f"SELECT seq, at, kind, actor, subject, body FROM {table} WHERE seq >= 2 ORDER BY seq")
        (previous,) = opened.row(f"SELECT hash FROM {table} WHERE seq = 1") or ("",)
        for n, (seq, at, kind, _, subject, body) in enumerate(rows):
            who = actor if n == 0 else "ana"
            hash_ = chained(previous, seq, at, kind, who, subject, json.loads(body))
            sql = f"UPDATE {table} SET actor = ?, previous = ?, hash = ? WHERE seq = ?"
            opened.run(sql, (who, previous, hash_, seq))
            previous = hash_


@pytest.mark.parametrize("chain", ["events", "reads"])
@pytest.mark.parametrize("how", ["changed", "removed", "inserted"])
def test_a_record_that_is_changed_removed_or_inserted_is_found_in_each_chain(registry, audit, chain, how):
    before = audit.verify()
    if how == "inserted":
        insert_third(registry, chain)
    else:
        sql = {"changed": "UPDATE {} SET subject = 'x' WHERE seq = 3", "removed": "DELETE FROM {} WHERE seq = 3"}[how]
        change(registry, (sql.format(TABLE[chain]), ()))

    after = audit.verify()

    other = "reads" if chain == "events" else "events"
    assert (before["events"], before["reads"], before["diagnostics"]) == (6, 6, [])
    assert (after[chain], after[other]) == (None, 6)
    assert [one["code"] for one in after["diagnostics"]] == [BROKEN[chain]]


@pytest.mark.parametrize("chain", ["events", "reads"])
def test_a_tail_that_is_cut_off_is_found_with_an_anchor_alone(registry, audit, chain):
    kept = anchors_of(audit.verify()["anchors"])
    texts = [("DELETE FROM audit_texts", ())] if chain == "reads" else []
    change(registry, (f"DELETE FROM {TABLE[chain]} WHERE seq > 4", ()), *texts)

    assert audit.verify()["diagnostics"] == []
    found = audit.verify(kept)

    assert found[chain] is None
    assert [(d["code"], d["why"]) for d in found["diagnostics"]] == [("WFT-GOV-046", "its end was cut off")]


@pytest.mark.parametrize("chain", ["events", "reads"])
def test_a_chain_that_is_written_anew_is_found_with_an_anchor_alone(registry, audit, chain):
    kept = anchors_of(audit.verify()["anchors"])
    anew(registry, chain, "somebody else")

    assert audit.verify()["diagnostics"] == []
    found = audit.verify(kept)

    assert [d["code"] for d in found["diagnostics"]] == ["WFT-GOV-046"]
    assert "another record 6" in found["diagnostics"][0]["what"]


def test_a_chain_that_has_grown_still_reaches_its_anchor(registry, audit):
    kept = anchors_of(audit.verify()["anchors"])
    fill(registry, audit, 2)

    assert audit.verify(kept)["diagnostics"] == []
    assert audit.verify(kept)["events"] == 8


def test_erasing_what_was_typed_leaves_chain_anchors_and_exports_as_they_were(registry, audit):
    kept = anchors_of(audit.verify()["anchors"])
    before = exported(audit)

    ids = [one.read_id for _, one in audit.store.reads()]
    assert audit.store.erase(ids) == 6

    after = audit.verify(kept)
    assert (after["reads"], after["diagnostics"]) == (6, [])
    assert exported(audit) == before
    assert verified(before)["diagnostics"] == []
    assert all("secret" not in line and "select" not in line for line in before)
    with registry.database.reading() as statements:
        assert statements.rows("SELECT * FROM audit_texts") == []


def exported(audit: Audit, caller: Caller = LEAD, first: str | None = None, last: str | None = None) -> list[str]:
    return b"".join(audit.export(caller, *bounds(first, last))).decode().splitlines(keepends=True)


def test_an_export_is_verified_without_the_registry_and_holds_the_registry(registry, audit):
    lines = exported(audit)

    found = verified(lines)

    live = audit.verify()
    assert (found["events"], found["reads"], found["diagnostics"]) == (6, 6, [])
    assert found["anchors"] == live["anchors"] == [str(a) for a in anchors_of(lines)]
    assert verified(lines, anchors_of(live["anchors"]))["outside"] == []
    assert json.loads(lines[0])["mesh"] == "flights"


def test_an_export_of_some_days_holds_the_records_of_these_days_and_is_verified_too(registry, audit):
    lines = exported(audit, first="2026-03-01T10:00", last="2026-03-01T12:00")

    records = [(one["chain"], one["seq"]) for one in map(json.loads, lines) if "chain" in one]
    found = verified(lines, [Anchor("events", 6, "0" * 64)])

    assert records == [("events", 2), ("events", 3), ("reads", 2), ("reads", 3)]
    assert (found["events"], found["reads"], found["diagnostics"]) == (2, 2, [])
    assert found["outside"] == [f"events:6:{'0' * 64}"]
    assert len(exported(audit, last="2026-03-01")) == len(exported(audit)) == 15
    empty = verified(exported(audit, first="2027-01-01"))
    assert (empty["events"], empty["diagnostics"]) == (0, [])
    with pytest.raises(UsageError):
        bounds("yesterday", None)


@pytest.mark.parametrize("line", [1, 3, 6, 7, 12, 13, 14])
@pytest.mark.parametrize("how", ["removed", "twice", "cut", "changed"])
def test_whatever_line_of_an_export_is_touched_is_found(registry, audit, line, how):
    lines = exported(audit)
    one = lines[line]
    if how == "removed":
        del lines[line]
    elif how == "twice":
        lines.insert(line, one)
    elif how == "cut":
        del lines[line:]
    else:
        data = json.loads(one)
        data["seq" if "anchor" in data else "actor"] = 99 if "anchor" in data else "eve"
        lines[line] = json.dumps(data) + "\n"

    found = verified(lines)

    assert {d["code"] for d in found["diagnostics"]} == {"WFT-GOV-045"}, found
    assert found["events"] is None or found["reads"] is None


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"export": "other"}', '{"export": "weft.audit", "format": 2}', "null"]
)
def test_a_file_that_is_no_export_is_told(text):
    found = verified([text] if text else [])

    assert [d["code"] for d in found["diagnostics"]] == ["WFT-GOV-045"]
    assert (found["events"], found["reads"]) == (None, None)


@pytest.mark.parametrize("put", ['"approved_by": "ana", ', '"actor": "ana", '])
def test_a_field_that_is_put_into_a_record_of_an_export_is_found(registry, audit, put):
    fill(registry, audit, 4)
    lines = exported(audit)
    assert '"chain"' in lines[2], "the third line is a record"
    lines[2] = "{" + put + lines[2].strip()[1:]

    assert [d["code"] for d in verified(lines)["diagnostics"]] == ["WFT-GOV-045"]


def test_an_export_that_was_written_anew_is_found_with_an_anchor(registry, audit):
    kept = anchors_of(exported(audit))
    anew(registry, "reads", "somebody else")

    lines = exported(audit)

    assert verified(lines)["diagnostics"] == []
    assert [d["code"] for d in verified(lines, kept)["diagnostics"]] == ["WFT-GOV-046"]


def test_a_chain_that_is_not_for_whoever_exports_has_its_anchor_alone(registry, audit):
    lines = exported(audit, OPERATOR)

    assert {one["chain"] for one in map(json.loads, lines) if "chain" in one} == {"events"}
    assert len(anchors_of(lines)) == 2
    assert verified(lines)["diagnostics"] == []
    steward = Caller("stu", "user", domains={"fleet": frozenset({Role.STEWARD, Role.COMPLIANCE_CONTACT})})
    of_domain = exported(audit, steward)
    assert len(of_domain) == 3
    assert anchors_of(of_domain) == anchors_of(lines)


@pytest.mark.parametrize("text", ["", "events", "events:1:abc", f"other:1:{'0' * 64}", '{"anchor": "events"}', "{"])
def test_what_holds_no_anchor_is_refused(text):
    with pytest.raises(UsageError) as caught:
        anchors_of([text])

    assert caught.value.diagnostics[0].code == "WFT-GOV-047"


def test_an_export_and_its_check_hold_a_page_at_a_time(registry, audit):
    fill(registry, audit, 2_500)
    tracemalloc.start()
    number = sum(1 for _ in audit.export(LEAD))
    found = verified(line.decode() for line in audit.export(LEAD))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert number == 2 * 2_506 + 3
    assert found["diagnostics"] == []
    assert peak < 2_300_000, "a page is 1,000 records; all of them are 3 MB"
