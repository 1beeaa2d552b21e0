"""What an input port may say of a source behind a connection."""

from __future__ import annotations

import pytest

from weft.errors import Diagnostic, Where
from weft.model.remote import Remote
from weft.project.remotes import remote_of


def read(**source: object) -> tuple[Remote | None, list[Diagnostic]]:
    problems: list[Diagnostic] = []
    return remote_of("raw", source, Where("product.odps.yaml", 3), problems), problems


def test_a_table_alone_is_read_in_full_at_each_plan_and_kept_a_week() -> None:
    made, problems = read(connection="db", table="orders")

    assert problems == []
    assert made == Remote("db", table="orders", keep_s=7 * 86_400, refresh_s=0)


def test_every_field_of_an_incremental_table_is_read() -> None:
    made, problems = read(
        connection="db",
        table="orders",
        mode="incremental",
        cursor="changed",
        overlap="1h",
        key=["shop", "id"],
        deletes={"column": "gone"},
        keep="30d",
        partition_by="id",
        parallel=4,
        refresh="never",
        unmapped="null",
    )

    assert problems == []
    assert made == Remote(
        "db",
        table="orders",
        incremental=True,
        cursor="changed",
        overlap=3600,
        key=("shop", "id"),
        deleted="gone",
        keep_s=30 * 86_400,
        partition_by="id",
        parallel=4,
        refresh_s=None,
        nulled=True,
    )


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ({"table": "orders"}, "names no `connection`"),
        ({"connection": "db"}, "both a `table` and a `query`, or neither"),
        ({"connection": "db", "table": "a", "query": "select 1"}, "both a `table` and a `query`"),
        ({"connection": "db", "table": "a", "mode": "incremental"}, "needs a `cursor`"),
        ({"connection": "db", "table": "a", "mode": "incremented"}, "`mode: incremented` means nothing"),
        ({"connection": "db", "table": "a", "cursor": "c"}, "`cursor` is for `mode: incremental`"),
        ({"connection": "db", "table": "a", "deletes": "keys"}, "`deletes: keys` is for `mode: incremental`"),
        (
            {"connection": "db", "table": "a", "mode": "incremental", "cursor": "c", "deletes": "keys"},
            "`deletes` needs a `key`",
        ),
        ({"connection": "db", "table": "a", "deletes": {"columns": "x"}}, "neither `keys` nor"),
        ({"connection": "db", "table": "a", "parallel": 4}, "`parallel` needs `partition_by`"),
        ({"connection": "db", "table": "a", "parallel": 0, "partition_by": "c"}, "from 1 to 16"),
        ({"connection": "db", "table": "a", "keep": "a month"}, "is no duration"),
        ({"connection": "db", "table": "a", "refresh": "sometimes"}, "is no duration"),
        ({"connection": "db", "table": "a", "delimiter": ";"}, "`delimiter` does not go with a table or a query"),
        ({"connection": "db", "file": "s3://b/x.csv", "cursor": "c"}, "`cursor` does not go with files"),
        ({"connection": "db", "table": "a", "cursors": "c"}, "unknown field `cursors`"),
        ({"connection": "db", "table": "a", "key": [1]}, "`key` must be a column or a list of columns"),
        ({"connection": 7, "table": "a"}, "`connection` must be text"),
    ],
)
def test_what_is_wrong_is_told_at_its_input_port(source: dict, told: str) -> None:
    made, problems = read(**source)

    assert made is None
    assert {d.code for d in problems} == {"WFT-SRC-023"}
    assert all(d.where == Where("product.odps.yaml", 3) and "input port `raw`" in d.what for d in problems)
    assert any(told in d.what for d in problems)
