"""Connections of the settings: secrets by reference alone, never shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from weft.config import Settings, load_settings
from weft.connectors.reading import target_of
from weft.errors import ProjectError, SourceError


def load(root: Path, text: str, **environ: str) -> Settings:
    (root / "weft.toml").write_text(text)
    return load_settings(root, environ=environ)


def test_a_secret_is_taken_from_the_environment_or_a_file_and_never_printed(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("open-sesame\n")
    text = (
        '[connections.a]\nkind = "postgres"\ndsn = { env = "DSN" }\n'
        '[connections.b]\nkind = "mariadb"\ndatabase = "erp"\nhost = "db"\nuser = "u"\n'
        'password = { file = "password" }\n'
    )

    settings = load(tmp_path, text, DSN="postgresql://u:open-sesame@host:5433/shop?schema=sales")

    a, b = (target_of(settings.connections[name]) for name in "ab")
    assert (a.host, a.port, a.name, a.schema) == ("host", 5433, "shop", "sales")
    assert (b.kind, b.host, b.port, b.name) == ("mysql", "db", 3306, "erp")
    assert [t.password.value for t in (a, b) if t.password] == ["open-sesame", "open-sesame"]
    assert "open-sesame" not in repr(settings) + repr((a, b)) + str(a) + str(b)


@pytest.mark.parametrize("value", ['"open-sesame"', '{ literal = "open-sesame" }', "7", '{ env = "A", file = "b" }'])
def test_a_secret_that_stands_in_the_file_is_refused_and_not_repeated(tmp_path: Path, value: str) -> None:
    with pytest.raises(ProjectError) as refused:
        load(tmp_path, f'[connections.a]\nkind = "mysql"\ndatabase = "erp"\npassword = {value}\n')

    assert [d.code for d in refused.value.diagnostics] == ["WFT-SRC-022"]
    assert "open-sesame" not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "code", "told"),
    [
        ('kind = "mongodb"', "WFT-SRC-009", "`mongodb` of [connections.a] is no kind of source"),
        ('database = "x"', "WFT-SRC-020", "[connections.a] has no `kind`"),
        ('kind = "postgres"', "WFT-SRC-020", "says neither `dsn` nor `database`"),
        ('kind = "postgres"\ndatabase = "x"\nhosts = "y"', "WFT-SRC-020", "unknown setting `hosts`"),
        (
            'kind = "postgres"\ndatabase = "x"\nport = "five"',
            "WFT-SRC-020",
            "`port` in [connections.a] must be",
        ),
        ('kind = "s3"\nendpoint = [1]', "WFT-SRC-020", "`endpoint` in [connections.a] must be text"),
    ],
)
def test_what_is_wrong_with_a_connection_is_told(tmp_path: Path, text: str, code: str, told: str) -> None:
    with pytest.raises(ProjectError) as refused:
        load(tmp_path, f"[connections.a]\n{text}\n")

    assert [d.code for d in refused.value.diagnostics] == [code]
    assert told in refused.value.diagnostics[0].what


def test_a_secret_that_is_missing_is_told_when_it_is_needed_by_its_reference(tmp_path: Path) -> None:
    text = '[connections.a]\nkind = "mysql"\ndsn = { env = "DSN" }\n'
    text += '[connections.b]\nkind = "mysql"\ndsn = { file = "f" }\n'

    settings = load(tmp_path, text)

    for name, told in (("a", "`dsn` of the connection `a` is to be taken from $DSN"), ("b", "the file f")):
        with pytest.raises(SourceError) as refused:
            target_of(settings.connections[name])
        assert refused.value.diagnostics[0].code == "WFT-SRC-021"
        assert told in refused.value.diagnostics[0].what


def test_the_environment_gives_keys_and_secrets_of_a_connection(tmp_path: Path) -> None:
    settings = load(
        tmp_path,
        '[connections.ops_db]\nkind = "postgres"\nhost = "old"\ndatabase = "x"\n',
        WEFT_CONNECTIONS__OPS_DB__HOST="new",
        WEFT_CONNECTIONS__OPS_DB__PASSWORD="open-sesame",
    )

    found = target_of(settings.connections["ops_db"])

    assert found.host == "new"
    assert found.password is not None
    assert found.password.value == "open-sesame"


@pytest.mark.parametrize("dsn", ["open-sesame", "mysql://u:open-sesame@h/d", "postgresql://u:open-sesame@h:x/d"])
def test_an_address_that_is_none_is_refused_and_not_repeated(tmp_path: Path, dsn: str) -> None:
    from weft.errors import WeftError

    settings = load(tmp_path, '[connections.a]\nkind = "postgres"\ndsn = { env = "DSN" }\n', DSN=dsn)

    with pytest.raises(WeftError) as refused:
        target_of(settings.connections["a"])

    assert "open-sesame" not in str(refused.value)
