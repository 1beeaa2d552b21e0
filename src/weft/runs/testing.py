"""Unit tests of models: given rows go into a session, the model runs on them, its rows are compared."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from msgspec.structs import replace

from weft.engines.base import Session
from weft.errors import Diagnostic, ProjectError, UserCodeError, WeftError, did_you_mean, error
from weft.model.address import Address, ProductAddress
from weft.model.column import Column
from weft.model.mesh import Mesh, Model, Product
from weft.model.types import normalise
from weft.model.unit_test import THIS, Difference, Outcome, TestResult, UnitTest
from weft.plan.binding import placed
from weft.plan.desired import Desired
from weft.plan.keeping import columns_of_model
from weft.runs.context import Context
from weft.runs.differences import differences
from weft.runs.given_rows import Given, named_columns, unknown_columns
from weft.runs.given_tables import after_build, rows_of
from weft.runs.python_models import select_of
from weft.sql.quoting import ident

Bound = Mapping[ProductAddress, Mapping[str, tuple[Column, ...]]]
"""By product: the columns of its input ports and models."""


def run_tests(tests: Sequence[UnitTest], mesh: Mesh, bound: Bound, context: Context) -> tuple[TestResult, ...]:
    """Runs tests one after another in one session."""
    if not tests:
        return ()
    with tempfile.TemporaryDirectory(prefix="weft-test-") as folder, context.engine.session() as session:
        spaces: dict[tuple[str, frozenset[str]], str] = {}
        results: list[TestResult] = []
        for test in tests:
            # tests that give rows to the same inputs share what stands between these and the model
            like = (test.address, frozenset(test.given))
            known = spaces.get(like)
            space = spaces.setdefault(like, f"test {len(results)}")
            one = _One(test, mesh.products[test.product], bound, session, context, Path(folder))
            result = one.result(space, fresh=known is None)
            if known is None and result.outcome is Outcome.ERROR:
                del spaces[like]  # it may be half made
            results.append(result)
        return tuple(results)


def bound_columns(desired: Mapping[Address, Desired]) -> Bound:
    """The columns of inputs and models of each product that has a port whose files are right."""
    return {address.of_product: one.bound for address, one in desired.items()}


def column_problems(tests: Sequence[UnitTest], bound: Bound) -> list[Diagnostic]:
    """Columns that tests name and that inputs and models do not have, as far as these are known."""
    problems = []
    for test in tests:
        known = bound.get(test.product, {})
        for name, rows in test.given.items():
            problems += unknown_columns(rows, name, known[name]) if name in known else []
        expected = test.expected
        if expected.rows is not None and expected.query is None and test.model in known:
            problems += unknown_columns(expected.rows, test.model, known[test.model])
    return problems


class _One:
    """One test while it runs."""

    def __init__(
        self, test: UnitTest, product: Product, bound: Bound, session: Session, context: Context, folder: Path
    ) -> None:
        self._test = test
        self._product = product
        self._columns = bound.get(product.address, {})
        self._session = session
        self._context = context
        self._folder = folder
        self._fresh = True

    def result(self, space: str, *, fresh: bool) -> TestResult:
        """How the test ended; what goes wrong in it is part of its result.

        Args:
            fresh: nothing has been made in this namespace yet.
        """
        began = time.monotonic()
        self._fresh = fresh
        try:
            self._session.namespace(space)
            found, more = self._found()
        except WeftError as e:
            return TestResult(
                self._test, Outcome.ERROR, diagnostics=tuple(e.diagnostics), seconds=time.monotonic() - began
            )
        outcome = Outcome.FAILED if found else Outcome.PASSED
        return TestResult(self._test, outcome, tuple(found), more, seconds=time.monotonic() - began)

    def _found(self) -> tuple[list[Difference], int]:
        model = self._product.model(self._test.model)
        assert model is not None, "reading has made sure"
        if model.name not in self._columns:
            what = f"the columns of model `{model.name}` are not known: a file that it needs is wrong"
            raise ProjectError(error("WFT-TST-010", what, model.where(), fix="`weft check` tells what is wrong"))
        self._make_inputs(model)
        columns = self._columns[model.name]
        expected = self._test.expected
        told = _column_differences(columns, expected.columns) if expected.columns is not None else []
        self._make_tested(model)
        if expected.rows is None:
            return told, 0
        over = model.name
        if expected.query is not None:
            over = "rows of the query"
            columns = self._query(expected.query, over, model)
        compared = named_columns(expected.rows, columns, self._session)
        wanted = Given(self._session, model.name, expected.rows, columns, only_named=True)
        with wanted.told():
            rows, more = differences(self._session, f"({wanted.sql})", ident(over), compared)
        return [*told, *rows], more

    def _make_inputs(self, model: Model) -> None:
        """Makes what the model reads: given rows, empty tables, and models in between."""
        made: set[str] = set()

        def make(name: str) -> None:
            if name in made:
                return
            made.add(name)
            given = self._test.given.get(name)
            inner = self._product.model(name)
            if given is not None:
                rows = Given(self._session, name, given, self._columns[name])
                with rows.told():
                    self._session.table(name, rows.sql)
            elif inner is None:
                if self._fresh:
                    self._session.empty_table(name, self._columns[name])
            else:
                for reference in inner.references:
                    make(reference.name)
                # a view gives the rows of this test already
                if self._fresh or inner.python is not None or not inner.kept.whole:
                    self._make(inner)

        for reference in model.references:
            make(reference.name)

    def _make_tested(self, model: Model) -> None:
        """Makes the table of the tested model: its rows over what the test gives, and those of before if it keeps them.

        Raises:
            ProjectError: WFT-TST-007, rows are given that were in the table before, and a whole build looks at none.
        """
        before = self._test.given.get(THIS)
        if model.kept.whole:
            if before is not None:
                what = f"`{THIS}` is not for a model that is built whole, as `{model.name}` is"
                raise ProjectError(error("WFT-TST-007", what, before.where, fix=f"leave `{THIS}` away"))
            self._make(model, table=True)
            return
        columns, former = self._columns[model.name], None
        if before is not None:
            given = Given(self._session, THIS, before, columns)
            with given.told():
                former = rows_of(self._session, "weft before the build", given.sql, columns)
        self._build(model, former)

    def _build(self, model: Model, former: str | None) -> None:
        """Makes the table that a model keeps, after one build that goes on from the rows of a SELECT."""
        columns = self._columns[model.name]
        sql = select_of(self._session, model, columns_of_model(model.kept, columns), self._context, self._folder)
        try:
            after_build(self._session, model, sql, columns, former, self._context.now(), self._folder)
        except UserCodeError as e:
            raise UserCodeError(*(placed(replace(d, where=None), model) for d in e.diagnostics)) from e

    def _make(self, model: Model, *, table: bool = False) -> None:
        if not model.kept.whole:
            self._build(model, None)
            return
        sql = select_of(self._session, model, self._columns[model.name], self._context, self._folder)
        try:
            (self._session.table if table else self._session.view)(model.name, sql)
        except UserCodeError as e:
            raise UserCodeError(*(placed(d, model) for d in e.diagnostics)) from e

    def _query(self, sql: str, name: str, model: Model) -> tuple[Column, ...]:
        """Makes the rows that a test's query gives, and tells their columns.

        Raises:
            ProjectError: WFT-TST-009, the query may not be run, or cannot.
        """
        from weft.sql.analysis import analyse

        where = self._test.expected.where
        analysis = analyse(sql, self._session.parse(sql))
        problems = [_of_query(p.what, p.why, p.fix, self._test) for p in analysis.problems if p.severity == "error"]
        readable = {model.name, *self._test.given} - {THIS}  # what was in the table before is in it, or is gone
        problems += [
            _of_query(f"it names `{table}`", None, did_you_mean(table, readable), self._test)
            for table, _ in analysis.references
            if table not in readable
        ]
        if problems:
            raise ProjectError(*problems)
        try:
            self._session.table(name, sql)
            return self._session.columns(f"SELECT * FROM {ident(name)}")
        except UserCodeError as e:
            raise ProjectError(
                *(error("WFT-TST-009", f"the query: {d.what}", where, fix=d.fix) for d in e.diagnostics)
            ) from e


def _of_query(what: str, why: str | None, fix: str | None, test: UnitTest) -> Diagnostic:
    return error("WFT-TST-009", f"the query of test `{test.name}`: {what}", test.expected.where, why=why, fix=fix)


def _column_differences(found: Sequence[Column], wanted: Mapping[str, str | None]) -> list[Difference]:
    """Columns that lack, are too many, or are of another type."""
    types = {c.name: c.type for c in found}
    told = []
    for name, text in wanted.items():
        kind = normalise(text) if text is not None else None
        if name not in types:
            told.append(Difference("column", {name: None}, {name: kind or "a column"}))
        elif kind is not None and types[name] != kind:
            told.append(Difference("column", {name: types[name]}, {name: kind}))
    told += [Difference("column", {n: t}, {n: None}) for n, t in types.items() if n not in wanted]
    return told
