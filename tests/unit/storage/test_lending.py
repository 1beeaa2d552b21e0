"""Keys that a store lends: what their session policies say, and when they say too much to be written."""

from __future__ import annotations

import datetime as dt
import json

import pytest

from tests.stores import ROLE, ObjectServer
from weft.connections import Connection
from weft.errors import PlatformError, TransientError
from weft.storage import lending
from weft.storage.lending import lends, reading, sts_endpoint_of


def connection(**options: str) -> Connection:
    return Connection("lake", "s3", options, {})


def lending_store(store: ObjectServer, **options: str) -> Connection:
    given = store.connection
    return Connection(given.name, given.kind, {**given.options, "role": ROLE, **options}, given.secrets)


def test_a_policy_names_exactly_the_objects_and_folders_and_allows_to_get_them_alone():
    policy = reading(connection(role=ROLE), "lake", ["a/1.parquet", 'a/"2".parquet'], ["shown/7"])

    assert policy is not None
    (statement,) = json.loads(policy)["Statement"]
    assert (statement["Effect"], statement["Action"]) == ("Allow", "s3:GetObject")
    names = ["a/1.parquet", 'a/"2".parquet', "shown/7/*"]
    assert statement["Resource"] == [f"arn:aws:s3:::lake/{name}" for name in names]


@pytest.mark.parametrize("key", ["a*", "a?b", "${aws:username}", "größe", "a\nb"])
def test_a_key_that_a_policy_would_read_as_something_else_is_in_none(key):
    assert reading(connection(role=ROLE), "lake", [key], []) is None
    assert reading(connection(role=ROLE), "lake", [], [key]) is None


def test_a_policy_is_never_longer_than_stores_take():
    fits = [n for n in range(60) if reading(connection(role=ROLE), "lake", ["k" * 100] * n, []) is not None]

    assert fits == list(range(len(fits))) and 10 < len(fits) < 20


def test_the_part_of_amazon_is_that_of_the_role():
    policy = reading(connection(role="arn:aws-cn:iam::1:role/x"), "lake", ["a"], [])
    other = reading(connection(role="arn:minio:iam:::role/x"), "lake", ["a"], [])

    assert policy is not None and "arn:aws-cn:s3:::lake/a" in policy
    assert other is not None and "arn:aws:s3:::lake/a" in other


@pytest.mark.parametrize(
    ("options", "there"),
    [
        ({"region": "eu-west-1"}, "https://sts.eu-west-1.amazonaws.com"),
        ({"region": "cn-north-1"}, "https://sts.cn-north-1.amazonaws.com.cn"),
        ({"endpoint": "https://s3.example.org/"}, "https://s3.example.org"),
        ({"endpoint": "https://s3.example.org", "sts_endpoint": "sts.example.org"}, "https://sts.example.org"),
    ],
)
def test_keys_are_asked_for_where_the_store_gives_them(options, there):
    assert sts_endpoint_of(connection(**options)) == there


def test_a_store_lends_where_its_connection_says_so():
    assert not lends(connection(endpoint="https://s3.example.org"))
    assert lends(connection(role=ROLE)) and lends(connection(sts_endpoint="https://sts.example.org"))


def test_a_name_that_a_store_would_not_take_is_written_as_it_takes_it(store):
    now = dt.datetime.now(dt.UTC)
    policy = reading(connection(role=ROLE), "lake", ["a"], [])
    assert policy is not None

    lent = lending.lent(lending_store(store), policy, "service:ci/é " + "x" * 99, now)

    session = store.sessions[lent.keys.access_key.value]
    assert session.name == f"weft-service-ci--{'-'}{'x' * 47}"[:64] and len(session.name) == 64
    assert session.policy == policy
    assert str(lent).count("***") == 3 or "***" not in str(lent)
    for secret in (session.secret_key, session.token):
        assert secret not in repr(lent)


def test_a_store_that_is_away_is_told_so_and_one_that_refuses_is_asked_once(store):
    policy = reading(connection(role=ROLE), "lake", ["a"], [])
    assert policy is not None
    now = dt.datetime.now(dt.UTC)

    with pytest.raises(TransientError, match="WFT-STO-016"):
        lending.lent(lending_store(store, sts_endpoint="http://127.0.0.1:9"), policy, "gus", now)
    store.lends = False
    try:
        with pytest.raises(PlatformError, match="WFT-SRV-100"):
            lending.lent(lending_store(store), policy, "gus", now)
    finally:
        store.lends = True
