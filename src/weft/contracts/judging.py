"""Judging: promises against rows, in one scan for what single rows tell and a query for each thing else."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from weft.contracts.checks import Unusable, oldest_allowed
from weft.contracts.conditions import (
    Age,
    ColumnExists,
    Distinct,
    Faulty,
    Frequency,
    Items,
    Length,
    NotNull,
    Promise,
    Range,
    References,
    RowCount,
    SqlValue,
    TypeKept,
    Unevaluated,
    Valid,
)
from weft.contracts.evaluator import Evaluator, Server
from weft.contracts.findings import Finding, cannot, counted, failed, not_judged, passed, why_not
from weft.contracts.frequency import kept_pace
from weft.contracts.keys import distinct, keys_of, references
from weft.contracts.row_conditions import unparsed_condition, value_condition
from weft.contracts.row_filters import filtered
from weft.contracts.samples import Showing
from weft.contracts.scan import Scan
from weft.contracts.sql_rules import Admit, admitted, compared, value_of
from weft.contracts.subject import Subject
from weft.errors import WeftError, nearest
from weft.model.checks import CheckResult, Outcome
from weft.model.odcs import Contract
from weft.model.types import misfit
from weft.sql.quoting import ident

Pending = Callable[[int], Finding]
"""Reads what a scan has found, once it has run and tells how many rows there are."""

_ROWS = "count(*)"

_COUNT = "weft rows"
"""The column that counts the rows of a group; no contract's column, for it has a space in it that ours never have."""


class Judge(Struct, frozen=True):
    """Judges the promises of one table.

    Attributes:
        showing: what samples may show.
        scan: aggregates over all rows, run once.
        groups: aggregates over the distinct values of a column, for enumerations.
        server: the evaluator, where it is a database that runs SQL rules in its own words.
        published: when new rows were published, newest first; None where there is no history of it.
        few: whether the rows are so few that their keys are counted by the scan.
    """

    contract: Contract
    subject: Subject
    evaluator: Evaluator
    others: Mapping[str, str | None]
    now: datetime
    admit: Admit
    sample_limit: int
    showing: Showing
    scan: Scan
    groups: dict[str, Scan] = field(default_factory=dict)
    server: Server | None = None
    published: Sequence[datetime] | None = None
    few: bool = False

    def results(self, promises: Sequence[Promise]) -> tuple[CheckResult, ...]:
        """The result of each promise, in their order.

        Raises:
            WeftError: the rows could not be read at all.
        """
        whole = [p for p in promises if p.filter is None]
        self.scan.add(_ROWS)
        pending = [self._asked(promise) for promise in whole]
        self.scan.run(self.evaluator)
        total = int(self.scan.value(_ROWS))
        for group in self.groups.values():
            group.run(self.evaluator)
        found = {p.id: self._result(p, reading, total) for p, reading in zip(whole, pending, strict=True)}
        chosen: dict[tuple[str, str], list[Promise]] = {}
        for promise in promises:
            if promise.filter is not None:
                # `${property}` in a filter is the column of its rule
                chosen.setdefault((promise.filter, str(promise.column)), []).append(promise)
        for (text, _), some in chosen.items():
            found |= {r.id: r for r in self._among(text, some)}
        return tuple(found[promise.id] for promise in promises)

    def _among(self, text: str, promises: Sequence[Promise]) -> tuple[CheckResult, ...]:
        """The results of promises that speak of the rows of one filter."""
        column = promises[0].properties[0] if len(promises[0].properties) == 1 else None
        try:
            subject = filtered(text, column, self.subject, self.admit, self.server)
            judge = replace(self, subject=subject, scan=Scan(subject.relation), groups={})
            return judge.results([replace(promise, filter=None) for promise in promises])
        except Unusable as problem:
            reason = str(problem)
        except WeftError as problem:
            reason = why_not(problem)
        return tuple(self._result(promise, lambda _: cannot(reason), 0) for promise in promises)

    def _asked(self, promise: Promise) -> Pending:
        try:
            return self._prepare(promise)
        except Unusable as problem:
            reason = str(problem)
            return lambda _: cannot(reason)

    def _result(self, promise: Promise, reading: Pending, total: int) -> CheckResult:
        try:
            finding = reading(total)
        except WeftError as problem:
            finding = cannot(why_not(problem))
        except Unusable as problem:
            finding = cannot(str(problem))
        rows = finding.failed_rows is not None
        return CheckResult(
            id=promise.id,
            rule=promise.rule,
            column=promise.column,
            dimension=promise.dimension,
            severity=promise.severity,
            result=finding.outcome,
            failed_rows=finding.failed_rows,
            total_rows=total if rows else None,
            expected=promise.expected,
            actual=finding.actual,
            reason=finding.reason,
            samples=self._samples(promise, finding),
            where=promise.where,
            must_evaluate=promise.must_evaluate,
        )

    def _samples(self, promise: Promise, finding: Finding) -> tuple[Mapping[str, object], ...]:
        if finding.outcome is not Outcome.FAILED or finding.sample is None or self.sample_limit <= 0:
            return ()
        names = self.showing.columns(promise.properties, tuple(self.subject.types))
        if not names:
            return ()
        query = finding.sample(names, self.sample_limit)
        if query is None:
            return ()
        try:
            native = self.server is not None and isinstance(promise.condition, SqlValue)
            rows = self.server.native(query) if self.server and native else self.evaluator.rows(query)
        except WeftError:
            return ()  # the finding stands; only its illustration could not be made
        return tuple(self.showing.row(names, self._read(names, row)) for row in rows)

    def _read(self, names: Sequence[str], row: Sequence[Any]) -> list[Any]:
        """The values of a sample; a document is what its text says."""
        return [
            _parsed(value) if name in self.subject.documents and isinstance(value, str) else value
            for name, value in zip(names, row, strict=True)
        ]

    def _prepare(self, promise: Promise) -> Pending:
        """Asks the scans for what a promise needs; gives the reading of it."""
        subject, condition = self.subject, promise.condition
        match condition:
            case Unevaluated(reason):
                return lambda _: not_judged(reason)
            case Faulty(reason):
                return lambda _: cannot(reason)
            case ColumnExists():
                return lambda _: self._exists(promise)
            case TypeKept():
                return self._type(promise)
            case RowCount(comparison):
                return lambda total: (passed if comparison.holds(total) else failed)(_rows(total))
            case NotNull() | Valid() | Length() | Range() | Items():
                return self._values(promise, condition)
            case Frequency(age):
                return lambda _: kept_pace(age, self.published, self.now)
            case Age():
                return self._age(promise, condition)
            case Distinct():
                return self._distinct(promise)
            case References():
                types = [subject.expression(p) for p in promise.properties]
                other = self._other(condition.table)
                return lambda total: references(
                    promise, condition, types, subject.relation, other, self.evaluator, total
                )
            case SqlValue():
                return self._query(promise, condition)
            case _:
                raise TypeError(f"{type(condition).__name__} cannot be judged")

    def _distinct(self, promise: Promise) -> Pending:
        """Asks the scan where there are few rows; what occurs twice is looked for by a query of its own."""
        columns = [self.subject.expression(p)[0] for p in promise.properties]
        hashed = self.server is None
        asked = [self.scan.add(one) for one in keys_of(columns[0])] if self.few and hashed and len(columns) == 1 else []

        def reading(total: int) -> Finding:
            with suppress(WeftError):  # then the query says why
                if asked and [self.scan.value(one) for one in asked] == [total, total]:
                    return counted(promise, 0, total, None)
            return distinct(promise, columns, self.subject.relation, self.evaluator, total, hashed=hashed)

        return reading

    def _other(self, table: str) -> str | None:
        own = (self.subject.table.name, self.subject.table.data.get("physicalName"))
        return self.subject.relation if table in own else self.others.get(table)

    def _sensitive_names(self) -> tuple[str, ...]:
        return tuple(p.name for p in self.subject.table.properties if self.showing.sensitive(p))

    def _exists(self, promise: Promise) -> Finding:
        name = promise.properties[0].name
        if name in self.subject.types:
            return passed()
        unknown = [n for n in self.subject.types if self.subject.table.property(n) is None]
        like = next((n for n in unknown if n.lower() == name.lower()), None) or nearest(name, unknown)
        return failed("missing", reason=f"was it renamed? there is a column `{like}`" if like else None)

    def _type(self, promise: Promise) -> Pending:
        prop = promise.properties[0]
        self.subject.type_of(prop)
        actual = self.subject.types[prop.name]
        reason = misfit(prop, actual) if prop.name not in self.subject.documents else None
        condition = unparsed_condition(self.subject, promise)
        if condition is not None and reason is None:
            return self._counting(promise, self.scan, f"count_if({condition})", condition, written=True)
        return lambda _: passed(actual) if reason is None else failed(actual, reason=reason)

    def _values(self, promise: Promise, condition: NotNull | Valid | Length | Range | Items) -> Pending:
        prop = promise.properties[0]
        where = value_condition(self.contract, self.subject, promise)
        if isinstance(condition, Valid) and condition.values is not None and len(prop.path) == 1:
            # an enumeration has few values: judging each value once is far cheaper than judging each row
            group = self._group(prop.name)
            return self._counting(promise, group, f"sum({ident(_COUNT)}) FILTER (WHERE {where})", where)
        return self._counting(promise, self.scan, f"count_if({where})", where)

    def _group(self, column: str) -> Scan:
        name = ident(column)
        source = f"(SELECT {name}, count(*) AS {ident(_COUNT)} FROM {self.subject.relation} GROUP BY {name})"
        return self.groups.setdefault(column, Scan(source))

    def _counting(self, promise: Promise, scan: Scan, aggregate: str, where: str, *, written: bool = False) -> Pending:
        """What a scan counts; samples show the promise's column as it was written where that is asked for."""
        scan.add(aggregate)
        relation = self.subject.relation

        def sample(names: Sequence[str], limit: int) -> str:
            own = {promise.properties[0].name} if written else set()
            apart = own | self.subject.documents.keys()
            columns = (f"{self.subject.written(n)} AS {ident(n)}" if n in apart else ident(n) for n in names)
            return f"SELECT {', '.join(columns)} FROM {relation} WHERE {where} LIMIT {limit}"

        return lambda total: counted(promise, int(scan.value(aggregate) or 0), total, sample)

    def _query(self, promise: Promise, condition: SqlValue) -> Pending:
        for prop in promise.properties:
            self.subject.type_of(prop)
        column = promise.properties[0] if promise.properties else None
        query = admitted(condition, column, self.subject, self.others, self.admit, self.server)
        together = None
        if self.server is None and query.condition is not None:
            together = self.scan.add(f"count(*) FILTER (WHERE {query.condition}\n)")

        def value() -> Any:
            if together is not None:
                with suppress(WeftError):  # it may mean more where it stands by itself
                    return self.scan.value(together)
            return value_of(query, self.server.native if self.server else self.evaluator.rows)

        return lambda _: compared(
            condition, query, value(), self.admit, tuple(self.subject.types), self._sensitive_names()
        )

    def _age(self, promise: Promise, condition: Age) -> Pending:
        prop = promise.properties[0]
        sql, tree = self.subject.expression(prop)
        limit = oldest_allowed(condition, prop, tree, self.now)
        if not condition.newest:
            where = f"{sql} < {limit}"
            return self._counting(promise, self.scan, f"count_if({where})", where)
        fresh = self.scan.add(f"max({sql}) >= {limit}")
        newest = self.scan.add(f"CAST(max({sql}) AS VARCHAR)")
        hidden = self.showing.sensitive(prop)

        def reading(_: int) -> Finding:
            found = self.scan.value(newest)
            if found is None:
                return failed("no row tells an age")
            actual = "newest is not shown: the column is classified" if hidden else f"newest {found}"
            return passed(actual) if self.scan.value(fresh) else failed(actual)

        return reading


def _rows(total: int) -> str:
    return f"{total} row{'' if total == 1 else 's'}"


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text  # a driver has already parsed it
