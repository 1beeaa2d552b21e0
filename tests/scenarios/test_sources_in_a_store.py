"""A product that is made from files of an object store: all of them, or none."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.scenarios.test_database_sources import Shop
from tests.stores import ACCESS_KEY, REGION, SECRET_KEY, ObjectServer
from weft.errors import WeftError


@pytest.fixture(autouse=True)
def answering(store: ObjectServer) -> Iterator[None]:
    """The next test finds a store that answers."""
    yield
    store.unlisted = None


def shop_of(root: Path, store: ObjectServer, file: str, secret: str = SECRET_KEY) -> Shop:
    """A mesh whose product is made from files of a bucket."""
    shop = Shop(root, "unused", {"file": file, "format": "csv"})
    (root / "domains/shop/sales/models/orders.sql").write_text("select id::int as id, amount::int as amount from raw")
    settings = f'kind = "s3"\nendpoint = "{store.endpoint}"\nregion = "{REGION}"\n'
    keys = 'access_key = { file = "key" }\nsecret_key = { file = "secret" }\n'
    (root / "weft.toml").write_text(f'[mesh]\nname = "shop"\n[connections.db]\n{settings}{keys}')
    (root / "key").write_text(ACCESS_KEY)
    (root / "secret").write_text(secret)
    return shop


def bucket_of(store: ObjectServer, *keys: str) -> str:
    """A bucket with a file of one row for each key."""
    bucket = store.bucket()
    for number, key in enumerate(keys, 1):
        store.client().put_object(Bucket=bucket, Key=key, Body=f"id,amount\n{number},{number}0\n".encode())
    return bucket


@pytest.mark.parametrize(
    ("file", "rows"),
    [
        ("in/*", [1, 2, 3, 4]),
        ("in/", [1, 2, 3, 4, 5]),
        ("in/sales.*.csv", [1, 2]),
        ("in/sales.2026-01-0[2-9].csv", [2]),
        ("*/*.csv", [1, 2, 3]),
        ("**/*.csv", [1, 2, 3, 5]),
        ("in/2026 é/sales[[]5].csv", [5]),
        ("in/last", [4]),
    ],
)
def test_every_file_that_a_pattern_names_is_read_whatever_its_name(
    store: ObjectServer, tmp_path: Path, file: str, rows: list[int]
) -> None:
    named = ("in/sales.2026-01-01.csv", "in/sales.2026-01-02.csv", "in/sales 3.v1.2.csv", "in/last")
    bucket = bucket_of(store, *named, "in/2026 é/sales[5].csv")
    shop = shop_of(tmp_path, store, f"s3://{bucket}/{file}")

    shop.build()

    assert [row[0] for row in shop.amounts()] == rows


@pytest.mark.parametrize("pattern", ["in/*/*.csv", "in/**/*.csv"])
def test_files_of_a_folder_that_cannot_be_listed_are_not_taken_for_missing(
    store: ObjectServer, tmp_path: Path, pattern: str
) -> None:
    bucket = bucket_of(store, *(f"in/{folder}/rows.csv" for folder in "abcd"))
    shop = shop_of(tmp_path, store, f"s3://{bucket}/{pattern}")
    store.unlisted = "in/c/"

    try:
        shop.build()
    except WeftError as refused:
        assert [d.code for d in refused.diagnostics] == ["WFT-SRC-010"]
    else:
        assert len(shop.amounts()) == 4


@pytest.mark.parametrize("file", ["in/*.csv", "in/a.csv"])
def test_a_store_that_refuses_the_key_is_not_taken_for_an_empty_one(
    store: ObjectServer, tmp_path: Path, file: str
) -> None:
    bucket = bucket_of(store, "in/a.csv")
    shop = shop_of(tmp_path, store, f"s3://{bucket}/{file}", secret="wrong-one")

    with pytest.raises(WeftError) as refused:
        shop.build()
    (tmp_path / "secret").write_text(SECRET_KEY)
    shop.build()
    (tmp_path / "secret").write_text("wrong-one")
    planned = shop.plan()

    (told,) = refused.value.diagnostics
    assert (told.code, told.why) == ("WFT-SRC-010", "it refuses the key")
    assert "wrong-one" not in str(refused.value)
    assert [d.code for d in planned.objections] == ["WFT-SRC-027"]
    assert planned.is_empty


def test_a_pattern_whose_stars_stand_within_a_name_is_told(store: ObjectServer, tmp_path: Path) -> None:
    bucket = bucket_of(store, "in/a.csv")

    with pytest.raises(WeftError, match=r"WFT-SRC-001: there is no object(.|\n)*`\*\*` stands for folders"):
        shop_of(tmp_path, store, f"s3://{bucket}/in/**.csv").build()


def test_an_object_that_cannot_be_read_is_told_by_its_name(store: ObjectServer, tmp_path: Path) -> None:
    bucket = bucket_of(store, "in/a.csv", "in/b.csv")
    store.client().put_object(Bucket=bucket, Key="in/broken one.csv", Body=b"id,total\n1,2\n")

    with pytest.raises(WeftError, match=r"raw-000002-broken_one\.csv` lacks the column `amount`"):
        shop_of(tmp_path, store, f"s3://{bucket}/in/*.csv").build()
