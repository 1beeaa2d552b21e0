"""Tables of any shape, and the way from a table through a contract to a document and back."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs
from hypothesis import strategies as st
from msgspec.structs import replace

from weft.contracts.exchange.exchange import contract_of, document_from
from weft.contracts.exchange.kinds import KINDS, Read, Written, module_of
from weft.contracts.exchange.notes import Notes
from weft.contracts.exchange.odcs import tables_of
from weft.model.document import Document
from weft.model.odcs import Contract, contract
from weft.model.shape import UNSET, Field, Table


@cache
def _validator() -> Any:
    found = importlib.util.find_spec("open_data_contract_standard")
    assert found is not None and found.origin is not None
    return jsonschema_rs.validator_for(json.loads((Path(found.origin).parent / "schema.json").read_text()))


def a_contract_of(*tables: Table) -> Contract:
    """The contract of tables, which keeps the schema of ODCS, written as JSON and read again."""
    made = contract_of(Read(tables), name="c", contract_id="0b5b6fd2-0000-4000-8000-000000000000")
    document = json.loads(json.dumps(made.document))
    assert [e.message for e in _validator().iter_errors(document)] == []
    assert made.notes == ()
    return contract(Document("c.odcs.yaml", document))


def exported(kind: str, *tables: Table, **options: str) -> Written:
    return document_from(a_contract_of(*tables), KINDS[kind], **options)


def imported(kind: str, source: Any, name: str = "t", **options: str) -> Contract:
    """The contract that a document describes."""
    read = module_of(KINDS[kind]).imported(source, name, **options)
    return a_contract_of(*read.tables)


def tables(described: Contract) -> tuple[Table, ...]:
    notes = Notes()
    found = tables_of(described, notes)
    assert notes.lines == ()
    return found


NAMES = st.from_regex(r"[a-z_][a-z0-9_]{0,8}", fullmatch=True)
TEXTS = (
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"]), min_size=1, max_size=12)
    .map(str.strip)
    .filter(bool)
)


def simple_fields(types: Sequence[str], options: bool = True) -> st.SearchStrategy[Field]:
    """Fields without parts, with limits that fit their types."""
    return st.sampled_from(types).flatmap(lambda t: _simple(t, options))


def _simple(name: str, options: bool) -> st.SearchStrategy[Field]:
    if name == "DECIMAL":
        sizes = st.integers(1, 38).flatmap(lambda p: st.tuples(st.just(p), st.integers(0, p)))
        made = sizes.map(lambda size: Field("", "DECIMAL", size))
    elif name == "ENUM":
        made = st.lists(TEXTS, min_size=1, max_size=3, unique=True).map(lambda v: Field("", "ENUM", values=tuple(v)))
    else:
        made = st.just(Field("", name))
    if not options:
        return made
    limits: st.SearchStrategy[dict[str, Any]] = st.just({})
    if name == "VARCHAR":
        limits = st.fixed_dictionaries(
            {},
            optional={
                "minLength": st.integers(1, 5),
                "maxLength": st.integers(6, 90),
                "pattern": st.sampled_from(["^a", "[0-9]+", "it's\\.$"]),
            },
        )
    elif name in ("SMALLINT", "INTEGER", "BIGINT", "DOUBLE"):
        limits = st.fixed_dictionaries(
            {},
            optional={
                "minimum": st.integers(-9, 0),
                "maximum": st.integers(1, 99),
                "multipleOf": st.integers(1, 5) if name != "DOUBLE" else st.nothing(),
            },
        )
        if name == "DOUBLE":
            limits = st.fixed_dictionaries(
                {}, optional={"exclusiveMinimum": st.integers(-9, 0), "maximum": st.integers(1, 99)}
            )
    return st.builds(lambda f, o: replace(f, options=o), made, limits)


def fields(
    types: Sequence[str],
    *,
    nested: Sequence[str] = ("STRUCT", "LIST", "MAP"),
    names: st.SearchStrategy[str] = NAMES,
    options: bool = True,
    described: bool = True,
    inner_required: bool = True,
    items_described: bool = True,
    items_required: bool = True,
) -> st.SearchStrategy[Field]:
    """Fields of any depth, with descriptions and nullability at every level."""

    def dressed(inner: st.SearchStrategy[Field]) -> st.SearchStrategy[Field]:
        texts = st.none() | TEXTS if described else st.none()
        required = st.booleans() if inner_required else st.just(False)
        return st.builds(lambda f, d, r: replace(f, description=d, required=r), inner, texts, required)

    def struct(inner: st.SearchStrategy[Field]) -> st.SearchStrategy[Field]:
        several = st.lists(st.tuples(names, inner), min_size=1, max_size=3, unique_by=lambda p: p[0].lower())
        return several.map(lambda ps: Field("", "STRUCT", fields=tuple(replace(f, name=n) for n, f in ps)))

    def element(field: Field, name: str) -> Field:
        required = field.required and items_required
        return replace(field, name=name, required=required, description=field.description if items_described else None)

    def deeper(inner: st.SearchStrategy[Field]) -> st.SearchStrategy[Field]:
        made: dict[str, st.SearchStrategy[Field]] = {
            "STRUCT": struct(inner),
            "LIST": inner.map(lambda f: Field("", "LIST", items=element(f, "items"))),
            "ARRAY": st.builds(
                lambda f, n: Field("", "ARRAY", (n,), items=element(f, "items")), inner, st.integers(1, 4)
            ),
            "MAP": inner.map(
                lambda f: Field("", "MAP", key=Field("key", "VARCHAR", required=True), items=element(f, "value"))
            ),
        }
        return dressed(st.one_of([made[n] for n in nested]))

    plain = dressed(simple_fields(types, options))
    return st.recursive(plain, deeper, max_leaves=5) if nested else plain


@st.composite
def any_table(
    draw: st.DrawFn,
    columns: st.SearchStrategy[Field],
    *,
    names: st.SearchStrategy[str] = NAMES,
    keys: bool = True,
    unique: bool = True,
    described: bool = True,
) -> Table:
    """Tables with a key of one or more columns, and columns of the given kind."""
    drawn = draw(st.lists(st.tuples(names, columns), min_size=1, max_size=4, unique_by=lambda p: p[0].lower()))
    found = [replace(f, name=n) for n, f in drawn]
    if keys:
        able = [
            i
            for i, f in enumerate(found)
            if not f.fields and f.items is None and f.type not in ("JSON", "DOUBLE", "FLOAT")
        ]
        chosen = draw(st.lists(st.sampled_from(able), unique=True, max_size=2)) if able else []
        for position, i in enumerate(chosen, start=1):
            found[i] = replace(found[i], required=True, key_position=position)
    if unique:
        able = [i for i, f in enumerate(found) if not f.key_position and not f.fields and f.items is None]
        for i in draw(st.lists(st.sampled_from(able), unique=True, max_size=1)) if able else []:
            found[i] = replace(found[i], unique=True)
    text = draw(st.none() | TEXTS) if described else None
    return Table(draw(names), tuple(found), description=text)


__all__ = [
    "UNSET",
    "Field",
    "Table",
    "a_contract_of",
    "any_table",
    "exported",
    "fields",
    "imported",
    "simple_fields",
    "tables",
]


def said(table: Table, dialect: str) -> Table:
    """What a system can say of a table: DuckDB has no index over intervals."""
    without = {f.name for f in table.fields if f.type == "INTERVAL"} if dialect == "duckdb" else set()
    keyless = bool(without & set(table.key))
    fields = (
        replace(f, unique=f.unique and f.name not in without, key_position=0 if keyless else f.key_position)
        for f in table.fields
    )
    return replace(table, fields=tuple(fields))
