"""What the registry writes is what it reads again."""

from __future__ import annotations

import datetime as dt
import json
import math
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from weft.errors import Where
from weft.model.address import Address, ProductAddress
from weft.model.checks import CheckCounts, CheckResult, CheckSeverity, Outcome, Rule
from weft.model.column import Column
from weft.model.publication import (
    ColumnStatistics,
    DataFile,
    Digests,
    Manifest,
    Override,
    PortState,
    Publication,
    Quarantine,
)
from weft.model.records import DomainRecord, PortOutcome, ProductRecord, Run, RunState
from weft.registry import codec

texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)
maybe_text = st.none() | texts
counts = st.integers(0, 2**63 - 1)
slugs = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True)
addresses = st.builds(Address, slugs, slugs, slugs, st.integers(0, 999_999_999))
numbers = st.floats(0, 1e9, allow_nan=False)
times = st.datetimes(dt.datetime(1970, 1, 1), dt.datetime(9000, 1, 1), timezones=st.just(dt.UTC))
strings = st.dictionaries(texts, texts, max_size=3)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**80), 2**80) | numbers | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
documents = st.dictionaries(texts, values, max_size=3)
columns = st.lists(st.builds(Column, texts, texts, counts, texts, st.booleans()), max_size=3).map(tuple)
statistics = st.builds(ColumnStatistics, st.none() | counts, maybe_text, maybe_text, st.none() | counts, st.booleans())
files = st.builds(DataFile, texts, counts, counts, st.dictionaries(st.integers(1, 2**31 - 1), statistics, max_size=3))
manifests = st.builds(Manifest, columns, st.lists(files, max_size=3).map(tuple))
digests = st.builds(Digests, texts, texts, texts)
check_counts = st.builds(CheckCounts, counts, counts, counts, counts, counts)
side_files = st.builds(DataFile, texts, counts, counts)
quarantines = st.builds(
    Quarantine,
    st.builds(Manifest, columns, st.lists(side_files, max_size=3).map(tuple)),
    counts,
    st.dictionaries(texts, counts, max_size=3),
)
overrides = st.builds(Override, texts, texts, st.dates(), st.dictionaries(texts, st.none() | counts, max_size=3))
publications = st.builds(
    Publication,
    address=addresses,
    snapshot_id=texts,
    run_id=texts,
    version=texts,
    status=texts,
    contract=documents,
    digests=digests,
    manifest=manifests,
    checks=check_counts,
    published_at=times,
    published_by=texts,
    upstream=strings,
    parts=strings,
    revision=counts,
    quarantine=st.none() | quarantines,
    override=st.none() | overrides,
    column_digests=strings,
    model_digests=strings,
)
checks = st.builds(
    CheckResult,
    id=texts,
    rule=st.sampled_from(Rule),
    column=maybe_text | st.lists(texts, min_size=1, max_size=3).map(tuple),
    dimension=maybe_text,
    severity=st.sampled_from(CheckSeverity),
    result=st.sampled_from(Outcome),
    failed_rows=st.none() | counts,
    total_rows=st.none() | counts,
    expected=maybe_text,
    actual=maybe_text,
    reason=maybe_text,
    where=st.none() | st.builds(Where, texts, st.none() | counts, st.none() | counts),
    must_evaluate=st.booleans(),
)
outcomes = st.builds(
    PortOutcome,
    addresses,
    texts,
    maybe_text,
    st.none() | counts,
    st.none() | numbers,
    st.lists(documents, max_size=2).map(tuple),
    st.none() | documents,
    st.none() | documents,
)
runs = st.builds(
    Run,
    texts,
    texts,
    texts,
    st.sampled_from(RunState),
    times,
    st.none() | times,
    st.lists(texts, max_size=3).map(tuple),
    st.lists(outcomes, max_size=3).map(tuple),
    maybe_text,
)
domains = st.builds(DomainRecord, texts, texts, texts, maybe_text, texts, maybe_text, documents)
products = st.builds(
    ProductRecord,
    st.builds(ProductAddress, slugs, slugs),
    texts,
    texts,
    maybe_text,
    st.lists(texts, max_size=3).map(tuple),
    texts,
    st.lists(texts, max_size=3).map(tuple),
    documents,
)

few = settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])


def row(one: Publication) -> tuple[Any, ...]:
    """A publication as the columns of its table."""
    return (
        str(one.address),
        one.revision,
        one.snapshot_id,
        one.run_id,
        codec.time_text(one.published_at),
        codec.header(one),
        codec.packed(one.contract),
    )


@few
@given(values)
def test_what_is_packed_is_unpacked_unchanged(value: Any) -> None:
    assert codec.unpacked(codec.packed(value)) == value


@few
@given(documents, st.randoms())
def test_the_text_of_a_value_does_not_depend_on_the_order_of_its_fields(value: dict[str, Any], random: Any) -> None:
    keys = list(value)
    random.shuffle(keys)

    assert codec.dumps({k: value[k] for k in keys}) == codec.dumps(value)
    assert codec.packed({k: value[k] for k in keys}) == codec.packed(value)


@few
@given(st.datetimes(dt.datetime(1970, 1, 2), timezones=st.timezones()), times)
def test_times_sort_as_text_whatever_their_zone(one: dt.datetime, other: dt.datetime) -> None:
    assert dt.datetime.fromisoformat(codec.time_text(one)) == one.astimezone(dt.UTC)
    assert (codec.time_text(one) < codec.time_text(other)) == (one.astimezone(dt.UTC) < other)


@few
@given(publications)
def test_a_publication_is_read_again_unchanged(one: Publication) -> None:
    assert codec.publication((*row(one), codec.manifest_blob(one.manifest))) == one


@few
@given(publications)
def test_the_parts_of_a_fingerprint_are_read_from_the_header_alone(one: Publication) -> None:
    assert codec.header_parts(codec.header(one)) == one.parts


@few
@given(publications, st.booleans(), st.booleans(), maybe_text, st.none() | strings.filter(bool))
def test_the_state_of_a_port_is_its_publication_without_the_files(
    one: Publication, default: bool, retired: bool, pinned: str | None, held: dict[str, str] | None
) -> None:
    found = codec.port_state((*row(one), int(default), int(retired), pinned, json.dumps(held) if held else None))

    assert found == PortState(
        address=one.address,
        revision=one.revision,
        snapshot_id=one.snapshot_id,
        run_id=one.run_id,
        version=one.version,
        status=one.status,
        digests=one.digests,
        upstream=one.upstream,
        parts=one.parts,
        rows=one.rows,
        checks=one.checks,
        published_at=one.published_at,
        published_by=one.published_by,
        default=default,
        pinned=pinned,
        retired=retired,
        held=held,
        contract=one.contract,
        columns=one.manifest.columns,
        quarantine=one.quarantine,
        override=one.override,
        column_digests=one.column_digests,
        model_digests=one.model_digests,
    )


@few
@given(st.lists(checks, max_size=4, unique_by=lambda c: c.id))
def test_check_results_are_read_again_with_the_samples_that_are_left(found: list[CheckResult]) -> None:
    sampled = {c.id: ({"id": 1},) for c in found[:1]}

    again = codec.check_results(codec.checks_text(found), sampled)

    assert [c.samples for c in again] == [sampled.get(c.id, ()) for c in found]
    for one, other in zip(again, found, strict=True):
        assert one.where == other.where
        assert {f: getattr(one, f) for f in one.__slots__ if f != "samples"} == {
            f: getattr(other, f) for f in other.__slots__ if f != "samples"
        }


def test_samples_are_in_a_text_of_their_own() -> None:
    secret = CheckResult("a", Rule.UNIQUE, "a", None, CheckSeverity.ERROR, Outcome.FAILED, samples=({"name": "Ada"},))

    assert "Ada" not in codec.checks_text([secret])
    assert json.loads(codec.samples_text(secret.samples)) == [{"name": "Ada"}]


def test_samples_that_json_cannot_carry_become_text() -> None:
    found = json.loads(codec.samples_text([{"day": dt.date(2026, 1, 2), "blob": b"x", "n": 2**70}]))

    assert found == [{"day": "2026-01-02", "blob": "b'x'", "n": 2**70}]


@few
@given(runs)
def test_a_run_is_read_again_unchanged(one: Run) -> None:
    assert codec.run(codec.run_text(one)) == one


@few
@given(domains)
def test_a_domain_is_read_again_unchanged(one: DomainRecord) -> None:
    assert codec.domain(codec.domain_text(one)) == one


@few
@given(products)
def test_a_product_is_read_again_unchanged(one: ProductRecord) -> None:
    assert codec.product(codec.product_text(one)) == one


def test_numbers_that_are_none_are_read_again_too() -> None:
    found = codec.unpacked(codec.packed({"a": math.inf, "b": -math.inf, "c": math.nan}))

    assert (found["a"], found["b"]) == (math.inf, -math.inf)
    assert math.isnan(found["c"])


def test_what_json_itself_cannot_say_is_read_as_it_was_written() -> None:
    written = {"nan": float("nan"), "endless": float("inf"), "half": "\ud800", "long": 10**30}

    read = codec.loads(codec.dumps(written))

    assert read.pop("nan") != written.pop("nan")
    assert read == written
