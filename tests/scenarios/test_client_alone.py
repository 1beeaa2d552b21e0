"""The client alone: its wheel, with what it declares and nothing else, reads what a server gives."""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.domains import TestServer, planes, repository, serving

CLIENT = Path(__file__).parents[2] / "packaging" / "client"
PORT = "fleet.aircraft.planes@1"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """The wheel of the client, as its folder makes it."""
    made = tmp_path_factory.mktemp("wheel")
    built = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(made), str(CLIENT)]
    ran = subprocess.run(built, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return next(made.glob("*.whl"))


def needed(name: str, extra: str = "", found: set[str] | None = None) -> set[str]:
    """The distributions that one needs, itself among them, as the installed ones declare it."""
    found = set() if found is None else found
    if name not in found:
        found.add(name)
        for line in importlib.metadata.requires(name) or ():
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
                needed(requirement.name, "", found)
    return found


@pytest.fixture(scope="module")
def site(wheel, tmp_path_factory) -> Path:
    """A folder that holds what `pip install` of the wheel brings, and no more."""
    made = tmp_path_factory.mktemp("site")
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(made)
        told = packed.read(next(n for n in packed.namelist() if n.endswith("/METADATA"))).decode()
    required = [Requirement(text) for text in re.findall(r"^Requires-Dist: (.*)$", told, re.MULTILINE)]
    for one in (r for r in required if r.marker is None):
        linked(made, one.name)
    return made


def linked(site: Path, name: str) -> None:
    """Installs a distribution and what it needs into a folder."""
    for each in needed(name):
        for file in importlib.metadata.files(each) or ():
            top = file.parts[0]
            if not top.startswith("..") and not (site / top).exists():
                (site / top).symlink_to(
                    Path(str(file.locate())).parents[len(file.parts) - 2]
                    if len(file.parts) > 1
                    else Path(str(file.locate()))
                )


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[TestServer]:
    folder = tmp_path_factory.mktemp("server")
    with serving(folder) as running:
        mesh = repository(folder / "fleet", running.url, running.token("ada"), "fleet")
        planes(mesh)
        ran = mesh.weft("apply")
        assert ran.returncode == 0, ran.stderr
        yield running


def run(site: Path, server: TestServer, home: Path, code: str) -> dict[str, object]:
    """What a program prints that has nothing but the folder and Python's own library."""
    begin = (
        f"import sys; sys.path[:] = [p for p in sys.path if 'packages' not in p] + [{str(site)!r}]\n"
        f"import json, weft\nmesh = weft.open({server.url!r}, token={server.token('ada')!r})\n"
    )
    environ = {"HOME": str(home), "XDG_CACHE_HOME": str(home), "PATH": os.environ["PATH"]}
    ran = subprocess.run([sys.executable, "-I", "-S", "-c", begin + code], env=environ, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    found: dict[str, object] = json.loads(ran.stdout)
    return found


def test_the_wheel_has_no_engine_no_server_and_needs_two_packages(wheel, site):
    names = {entry.name for entry in site.iterdir()}

    assert {"duckdb", "pyarrow", "sqlglot", "yaml", "click", "fastavro"}.isdisjoint(names)
    with zipfile.ZipFile(wheel) as packed:
        held = packed.namelist()
    assert not any(name.startswith(("weft/server/", "weft/cli/", "weft/engines/duckdb/")) for name in held)
    assert wheel.stat().st_size < 1_000_000


def test_the_version_is_that_of_the_whole(wheel):
    assert f"-{importlib.metadata.version('weft')}-" in wheel.name


def test_rows_and_what_there_is_are_read_without_arrow(site, server, tmp_path):
    found = run(
        site,
        server,
        tmp_path,
        f"""
rows = mesh.query("select count(*) as n, max('ü') as t, date '2026-01-02' as d, 1.50::DECIMAL(6, 2) as m, "
                  "timestamp '2026-01-02 03:04:05' as at, 12345678901234567890::HUGEINT as h, 'x'::BLOB as b, "
                  "[1, 2] as l from fleet.aircraft.planes")
(row,) = rows.rows()
whole = mesh.read("{PORT}")
csv = open("{tmp_path}/planes.csv", "wb")
whole.write(csv, "csv")
csv.close()
print(json.dumps({{
    "types": [type(value).__name__ for value in row],
    "first": [row[0], str(row[2]), str(row[3]), str(row[5]), row[7]],
    "len": len(whole), "truncated": whole.truncated, "snapshots": list(whole.snapshots),
    "columns": [c.name for c in rows.columns][:3],
    "json": sorted(rows.as_json()),
    "lines": sum(1 for _ in open("{tmp_path}/planes.csv")),
    "search": mesh.search("planes").total,
    "product": mesh.product("fleet.aircraft").address,
    "lineage": mesh.lineage("fleet.aircraft.planes").root,
    "history": len(mesh.history("fleet.aircraft.planes").snapshots),
    "heavy": sorted({{"duckdb", "pyarrow", "sqlglot", "yaml"}} & set(sys.modules)),
}}))
""",
    )

    types = ["int", "str", "date", "Decimal", "datetime", "int", "bytes", "list"]
    assert (found["types"], found["first"]) == (types, [100, "2026-01-02", "1.50", "12345678901234567890", [1, 2]])
    assert (found["len"], found["truncated"], found["lines"], found["snapshots"]) == (100, False, 101, [PORT])
    assert (found["columns"], found["heavy"]) == (["n", "t", "d"], [])
    assert found["json"] == ["columns", "diagnostics", "notes", "rows", "snapshot", "truncated"]
    assert (found["search"], found["product"], found["history"]) == (1, "fleet.aircraft", 1)


def test_what_needs_more_says_what_to_install(site, server, tmp_path):
    found = run(
        site,
        server,
        tmp_path,
        f"""
import weft.errors
def told(what):
    try:
        return str(what())
    except weft.errors.UsageError as e:
        return [e.diagnostics[0].code, e.diagnostics[0].fix]
    except ImportError as e:
        return str(e)
rows = mesh.read("{PORT}")
print(json.dumps({{
    **{{name: told(getattr(rows, name)) for name in ("arrow", "batches", "polars")}},
    "pandas": told(lambda: rows.pandas()),
    "format": told(lambda: rows.write(None, "xlsx")),
    "plan": told(mesh.plan),
    "wrong": told(lambda: mesh.query("select * from '/etc/passwd'")),
}}))
""",
    )

    arrow = ["WFT-CLI-002", 'pip install "weft-client[arrow]"']
    assert (found["arrow"], found["batches"], found["pandas"]) == (arrow, arrow, arrow)
    assert found["polars"] == ["WFT-CLI-002", "pip install polars"]
    assert found["format"] == ["WFT-CLI-001", "use csv, arrow or parquet"]
    assert "`pip install weft` has the whole" in str(found["plan"])
    assert str(found["wrong"][0]).startswith("WFT-SQL-")  # type: ignore[index]


def test_polars_reads_without_arrow_and_arrow_with_it(site, server, tmp_path, tmp_path_factory):
    more = tmp_path_factory.mktemp("more")
    for entry in site.iterdir():
        (more / entry.name).symlink_to(entry.resolve())
    linked(more, "polars")
    asked = f"""
rows = mesh.read("{PORT}")
shape = rows.polars().shape
again = mesh.read("{PORT}")
again.columns
print(json.dumps({{"first": shape, "again": again.polars().shape, "arrow": "pyarrow" in sys.modules}}))
"""
    assert run(more, server, tmp_path, asked) == {"first": [100, 2], "again": [100, 2], "arrow": False}

    linked(more, "pyarrow")
    with_arrow = f"""
print(json.dumps({{"rows": mesh.read("{PORT}").arrow().num_rows, "one": mesh.query("select 1 as one").rows()}}))
"""
    assert run(more, server, tmp_path, with_arrow) == {"rows": 100, "one": [[1]]}
