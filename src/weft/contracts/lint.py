"""Lint: what is wrong with a contract by itself, before there is any data."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from decimal import Decimal, InvalidOperation

from weft.contracts.checks import Unusable, expression, failing, literal
from weft.contracts.conditions import (
    Condition,
    Distinct,
    Faulty,
    Items,
    Length,
    NotNull,
    Promise,
    Range,
    References,
    SqlValue,
    Unevaluated,
    Valid,
    dotted,
)
from weft.contracts.quarantine import quarantine_problems
from weft.contracts.row_filters import filter_query, reaches_further
from weft.contracts.rules import promises
from weft.contracts.sql_rules import Admit, BoundQuery, bind, to_admit
from weft.contracts.words import word_problems
from weft.contracts.written_dates import form_of, stated_form
from weft.errors import Diagnostic, Severity, WeftError, did_you_mean, error, note, warning
from weft.model.odcs import Contract, Property, SchemaObject, column_named_twice, every_property
from weft.model.schedule import cron_problem, schedules
from weft.model.type_text import TypeText, parse_type, type_meant
from weft.model.types import duck_type
from weft.sql.quoting import ident

Bind = Callable[[str], object]
"""Raises `WeftError` where a query cannot be bound."""


def lint(contract: Contract, admit: Admit | None = None, bound: Bind | None = None) -> tuple[Diagnostic, ...]:
    """Every problem of a contract that its schema does not tell, in the order of the document.

    Args:
        admit: the allow-list for SQL rules; without it they are not looked at.
        bound: asks an engine for the columns of a query, so that SQL rules name only columns that there are.

    Returns:
        WFT-PRJ-027 for a column or table that stands twice, WFT-CON-006 for a rule that cannot be understood or that no
        value can keep, -007 for a version that is none, -008 for a type or a format of
        dates that is not known, -009 for a schedule that is
        none; what `words` finds; notes, WFT-CHK-003, for rules that weft does not evaluate.
    """
    found: list[Diagnostic] = []
    if contract.version is None:
        what = f"`{contract.version_text}` is not a semantic version"
        found.append(warning("WFT-CON-007", what, contract.where(("version",)), fix="write it like 1.0.0"))
    names: set[str] = set()
    for table in contract.objects:
        if table.name.lower() in names:
            what = f"two tables are named `{table.name}`"
            found.append(error("WFT-PRJ-027", what, contract.where(table.pointer), fix="rename one of them"))
        names.add(table.name.lower())
        twice = column_named_twice(contract, table)
        if twice is not None:
            found.append(twice)
        found += _types(contract, table)
        for promise in promises(contract, table):
            found += _promise(contract, table, promise, admit, bound)
    found += quarantine_problems(contract)
    found += word_problems(contract)
    found += _schedules(contract)
    return tuple(dict.fromkeys(found))


def _types(contract: Contract, table: SchemaObject) -> Iterator[Diagnostic]:
    for prop in every_property(table.properties):
        stated = prop.physical_type or prop.logical_type
        if stated and duck_type(prop) is None:
            yield warning(
                "WFT-CON-008",
                f"`{dotted(prop)}`: the type `{stated}` is not known",
                contract.where((*prop.pointer, "physicalType" if prop.physical_type else "logicalType")),
                why="nothing is checked of it but that the column is there",
                fix="state a `logicalType`",
            )
        elif prop.physical_type and (meant := type_meant(prop.physical_type)) is not None:
            yield warning(
                "WFT-CON-008",
                f"`{dotted(prop)}`: the type `{prop.physical_type}` is not known",
                contract.where((*prop.pointer, "physicalType")),
                why=f"the column is held to `{prop.logical_type}` alone",
                fix=f"did you mean `{meant}`?",
            )
        pattern = stated_form(prop)
        if pattern and form_of(pattern) is None:
            yield warning(
                "WFT-CON-008",
                f"`{dotted(prop)}`: the format `{pattern}` is not understood",
                contract.where((*prop.pointer, "logicalTypeOptions", "format")),
                why="texts are read as ISO 8601 writes them",
                fix="write years to seconds as y, M, d, H, m, s, as in `yyyy-MM-dd HH:mm:ss`",
            )


def _schedules(contract: Contract) -> Iterator[Diagnostic]:
    for schedule in schedules(contract):
        problem = cron_problem(schedule.text) if schedule.is_cron else None
        if problem:
            yield warning(
                "WFT-CON-009",
                f"the schedule `{schedule.text}` of `{schedule.of}` is no cron expression: {problem}",
                contract.where(schedule.pointer),
                fix="write five fields, as in `0 20 * * *`, or name the `scheduler` whose words they are",
            )


def _promise(
    contract: Contract, table: SchemaObject, promise: Promise, admit: Admit | None, bound: Bind | None
) -> Iterator[Diagnostic]:
    subject = f"`{dotted(promise.properties[0])}`" if len(promise.properties) == 1 else f"`{table.name}`"
    where = promise.where
    if promise.filter is not None:
        yield from _filter(table, promise, subject, admit)
    match promise.condition:
        case Faulty(reason, fix):
            yield error("WFT-CON-006", f"{subject}: {reason}", where, why="the rule cannot be understood", fix=fix)
        case Unevaluated(reason):
            yield note("WFT-CHK-003", f"{subject}: `{promise.id}` is not evaluated: {reason}", where)
        case References(name, columns):
            other = next((o for o in contract.objects if name in (o.name, o.data.get("physicalName"))), None)
            for column in columns if other else ():
                if other and other.property(column) is None:
                    known = [p.name for p in other.properties]
                    what = f"{subject}: table `{name}` has no column `{column}`"
                    fix = did_you_mean(column, known, otherwise=f"name a column of `{name}`")
                    yield error("WFT-CON-006", what, where, fix=fix)
        case SqlValue(query) if admit is not None:
            others = {o.name: _empty(o) for o in contract.objects if o is not table}
            asked = bind(query, table, promise.properties[0] if promise.properties else None, _empty(table), others)
            refused = [d for d in admit(to_admit(asked.text, asked.tables)) if d.severity is Severity.ERROR]
            more = contract.custom.get("weft.extraColumns") in ("allow", "warn")
            if not refused and bound is not None and not more and not _of_a_server(contract):
                refused = _unbound(asked, bound)
            for d in refused:
                yield Diagnostic(d.code, d.severity, f"{subject}: {d.what}", where, d.why, d.fix)
        case NotNull() | Valid() | Length() | Range() | Items() | Distinct() as condition:
            for prop in promise.properties:
                problem = _unkeepable(condition, prop) or _unfit(condition, table, prop)
                if problem:
                    why = "no data can keep the rule"
                    yield error("WFT-CON-006", f"{subject}: {problem}", where, why=why, fix=_RULE_OR_TYPE)


_RULE_OR_TYPE = "change the rule, or the type of the column"


def _filter(table: SchemaObject, promise: Promise, subject: str, admit: Admit | None) -> Iterator[Diagnostic]:
    text = str(promise.filter)
    if reaches_further(text):
        what = f"{subject}: the filter of `{promise.id}` holds a query"
        yield error("WFT-CON-006", what, promise.where, fix="write a condition on the columns of one row")
    elif admit is not None:
        query = filter_query(text, table, promise.properties[0] if len(promise.properties) == 1 else None)
        for d in admit(query):
            if d.severity is Severity.ERROR:
                yield Diagnostic(d.code, d.severity, f"{subject}: {d.what}", promise.where, d.why, d.fix)


def _empty(table: SchemaObject) -> str:
    """A FROM item of the promised columns, without rows."""
    typed = [(p.name, duck_type(p) or "VARCHAR") for p in table.properties] or [("none", "VARCHAR")]
    return f"(SELECT {', '.join(f'CAST(NULL AS {kind}) AS {ident(name)}' for name, kind in typed)} LIMIT 0)"


def _of_a_server(contract: Contract) -> bool:
    """Whether SQL rules may be in the words of a database server."""
    servers = [s for s in contract.data.get("servers") or () if isinstance(s, dict)]
    return any(s.get("type") not in ("local", "s3", "duckdb") for s in servers)


def _unbound(query: BoundQuery, bound: Bind) -> list[Diagnostic]:
    """What an engine has against a query over the promised columns; tables that others have are not known here."""
    try:
        bound(query.sql())
    except WeftError as problem:
        return [d for d in problem.diagnostics if d.code == "WFT-SQL-010"]
    return []


def _unfit(condition: Condition, table: SchemaObject, prop: Property) -> str | None:
    """Why a rule cannot be judged on a column of its promised type."""
    column = table.property(prop.path[0])
    tree = parse_type(duck_type(column) or "") if column else None
    if tree is None:
        return None
    try:
        if isinstance(condition, Distinct):
            expression(prop, tree)
        else:
            failing(condition, prop, tree, "UTC")
    except Unusable as problem:
        return str(problem)
    return None


def _unkeepable(condition: Condition, prop: Property) -> str | None:
    match condition:
        case Length(low, high) | Items(low, high):
            return _crossed(low, high, False)
        case Range():
            upper = condition.exclusive_maximum if condition.maximum is None else condition.maximum
            lower = condition.exclusive_minimum if condition.minimum is None else condition.minimum
            strict = condition.exclusive_maximum is not None or condition.exclusive_minimum is not None
            return _crossed(lower, upper, strict)
        case Valid(values, pattern):
            if pattern is not None:
                try:
                    re.compile(pattern)
                except re.error as problem:
                    return f"the pattern `{pattern}` does not parse: {problem}"
            return _foreign_value(values or (), prop)
    return None


def _crossed(low: object, high: object, strict: bool) -> str | None:
    try:
        least, most = Decimal(str(low)), Decimal(str(high))
    except InvalidOperation:
        return None  # bounds of dates and times are compared where the column's zone is known
    if least > most or (strict and least == most):
        return f"at least {low} and at most {high} leaves nothing"
    return None


def _foreign_value(values: tuple[object, ...], prop: Property) -> str | None:
    tree: TypeText | None = parse_type(duck_type(prop) or "")
    if tree is None or tree.name in ("VARCHAR", "STRUCT", "LIST", "MAP"):
        return None
    strange = [v for v in values if v is not None and literal(v, tree, "UTC") is None]
    return f"`{strange[0]}` is no {tree}" if strange else None
