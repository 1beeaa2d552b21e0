"""Snippets name the right server and port, hold no secret, and are offered where they work."""

from __future__ import annotations

import shlex

import pytest

from weft.api.portal.connecting import Way, snippets
from weft.model.address import parse_address

PORT = parse_address("sales.order.lines@2")
EVERY = Way("https://mesh.example.com", "grpc+tls://mesh.example.com:8081", "ada@example.com")


def texts(way: Way) -> dict[str, str]:
    return {one["id"]: one["text"] for one in snippets(way, PORT)}


def test_only_ways_that_the_server_has_are_shown():
    assert [*texts(Way("http://localhost:8080", None, "ada"))] == ["sql", "python", "curl", "iceberg"]
    assert [*texts(EVERY)] == ["sql", "python", "curl", "adbc", "flight", "jdbc", "iceberg"]


def test_files_are_not_offered_to_whom_something_is_masked_or_left_out():
    offered = [one["id"] for one in snippets(EVERY, PORT, files=False)]

    assert offered == ["sql", "python", "curl", "adbc", "flight", "jdbc"]


@pytest.mark.parametrize("name", ["python", "adbc", "flight", "iceberg"])
def test_what_is_python_can_be_compiled_and_takes_its_token_from_the_environment(name):
    text = texts(EVERY)[name]

    compile(text, name, "exec")
    assert '["WEFT_TOKEN"]' in text.replace('b"WEFT_TOKEN"', '"WEFT_TOKEN"')
    assert "mesh.example.com" in text


def test_sql_names_the_major_and_survives_the_shell_whatever_words_the_address_has():
    command = shlex.split(texts(EVERY)["sql"])

    assert command[:2] == ["weft", "query"]
    assert command[3:5] == ["--server", "https://mesh.example.com"]
    assert command[2] == 'select * from "sales"."order"."lines@2" limit 100'


def test_a_server_without_a_certificate_is_reached_by_jdbc_without_encryption():
    plain = texts(Way("http://h", "grpc://h:8081", "ada@example.com"))

    assert plain["jdbc"].startswith("jdbc:arrow-flight-sql://h:8081/?user=ada@example.com&")
    assert plain["jdbc"].endswith("useEncryption=false")
    assert "useEncryption" not in texts(EVERY)["jdbc"]
