"""Addresses of databases: nothing in them is left out silently, and nothing of a password is shown."""

from __future__ import annotations

import pytest

from weft.connectors.targets import database
from weft.errors import UsageError, WeftError


def test_parameters_on_which_the_safety_of_a_connection_hangs_are_handed_on() -> None:
    found = database("postgresql://u@h/db?sslmode=verify-full&sslrootcert=/etc/ca.pem&application_name=x", {})

    assert {name: secret.value for name, secret in found.parameters.items()} == {
        "sslmode": "verify-full",
        "sslrootcert": "/etc/ca.pem",
    }


def test_user_password_host_and_port_may_stand_as_parameters() -> None:
    found = database("postgresql:///db?host=h&port=5433&user=u&password=p%40ss", {})

    assert (found.host, found.port, found.user, found.name) == ("h", 5433, "u", "db")
    assert found.password is not None and found.password.value == "p@ss"


def test_a_password_with_escaped_characters_is_read() -> None:
    found = database("postgresql://u:p%40ss%2Fw%3Ard%3F%25@h/db", {})

    assert found.password is not None and found.password.value == "p@ss/w:rd?%"
    assert str(found) == "postgresql://u@h:5432/db"


@pytest.mark.parametrize(
    ("url", "named"),
    [
        ("postgresql://u:hunter2@h/db?tls=hunter3", "`tls`"),
        ("mysql://u:hunter2@h/db?ssl-mode=hunter3", "`ssl-mode`"),
        ("mysql://u:hunter2@h/db?password=hunter3", "`password`"),
    ],
)
def test_a_parameter_that_is_not_understood_is_refused_by_its_name_alone(url: str, named: str) -> None:
    with pytest.raises(UsageError) as raised:
        database(url, {})

    (told,) = raised.value.diagnostics
    assert told.code == "WFT-SRC-051"
    assert named in told.what and "hunter" not in str(told)


@pytest.mark.parametrize(
    "password", ["p@hunter/w:rd?", "1/hunter", "1?hunter", "1#hunter", "hunter@", "p@hunter#x", "x/hunter"]
)
def test_a_password_with_characters_that_are_not_escaped_is_refused_and_no_part_of_it_is_shown(password: str) -> None:
    with pytest.raises(WeftError) as raised:
        database(f"postgresql://odd:{password}@127.0.0.1:5432/db", {})

    assert "hunter" not in str(raised.value)
    assert raised.value.diagnostics[0].fix
