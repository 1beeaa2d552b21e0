"""The quick look says yes to nothing that the walker refuses or warns of, and reads in it what the walker reads."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import pytest
from hypothesis import given, settings

from tests.unit.sql.lineage_corpus import CORPUS
from tests.unit.sql.query_grammar import queries
from weft.sql import shapes
from weft.sql.allowlist import walk
from weft.sql.plain import plain_references
from weft.sql.statements import ByteOffsets
from weft.sql.tree import EXPRESSIONS, PARTS, QUERIES, TABLES, UNTYPED

STATEMENTS = (Path(__file__).parent / "lineage_statements.sql").read_text(encoding="utf-8").split(";")

EVERY_SHAPE = (
    "with c(x) as materialized (select a from t), d as (select x from c) select distinct on (a) *, t.a as b from c "
    "join t using (a) left join d on d.x between 1 and t.a where a in (1, 2) and not b or c = 'x' order by a desc",
    "select * exclude (a, t.b) replace (a + 1 as c) rename (d as e), columns('x.*') from t limit 3 offset 1",
    "select sum(x order by y) filter (where z), case when a then b else c end, a::decimal(18, 2) collate nocase from t",
    "select sum(x order by y) filter (where z) over (partition by a order by b rows between 1 preceding and 2 "
    "following), lag(a, 2, 0) over (order by b), list_transform(l, lambda e: e + 1) from t group by grouping sets "
    "((a), ()) having count(*) > 1 qualify x > 2",
    "select (select max(a) from u), a in (select b from u), exists (select 1) from (select 1) s(a), (values (1, 2)) v "
    "union all select 1, 2, x from u order by 1",
)
"""Queries in which every shape stands, and every field that may hold another part holds one."""

NOT_PLAIN = (
    "select * from read_csv('x.csv')",
    "select read_text('x')",
    "select READ_TEXT(a) over () from t",
    "select pg_catalog.abs(a) from t",
    "select a.upper() from t",
    "select getvariable(a) from t",
    "select now() from t",
    "select random()",
    "select age(a) from t",
    "select current_date",
    "select CURRENT_TIMESTAMP from t",
    "select nextval('s')",
    "select * from 'x.csv'",
    'select * from "https://x/y.parquet"',
    "select * from main.t",
    "select * from a.b.c",
    "select * from t at (version => 1)",
    "select * from t tablesample 10%",
    "select * from t using sample 3",
    "select * from range(3)",
    "select * from t pivot (sum(a) for b in (1, 2))",
    "with recursive r as (select 1 as n union all select n + 1 from r where n < 3) select n from r",
    "select ? from t",
    "select $a from t",
    "select #1 from t",
    "select a::main.money from t",
    "select a::secret from t",
    "select {'a': 1, 'b': read_blob('x')}",
    "select [read_blob('x')]",
    "select * replace (read_text('x') as a) from t",
    "select columns(read_text('x')) from t",
    "select a from t order by read_text('x')",
    "select a from t limit (select n from main.t)",
    "with c as (select * from 'x.csv') select 1",
    "select (select 1 from 'x.csv')",
    "select 1; select 2",
    "select",
    "create table t(a int)",
    "from duckdb_settings()",
    "describe t",
    "",
)


@pytest.fixture(scope="module")
def parse() -> Iterator[Any]:
    with duckdb.connect() as connection:
        yield lambda sql: connection.execute("select json_serialize_sql(?)", [sql]).fetchone()[0]


def agrees(sql: str, tree: str) -> bool:
    """Whether the quick look said yes; asserts that the walker then does, over the same tables at the same places."""
    found = plain_references(tree)
    if found is None:
        return False
    walked = walk(sql, tree, qualified=False)
    assert walked.problems == ()
    assert walked.volatile == ()
    assert list(walked.references) == [(name, ByteOffsets(sql)(offset)) for name, offset in found]
    return True


def test_what_is_plain_the_walker_allows_and_reads_the_same_in_it(parse):
    texts = [*(query.sql for query in CORPUS), *filter(str.strip, STATEMENTS), *EVERY_SHAPE]

    plain = [agrees(sql, parse(sql)) for sql in texts]

    assert len(texts) > 300
    assert sum(plain) > 0.8 * len(texts)


@settings(deadline=None)
@given(sql=queries())
def test_of_any_query_both_say_the_same(parse, sql: str):
    agrees(sql, parse(sql))


def test_places_are_told_where_the_text_is_not_ascii(parse):
    sql = "select 'ä€' as é from t join u using (ö)"

    assert agrees(sql, parse(sql))


def test_a_name_in_with_hides_a_table_where_it_is_seen_and_nowhere_else(parse):
    sql = 'with t as (select * from t), "Ü" as (from T) select * from t, Ü, (with u as (select 1) from U), u'

    assert agrees(sql, parse(sql))
    assert [name for name, _ in plain_references(parse(sql)) or ()] == ["t", "u"]


@pytest.mark.parametrize("sql", NOT_PLAIN)
def test_what_is_refused_or_warned_of_or_may_be_is_left_to_the_walker(parse, sql):
    assert plain_references(parse(sql)) is None


def test_every_shape_stands_in_the_queries_that_are_broken_below(parse):
    seen: set[str] = set()

    for sql in EVERY_SHAPE:
        _note(shapes.decoded(parse(sql)), seen)

    assert seen == {one.__name__ for one in _shapes()}


HOSTILE = (
    "select read_text('x')",
    "select 1 from 'x.csv'",
    "select (select 1 from main.t)",
    "select now()",
)
"""Queries of which the part that is not plain is put in the place of others."""


def test_a_hostile_part_in_the_place_of_any_other_part_or_scalar_is_never_plain(parse):
    hostile, tried = _hostile(parse), 0

    for sql in EVERY_SHAPE:
        tree = json.loads(parse(sql))
        assert plain_references(json.dumps(tree)) is not None
        for broken in _broken(tree, tree, hostile):
            tried += 1
            assert plain_references(broken) is None, broken

    assert tried > 15_000


def test_a_field_that_is_not_listed_is_never_plain(parse):
    for sql in EVERY_SHAPE:
        tree = json.loads(parse(sql))
        for part in _parts(tree):
            part["further"] = None
            assert plain_references(json.dumps(tree)) is None
            del part["further"]


def test_the_shapes_are_of_what_the_walker_lists():
    for shape in _shapes() - {shapes.Order, shapes.Parsed}:
        tag, tag_field = shape.__struct_config__.tag, shape.__struct_config__.tag_field
        fields = frozenset({*shape.__struct_fields__, *([tag_field] if tag_field else ())})
        listed = next((of for base, of in _LISTED.items() if issubclass(shape, base)), PARTS)
        assert fields <= listed[str(tag)] if tag else fields in UNTYPED, shape
    for kind in ("ASCENDING", "DESCENDING", "ORDER_DEFAULT"):
        assert frozenset(shapes.Order.__struct_fields__) == PARTS[kind]


_LISTED = {shapes.Expression: EXPRESSIONS, shapes.FromItem: TABLES, shapes.QueryNode: QUERIES}


def _shapes() -> set[type[msgspec.Struct]]:
    """Every shape that a tree may have, without those that only others are made from."""
    every = [one for one in vars(shapes).values() if isinstance(one, type) and issubclass(one, msgspec.Struct)]
    bases = {msgspec.Struct, shapes._Part, shapes.Expression, shapes.FromItem, shapes.QueryNode}
    return set(every) - bases


def _note(node: Any, seen: set[str]) -> None:
    if isinstance(node, list | tuple):
        for item in node:
            _note(item, seen)
    elif isinstance(node, msgspec.Struct):
        seen.add(type(node).__name__)
        for name in node.__struct_fields__:
            _note(getattr(node, name), seen)


def _hostile(parse: Any) -> list[Any]:
    call, table, query, changing = (json.loads(parse(sql))["statements"][0]["node"] for sql in HOSTILE)
    expressions = [one["select_list"][0] for one in (call, query, changing)]
    bare = {"class": "COLUMN_REF", "type": "COLUMN_REF"}
    return [*expressions, bare, table["from_table"], table, {"node": table, "named_param_map": []}]


def _broken(tree: Any, node: Any, hostile: list[Any]) -> Iterator[str]:
    """The tree as text, with each hostile part once in each place, alone and in a list."""
    for key in list(node) if isinstance(node, dict) else range(len(node)):
        kept = node[key]
        for part in hostile:
            for put in (part, [part]):
                node[key] = put
                yield json.dumps(tree)
        node[key] = kept
        if isinstance(kept, dict | list):
            yield from _broken(tree, kept, hostile)


def _parts(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
    for inner in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from _parts(inner)
