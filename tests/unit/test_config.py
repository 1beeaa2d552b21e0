"""Settings: flag > environment > file > default, and every problem at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from weft.config import Secret, Settings, describe_settings, find_root, load_settings
from weft.connections import Reference
from weft.errors import ProjectError, UsageError


def mesh(folder: Path, text: str = "") -> Path:
    (folder / "weft.toml").write_text(text, encoding="utf-8")
    return folder


def load(folder: Path, environ: dict[str, str] | None = None, flags: dict[str, Any] | None = None) -> Settings:
    return load_settings(folder, environ=environ or {}, flags=flags)


def problems(folder: Path, environ: dict[str, str] | None = None) -> list[tuple[str, str, str]]:
    """Code, text and place of each problem that loading raises."""
    with pytest.raises(ProjectError) as raised:
        load(folder, environ)
    return [(d.code, d.what, str(d.where)) for d in raised.value.diagnostics]


def test_an_empty_file_gives_the_defaults(tmp_path: Path) -> None:
    settings = load(mesh(tmp_path))

    assert settings == Settings(root=tmp_path)
    assert (settings.mesh.name, settings.mesh.domains) == ("mesh", ("domains/*",))
    assert (settings.engine.memory_limit, settings.engine.threads) == ("4GB", 0)


def test_a_flag_wins_over_the_environment_that_wins_over_the_file_that_wins_over_the_default(tmp_path: Path) -> None:
    mesh(tmp_path, '[engine]\nmemory_limit = "1GB"\n')
    environ = {"WEFT_ENGINE__MEMORY_LIMIT": "2GB"}
    flags = {"engine.memory_limit": "3GB"}

    assert load(tmp_path).engine.memory_limit == "1GB"
    assert load(tmp_path, environ).engine.memory_limit == "2GB"
    assert load(tmp_path, environ, flags).engine.memory_limit == "3GB"


def test_one_key_from_each_place_makes_one_section(tmp_path: Path) -> None:
    mesh(tmp_path, '[engine]\nmemory_limit = "1GB"\n')

    settings = load(tmp_path, {"WEFT_ENGINE__THREADS": "3"}, {"mesh.name": "flights"})

    assert (settings.engine.memory_limit, settings.engine.threads) == ("1GB", 3)
    assert settings.engine.default == "duckdb"
    assert settings.mesh.name == "flights"


def test_the_environment_of_the_process_is_read_where_none_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WEFT_MESH__NAME", "from the process")

    assert load_settings(mesh(tmp_path)).mesh.name == "from the process"


def test_a_list_in_the_environment_is_parted_by_commas(tmp_path: Path) -> None:
    settings = load(mesh(tmp_path), {"WEFT_SOURCES__ALLOW": "/data, /more data"})

    assert settings.sources.allow == ("/data", "/more data")


def test_other_variables_of_weft_are_no_settings(tmp_path: Path) -> None:
    assert load(mesh(tmp_path), {"WEFT_TEST_REQUIRE_ALL": "1", "HOME__X": "y"}) == Settings(root=tmp_path)


def test_every_described_setting_can_be_set_by_the_variable_that_is_described(tmp_path: Path) -> None:
    described = describe_settings()
    of_a_form = {
        "storage.orphan_age": "7d",
        "storage.keep_snapshots": "7d",
        "storage.target_file_size": "7GB",
        "storage.copies": "7GB",
        **{f"query.{name}": "7d" for name in ("patience", "light", "time", "workspace_time", "link_time")},
        **{f"query.{name}": "7GB" for name in ("memory", "temp", "size", "workspace_size", "cache", "link_size")},
        "query.texts": "hashed",
        "environments.keep": "7d",
        "python.memory_limit": "7GB",
        "python.timeout": "7d",
        "python.file_size": "7GB",
        "python.shared_workers": "own-user",
        "engine.memory_limit": "7GB",
        "notices.smtp_security": "tls",
        "notices.grace": "7d",
        "server.log_level": "error",
        "server.log_format": "text",
        "server.body_limit": "7GB",
        "server.shutdown": "7d",
        "server.url": "https://7",
        "identity.issuer": "https://7",
        "identity.groups": "7=operator",
        **{f"scheduler.{name}": "7d" for name in ("lease", "grace", "retry", "timeout", "keep_jobs")},
        "scheduler.limits": "domain:sales=7",
        "publishing.file_size": "7GB",
        "publishing.domain_size": "7GB",
        "governance.scan_every": "7d",
        "publishing.run_time": "7d",
        "publishing.approval_time": "7d",
        "governance.escalate_after": "7d",
        "governance.contact": "governance@example.com",
        "publishing.scan_time": "7d",
    }
    forms = ("7", 7, ("7",), ("domain:sales=7",), {"7": ("operator",)}, *of_a_form.values())
    environ = {variable: of_a_form.get(key, "7") for key, _, variable, _ in described}

    settings = load(mesh(tmp_path), environ)

    values = [getattr(getattr(settings, key.partition(".")[0]), key.partition(".")[2]) for key, *_ in described]
    values = [value.found.value if isinstance(value, Reference) and value.found else value for value in values]
    assert all(value in forms for value in values), values
    assert all(meaning for *_, meaning in described)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("per_domain = -1", "must be a number of 0 to 10000, not -1"),
        ("concurrency = 0", "must be a number of 1 to 1000000, not 0"),
        ('lease = "0s"', "must be a second or more, not '0s'"),
        ('limits = ["sales=1"]', 'must hold entries such as "domain:sales=1" or "engine:duckdb=2", not \'sales=1\''),
    ],
)
def test_workers_are_not_given_limits_that_mean_nothing(tmp_path: Path, line: str, told: str) -> None:
    mesh(tmp_path, f"[scheduler]\n{line}\n")

    with pytest.raises(ProjectError) as raised:
        load(tmp_path)

    key = line.partition(" ")[0]
    assert [(d.code, d.what) for d in raised.value.diagnostics] == [("WFT-CFG-004", f"`scheduler.{key}` {told}")]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("threads = -1", "must be a number of threads, 0 to 1024, not -1"),
        ("threads = 33000", "must be a number of threads, 0 to 1024, not 33000"),
        ('memory_limit = "0GB"', "must be 64MB or more, not '0GB'"),
        ('memory_limit = "63.9 mb"', "must be 64MB or more, not '63.9 mb'"),
        ('memory_limit = "900%"', "must be a part of the machine's memory, above 0% and at most 100%, not '900%'"),
        ('memory_limit = "much"', "must be a size like 4GB or 512MB, not 'much'"),
    ],
)
def test_the_engine_is_not_given_what_its_process_would_die_of(tmp_path: Path, line: str, told: str) -> None:
    mesh(tmp_path, f"[engine]\n{line}\n")

    with pytest.raises(ProjectError) as raised:
        load(tmp_path)

    key = line.partition(" ")[0]
    assert [(d.code, d.what) for d in raised.value.diagnostics] == [("WFT-CFG-004", f"`engine.{key}` {told}")]


@pytest.mark.parametrize("size", ["64MB", "62.5 MiB", "4GB", "1TiB", "100%", "0.5%"])
def test_the_engine_may_be_given_memory_by_size_or_as_a_part(tmp_path: Path, size: str) -> None:
    mesh(tmp_path, f'[engine]\nthreads = 1024\nmemory_limit = "{size}"\n')

    assert load(tmp_path).engine.memory_limit == size


def test_the_root_is_the_nearest_folder_upward(tmp_path: Path) -> None:
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    mesh(tmp_path, '[mesh]\nname = "outer"\n')

    assert find_root(inner) == tmp_path
    assert load(inner).mesh.name == "outer"

    mesh(tmp_path / "a", '[mesh]\nname = "inner"\n')

    assert find_root(inner) == tmp_path / "a"
    assert load(inner).mesh.name == "inner"


def test_paths_belong_to_the_root_unless_they_are_absolute(tmp_path: Path) -> None:
    settings = load(mesh(tmp_path))

    assert settings.path("data/x.csv") == tmp_path / "data/x.csv"
    assert settings.path("/data/x.csv") == Path("/data/x.csv")
    assert settings.path("~/x.csv") == Path.home() / "x.csv"
    assert settings.cache == tmp_path / ".weft" / "cache"


def test_no_file_upward_is_the_callers_mistake(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as raised:
        load(tmp_path)

    (diagnostic,) = raised.value.diagnostics
    assert diagnostic.code == "WFT-CFG-001"
    assert str(tmp_path) in diagnostic.what
    assert "weft init" in (diagnostic.fix or "")


@pytest.mark.parametrize("content", [b"[mesh\n", b'[mesh]\nname = "\xff"\n', b"name\n"])
def test_a_file_that_does_not_parse_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "weft.toml").write_bytes(content)

    ((code, what, where),) = problems(tmp_path)

    assert (code, where) == ("WFT-CFG-002", "weft.toml")
    assert "does not parse" in what


def test_an_unknown_key_proposes_the_nearest(tmp_path: Path) -> None:
    mesh(tmp_path, "[engine]\nthread = 2\n")

    with pytest.raises(ProjectError) as raised:
        load(tmp_path)

    (diagnostic,) = raised.value.diagnostics
    assert diagnostic.code == "WFT-CFG-003"
    assert diagnostic.fix == "did you mean `threads`?"


def test_all_problems_of_file_and_environment_come_at_once(tmp_path: Path) -> None:
    mesh(tmp_path, 'verbose = true\n[engin]\nthreads = 1\n[engine]\nthreads = "many"\n[mesh]\nname = 3\n')

    found = problems(tmp_path, {"WEFT_STORE__WAREHOUSE": "x", "WEFT_ENGINE__SPEED": "9", "WEFT_MESH__NAME": "x"})

    assert sorted((code, where) for code, _, where in found) == [
        ("WFT-CFG-003", "$WEFT_ENGINE__SPEED"),
        ("WFT-CFG-003", "$WEFT_STORE__WAREHOUSE"),
        ("WFT-CFG-003", "weft.toml"),
        ("WFT-CFG-003", "weft.toml"),
        ("WFT-CFG-004", "weft.toml"),
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[engine]\nthreads = true\n", "`engine.threads` must be a whole number, not True"),
        ("[engine]\nthreads = 1.5\n", "`engine.threads` must be a whole number, not 1.5"),
        ('[engine]\nthreads = "two"\n', "`engine.threads` must be a whole number, not 'two'"),
        ("[mesh]\nname = 1\n", "`mesh.name` must be text, not 1"),
        ("[mesh]\ndomains = [1]\n", "`mesh.domains` must be a list of texts, not [1]"),
        ("[sources]\nallow = 1\n", "`sources.allow` must be a list of texts, not 1"),
    ],
)
def test_a_wrong_value_is_told_with_what_it_should_be(tmp_path: Path, text: str, expected: str) -> None:
    assert problems(mesh(tmp_path, text)) == [("WFT-CFG-004", expected, "weft.toml")]


def test_a_secret_is_printed_by_nothing() -> None:
    secret = Secret("hunter2")

    assert "hunter2" not in f"{secret} {secret!r} {[secret]} {secret:}"
    assert str(secret) == "***"
    assert secret.value == "hunter2"


def test_every_section_of_the_settings_can_be_written_in_weft_toml(tmp_path):
    (tmp_path / "weft.toml").write_text(
        '[mesh]\nname = "m"\n[governance]\nscan_every = "0s"\ncontact = "gov@example.com"\n'
    )

    settings = load_settings(tmp_path, environ={})

    assert (settings.governance.scan_every, settings.governance.contact) == ("0s", "gov@example.com")
    sections = {f for f in Settings.__struct_fields__ if f not in ("root", "connections", "own_python")}
    assert sections == {key.partition(".")[0] for key, *_ in describe_settings()}


def test_a_contact_that_is_no_address_of_mail_is_refused(tmp_path):
    (tmp_path / "weft.toml").write_text('[mesh]\nname = "m"\n[governance]\ncontact = "the board"\n')

    with pytest.raises(ProjectError, match="must be an address of mail"):
        load_settings(tmp_path, environ={})
