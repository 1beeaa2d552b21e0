"""Unit tests in YAML: `tests/*.yaml` in a product's folder become values, with the place of every row."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from weft.errors import Diagnostic, Where, did_you_mean, error, has_errors
from weft.model.document import Document, Pointer
from weft.model.mesh import Mesh, Model, Product
from weft.model.unit_test import THIS, Expected, Rows, UnitTest
from weft.project import documents
from weft.project.cache import Cache

_WAYS = ("rows", "csv", "file")


def read_tests(mesh: Mesh, cache: Cache) -> tuple[tuple[UnitTest, ...], tuple[Diagnostic, ...]]:
    """Every unit test of the mesh that can be understood, and what is wrong with the others."""
    tests: list[UnitTest] = []
    problems: list[Diagnostic] = []
    root = Path(mesh.root)
    for product in mesh.products.values():
        folder = (root / product.descriptor.document.file).parent / "tests"
        for path in sorted((*folder.glob("*.yaml"), *folder.glob("*.yml"))):
            found = documents.read(path, root, "test", cache)
            problems += found.problems
            if found.document is not None and not has_errors(found.problems):
                tests += _File(product, found.document, folder, root, problems).tests()
    return tuple(tests), tuple(problems)


class _File:
    """One file of tests while it is read."""

    def __init__(
        self, product: Product, document: Document, folder: Path, root: Path, problems: list[Diagnostic]
    ) -> None:
        self._product = product
        self._document = document
        self._folder = folder
        self._root = root
        self._problems = problems

    def tests(self) -> Iterable[UnitTest]:
        """The tests of the file."""
        name = str(self._document.data["model"])
        model = self._product.model(name)
        if model is None:
            known = [m.name for m in self._product.models]
            self._wrong("WFT-TST-001", f"`{self._product.address}` has no model `{name}`", ("model",), name, known)
            return
        seen: set[str] = set()
        for number, entry in enumerate(self._document.data["tests"]):
            if entry["name"] in seen:
                self._wrong("WFT-TST-008", f"two tests are named `{entry['name']}`", ("tests", number, "name"))
                continue
            seen.add(entry["name"])
            before = len(self._problems)
            test = self._test(model, entry, ("tests", number))
            if len(self._problems) == before:
                yield test

    def _test(self, model: Model, entry: Mapping[str, Any], pointer: Pointer) -> UnitTest:
        given = {}
        readable = self._readable(model)
        for name, table in entry.get("given", {}).items():
            at = (*pointer, "given", name)
            if name == THIS and THIS not in readable:
                self._check_this(model, at)
            elif name not in readable:
                what = f"`{name}` is nothing that model `{model.name}` is made from"
                self._wrong("WFT-TST-002", what, at, name, sorted(readable))
            rows = self._rows(table, at)
            if rows is not None:
                given[name] = rows
        expect, at = entry["expect"], (*pointer, "expect")
        listed = expect.get("columns")
        columns = dict(listed) if isinstance(listed, dict) else dict.fromkeys(listed) if listed is not None else None
        ways = [w for w in _WAYS if w in expect]
        rows = self._rows(expect, at) if ways else None
        if not ways and columns is None:
            self._wrong("WFT-TST-006", "the test expects nothing", at, fix="add `rows:`, `csv:`, `file:` or `columns:`")
        if "query" in expect and not ways:
            self._wrong("WFT-TST-006", "a `query` without the rows that it gives", at, fix="add `rows:`")
        return UnitTest(
            entry["name"],
            self._product.address,
            model.name,
            self._document.where(pointer),
            given,
            Expected(self._document.where(at), rows, columns, expect.get("query")),
            entry.get("description"),
        )

    def _readable(self, model: Model) -> set[str]:
        """Input ports and models that a model is made from, directly and through others."""
        needed = self._product.needs(model)
        return {r.name for m in needed for r in m.references}

    def _check_this(self, model: Model, at: Pointer) -> None:
        if model.kept.whole:
            self._wrong(
                "WFT-TST-007",
                f"`{THIS}` is not for a model that is built whole, as `{model.name}` is",
                at,
                fix=f"leave `{THIS}` away: the rows that were there before do not matter",
            )

    def _rows(self, table: Mapping[str, Any], at: Pointer) -> Rows | None:
        ways = [w for w in _WAYS if w in table]
        if len(ways) != 1:
            what = "rows are given twice" if ways else "no rows are given"
            self._wrong("WFT-TST-006", what, at, fix=f"keep one of {', '.join(f'`{w}:`' for w in _WAYS)}")
            return None
        way, where = ways[0], self._document.where((*at, ways[0]))
        if way == "rows":
            places = tuple(self._document.where((*at, "rows", i)) for i in range(len(table["rows"])))
            return Rows(where, tuple(table["rows"]), places)
        if way == "csv":
            return self._csv(table["csv"], where, (*at, "csv"))
        return self._file(table["file"], where, (*at, "file"))

    def _csv(self, text: str, where: Where, at: Pointer) -> Rows | None:
        """Rows of CSV; an empty cell is null."""
        lines = csv.reader(io.StringIO(text.strip("\n")), skipinitialspace=True)
        try:
            found = [line for line in lines if line]
        except csv.Error as e:
            self._wrong("WFT-TST-005", f"the CSV cannot be read: {e}", at)
            return None
        header, rows = ([name.strip() for name in found[0]] if found else []), found[1:]
        odd = next((i for i, row in enumerate(rows, 1) if len(row) != len(header)), None)
        if odd is not None or len(set(header)) != len(header):
            what = (
                f"row {odd} of the CSV has another number of cells than its header" if odd else "the header of the CSV"
            )
            self._wrong("WFT-TST-005", what if odd else f"{what} names a column twice", at)
            return None
        values = tuple(dict(zip(header, (c if c != "" else None for c in row), strict=True)) for row in rows)
        return Rows(where, values, (where,) * len(values), header=tuple(header))

    def _file(self, name: str, where: Where, at: Pointer) -> Rows | None:
        """Rows of a file beside the tests, or elsewhere in the mesh."""
        path = (self._folder / name).resolve()
        if not path.is_relative_to(self._root.resolve()):
            self._wrong("WFT-TST-005", f"`{name}` lies outside the mesh", at, fix="put it beside the test")
            return None
        if not path.is_file():
            known = [p.name for p in self._folder.glob("*") if p.is_file()]
            self._wrong("WFT-TST-005", f"the file `{name}` is missing", at, name, known)
            return None
        kind = path.suffix.lower()
        if kind == ".parquet":
            return Rows(where, path=str(path))
        try:
            text = path.read_text(encoding="utf-8-sig")
            if kind == ".csv":
                return self._csv(text, where, at)
            if kind == ".json":
                rows = json.loads(text)
            elif kind in (".ndjson", ".jsonl"):
                rows = [json.loads(line) for line in text.splitlines() if line.strip()]
            else:
                self._wrong(
                    "WFT-TST-005", f"`{name}` is of no format that is read", at, fix="csv, json, ndjson, parquet"
                )
                return None
        except (OSError, ValueError) as e:
            told = "it is not UTF-8" if isinstance(e, UnicodeDecodeError) else str(e)
            self._wrong("WFT-TST-005", f"`{name}` cannot be read: {told}", at)
            return None
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            self._wrong("WFT-TST-005", f"`{name}` is no list of objects", at)
            return None
        return Rows(where, tuple(rows), (where,) * len(rows))

    def _wrong(
        self,
        code: str,
        what: str,
        at: Pointer,
        name: str | None = None,
        known: Iterable[str] = (),
        *,
        fix: str | None = None,
    ) -> None:
        proposed = did_you_mean(name, known, otherwise=fix) if name is not None else fix
        if proposed is None and name is not None and known:
            proposed = f"there are: {', '.join(known)}"
        self._problems.append(error(code, what, self._document.where(at), fix=proposed))
