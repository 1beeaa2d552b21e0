"""Rules: the promises that a contract makes about the rows of one table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from weft.contracts.arguments import misshapen_arguments
from weft.contracts.conditions import (
    ColumnExists,
    Comparison,
    Condition,
    Distinct,
    Faulty,
    Items,
    Length,
    NotNull,
    Promise,
    Range,
    References,
    RowCount,
    SqlValue,
    Threshold,
    TypeKept,
    Unevaluated,
    Valid,
    comparison_of,
    dotted,
)
from weft.contracts.expectations import between, listed, range_words
from weft.contracts.references import other_tables, referenced
from weft.contracts.service_levels import service_levels
from weft.contracts.text_formats import pattern_of
from weft.contracts.written_dates import stated_form
from weft.errors import did_you_mean
from weft.model.checks import CheckSeverity, Rule
from weft.model.document import Pointer, custom_properties
from weft.model.odcs import Contract, Property, SchemaObject, every_property

_DIMENSIONS = {
    Rule.COLUMN_EXISTS: "conformity",
    Rule.TYPE: "conformity",
    Rule.REQUIRED: "completeness",
    Rule.UNIQUE: "uniqueness",
    Rule.PRIMARY_KEY: "uniqueness",
    Rule.PATTERN: "conformity",
    Rule.LENGTH: "conformity",
    Rule.RANGE: "conformity",
    Rule.ITEMS: "conformity",
    Rule.VALID_VALUES: "conformity",
    Rule.RELATIONSHIP: "consistency",
    Rule.ROW_COUNT: "completeness",
}
_METRIC_DIMENSIONS = {
    "nullValues": "completeness",
    "missingValues": "completeness",
    "invalidValues": "conformity",
    "duplicateValues": "uniqueness",
}
_FORMER_METRICS = {
    "nullCheck": "nullValues",
    "nullCount": "nullValues",
    "duplicateCount": "duplicateValues",
    "validValues": "invalidValues",
}
"""What ODCS 3.0 called the metrics, in the field `rule`."""


def promises(contract: Contract, table: SchemaObject | None = None) -> tuple[Promise, ...]:
    """The promises of a contract about one table (by default the first), each with a unique id.

    Extra columns are not among them: whether there are any shows only in the data.
    """
    return _Reader(contract, table or contract.table).read()


def some_row(contract: Contract, table: SchemaObject) -> Promise:
    """The promise that there are rows: an empty table is far more often a fault than a fact."""
    return Promise(
        id="not_empty",
        rule=Rule.ROW_COUNT,
        properties=(),
        condition=RowCount(Comparison("mustBeGreaterThan", 0)),
        expected="rows > 0, for the contract says nothing of their count",
        dimension=_DIMENSIONS[Rule.ROW_COUNT],
        where=contract.where(table.pointer),
    )


def referenced_tables(contract: Contract, table: SchemaObject | None = None) -> tuple[str, ...]:
    """Names, as written, of the other tables that the relationships of a table (by default the first) point to."""
    table = table or contract.table
    own = {table.name, table.data.get("physicalName")}
    return tuple(name for name in other_tables(contract, table) if name not in own)


def severity_of(text: Any) -> CheckSeverity:
    """`error` and absent block; every other value warns.

    >>> severity_of(None).value, severity_of("critical").value
    ('error', 'warning')
    """
    if text is None or str(text).lower() == "error":
        return CheckSeverity.ERROR
    return CheckSeverity.NOTE if str(text).lower() == "note" else CheckSeverity.WARNING


_COMPARE = "write one operator, as in `mustBe: 0` or `mustBeBetween: [1, 5]`"


class _Reader:
    """Collects the promises of one table in the order of the document."""

    def __init__(self, contract: Contract, table: SchemaObject) -> None:
        self._contract = contract
        self._table = table
        self._insist = bool(contract.custom.get("weft.mustEvaluate"))
        self._ids: dict[str, int] = {}
        self._found: list[Promise] = []

    def read(self) -> tuple[Promise, ...]:
        for prop in self._table.properties:
            self._add(Rule.COLUMN_EXISTS, prop, ColumnExists(), "the column is there", prop.pointer)
            if prop.logical_type or prop.physical_type:
                form = stated_form(prop)
                expected = f"{prop.physical_type or prop.logical_type}{f', as text {form}' if form else ''}"
                self._add(Rule.TYPE, prop, TypeKept(), expected, prop.pointer)
        for prop in every_property(self._table.properties):
            self._column(prop)
        self._primary_key()
        self._quality(self._table.quality, None, self._table.pointer)
        self._relationships(self._table.relationships, None, self._table.pointer)
        for level in service_levels(self._contract, self._table):
            self._append(
                level.rule,
                level.properties,
                level.condition,
                level.expected,
                level.pointer,
                key=level.key,
                dimension=level.dimension,
                threshold=level.threshold,
                severity=level.severity,
                fallback=level.name,
            )
        return tuple(self._found)

    def _column(self, prop: Property) -> None:
        options, pointer = prop.options, (*prop.pointer, "logicalTypeOptions")
        if prop.required and not prop.primary_key:
            self._add(Rule.REQUIRED, prop, NotNull(), "never null", (*prop.pointer, "required"))
        if prop.unique:
            self._add(Rule.UNIQUE, prop, Distinct(), "no value twice", (*prop.pointer, "unique"))
        for name in options.get("required") or ():
            field = next((f for f in prop.fields if f.name == name), None)
            if field is None:
                fault: Condition = (
                    Faulty(
                        f"`{name}` is no field of `{dotted(prop)}`",
                        did_you_mean(name, [f.name for f in prop.fields], otherwise="describe it under `properties`"),
                    )
                    if prop.fields
                    else Unevaluated(f"the contract does not describe the fields of `{dotted(prop)}`")
                )
                self._add(Rule.REQUIRED, prop, fault, f"field `{name}` never null", (*pointer, "required"))
            elif not field.required:
                self._add(Rule.REQUIRED, field, NotNull(), "never null", (*pointer, "required"))
        if options.get("pattern") is not None:
            text = str(options["pattern"])
            self._add(Rule.PATTERN, prop, Valid(pattern=text), f"matches {text}", (*pointer, "pattern"))
        if prop.logical_type == "string" and options.get("format") is not None:
            self._text_format(str(options["format"]), prop, (*pointer, "format"))
        self._bounds(prop, pointer)
        if prop.data.get("enum"):
            values = tuple(e.get("value") if isinstance(e, Mapping) else e for e in prop.data["enum"])
            self._add(Rule.VALID_VALUES, prop, Valid(values), listed(values), (*prop.pointer, "enum"))
        self._quality(prop.quality, prop, prop.pointer)
        self._relationships(prop.relationships, prop, prop.pointer)

    def _text_format(self, stated: str, prop: Property, pointer: Pointer) -> None:
        pattern = pattern_of(stated)
        condition: Condition = Valid(pattern=pattern)
        if pattern is None:
            condition = Unevaluated(f"`{stated}` is no format that a pattern tells")
        self._append(Rule.PATTERN, (prop,), condition, f"format {stated}", pointer, key=f"{dotted(prop)}.format")

    def _bounds(self, prop: Property, pointer: Pointer) -> None:
        options = prop.options
        shortest, longest = options.get("minLength"), options.get("maxLength")
        if shortest is not None or longest is not None:
            words = between(shortest, longest) + " characters"
            self._add(Rule.LENGTH, prop, Length(shortest, longest), words, pointer)
        bounds = Range(
            options.get("minimum"),
            options.get("maximum"),
            options.get("exclusiveMinimum"),
            options.get("exclusiveMaximum"),
            options.get("multipleOf"),
        )
        if bounds != Range():
            self._add(Rule.RANGE, prop, bounds, range_words(bounds), pointer)
        if prop.logical_type == "vector" and isinstance(options.get("dimensions"), int):
            size = options["dimensions"]
            self._add(Rule.ITEMS, prop, Items(size, size), f"{size} dimensions", (*pointer, "dimensions"))
        fewest, most, unique = options.get("minItems"), options.get("maxItems"), bool(options.get("uniqueItems"))
        if fewest or most is not None or unique:
            words = ", ".join(
                [between(fewest, most) + " items"] * bool(fewest or most is not None) + ["all different"] * unique
            )
            self._add(Rule.ITEMS, prop, Items(fewest, most, unique), words, pointer)
        if options.get("minProperties") or options.get("maxProperties") is not None:
            fewest, most = options.get("minProperties"), options.get("maxProperties")
            entries: Condition = Unevaluated("the fields of a column are fixed by its type")
            if prop.logical_type == "map":
                entries = Items(fewest, most)
            self._add(Rule.ITEMS, prop, entries, between(fewest, most) + " fields", pointer)

    def _primary_key(self) -> None:
        key = tuple(p for name in self._table.key if (p := self._table.property(name)) is not None)
        if key:
            words = "no null, and no key twice"
            self._append(Rule.PRIMARY_KEY, key, Distinct(nulls_fail=True), words, (*key[0].pointer, "primaryKey"))

    def _quality(self, entries: tuple[Mapping[str, Any], ...], prop: Property | None, parent: Pointer) -> None:
        for i, entry in enumerate(entries):
            self._rule(entry, prop, (*parent, "quality", i))

    def _rule(self, entry: Mapping[str, Any], prop: Property | None, pointer: Pointer) -> None:
        kind = entry.get("type") or ("sql" if entry.get("query") else "library")
        if kind == "text":
            self._quality_rule(entry, prop, pointer, Rule.TEXT, Unevaluated("a rule in words is for people"))
        elif kind == "custom":
            reason = f"engine `{entry.get('engine')}` is not weft's"
            self._quality_rule(entry, prop, pointer, Rule.CUSTOM, Unevaluated(reason))
        elif kind == "sql":
            comparison = comparison_of(entry)
            if isinstance(comparison, str):
                self._quality_rule(entry, prop, pointer, Rule.SQL, Faulty(comparison, _COMPARE))
            else:
                condition = SqlValue(str(entry.get("query", "")), comparison)
                self._quality_rule(entry, prop, pointer, Rule.SQL, condition, expected=str(comparison))
        else:
            self._metric(entry, prop, pointer)

    def _metric(self, entry: Mapping[str, Any], prop: Property | None, pointer: Pointer) -> None:
        stated = str(entry.get("metric") or entry.get("rule") or "")
        metric = _FORMER_METRICS.get(stated, stated)
        comparison = comparison_of(entry)
        if isinstance(comparison, str):
            self._quality_rule(entry, prop, pointer, Rule.METRIC, Faulty(comparison, _COMPARE))
            return
        arguments = entry.get("arguments") or {}
        misshapen = misshapen_arguments(arguments, entry)
        if misshapen:
            self._quality_rule(
                entry, prop, pointer, Rule.METRIC, Faulty(misshapen, "write it like `arguments: {validValues: [a, b]}`")
            )
            return
        unit = str(entry.get("unit") or "rows").lower()
        rows = arguments.get("filter")
        among = f" among rows where {rows}" if rows else ""
        if metric == "rowCount":
            condition: Condition = RowCount(comparison)
            if unit in ("percent", "%"):
                condition = Faulty("rows cannot be counted in percent", "take `unit` away, and state a number of rows")
            words = f"rows {comparison}{among}"
            self._quality_rule(entry, None, pointer, Rule.ROW_COUNT, condition, expected=words, filter=rows)
            return
        threshold = Threshold(comparison, percent=unit in ("percent", "%"))
        properties, condition, rule = self._counted(metric, stated, entry, arguments, prop)
        self._quality_rule(
            entry,
            None,
            pointer,
            rule,
            condition,
            properties=properties,
            expected=f"{metric} {threshold}{among}",
            threshold=threshold,
            dimension=_METRIC_DIMENSIONS.get(metric),
            filter=rows,
        )

    def _counted(
        self,
        metric: str,
        stated: str,
        entry: Mapping[str, Any],
        arguments: Mapping[str, Any],
        prop: Property | None,
    ) -> tuple[tuple[Property, ...], Condition, Rule]:
        if metric == "duplicateValues":
            names = arguments.get("properties") or ([prop.name] if prop else [])
            if prop is not None and not arguments.get("properties"):
                return (prop,), Distinct(), Rule.METRIC
            columns = [self._table.property(str(name)) for name in names]
            found = tuple(c for c in columns if c is not None)
            if not names or len(found) != len(names):
                unknown = ", ".join(f"`{n}`" for n, c in zip(names, columns, strict=True) if c is None)
                reason = f"{unknown} is no column" if unknown else "it names no columns (`arguments: properties`)"
                return found, Faulty(reason, "name columns of the table"), Rule.METRIC
            return found, Distinct(), Rule.METRIC
        if prop is None:
            named = self._table.property(str(arguments.get("property") or entry.get("column") or ""))
            if named is None:
                return (), Faulty(f"metric `{stated}` needs a column", "put the rule under its column"), Rule.METRIC
            prop = named
        if metric == "nullValues":
            return (prop,), NotNull(), Rule.METRIC
        if metric == "missingValues":
            also = tuple(v for v in arguments.get("missingValues") or () if v is not None)
            return (prop,), NotNull(also), Rule.METRIC
        if metric == "invalidValues":
            listed = arguments.get("validValues", entry.get("validValues"))
            pattern = arguments.get("pattern")
            if listed is None and pattern is None:
                fault = Faulty(
                    "it needs `arguments: validValues` or `pattern`", "write `arguments: {validValues: [a, b]}`"
                )
                return (prop,), fault, Rule.VALID_VALUES
            rule = Rule.VALID_VALUES if listed is not None else Rule.PATTERN
            return (prop,), Valid(None if listed is None else tuple(listed), pattern), rule
        fix = did_you_mean(stated, _METRIC_DIMENSIONS, otherwise="say it as a rule of `type: sql`")
        return (prop,), Faulty(f"metric `{stated}` is not one of ODCS", fix), Rule.METRIC

    def _quality_rule(
        self,
        entry: Mapping[str, Any],
        prop: Property | None,
        pointer: Pointer,
        rule: Rule,
        condition: Condition,
        *,
        properties: tuple[Property, ...] | None = None,
        expected: str | None = None,
        threshold: Threshold | None = None,
        dimension: str | None = None,
        filter: str | None = None,
    ) -> None:
        if properties is None:
            properties = (prop,) if prop else ()
        self._append(
            rule,
            properties,
            condition,
            expected or str(entry.get("description") or entry.get("name") or rule.value),
            pointer,
            key=entry.get("id") or entry.get("name"),
            dimension=entry.get("dimension") or dimension,
            severity=severity_of(entry.get("severity")),
            threshold=threshold,
            insist=bool(custom_properties(entry).get("weft.mustEvaluate")),
            filter=filter,
        )

    def _relationships(self, entries: tuple[Mapping[str, Any], ...], prop: Property | None, parent: Pointer) -> None:
        for i, entry in enumerate(entries):
            own: tuple[Property, ...] = (prop,) if prop else ()
            pointer = (*parent, "relationships", i)
            condition = self._reference(entry, prop)
            if prop is None:
                names = [r.column for r in referenced(entry, "from", self._contract)]
                own = tuple(p for name in names if (p := self._table.property(name)) is not None)
                if len(own) != len(names):
                    condition = Faulty(
                        f"`from` names a column that `{self._table.name}` does not have", "name columns of this table"
                    )
            expected = "a foreign key"
            if isinstance(condition, References):
                tolerated = f", at most {condition.max_orphans:g} % orphans" if condition.max_orphans else ""
                expected = f"in {condition.table}.{', '.join(condition.columns)}{tolerated}"
            self._append(Rule.RELATIONSHIP, own, condition, expected, pointer, key=entry.get("id"))

    def _reference(self, entry: Mapping[str, Any], prop: Property | None) -> Condition:
        if entry.get("type", "foreignKey") != "foreignKey":
            return Unevaluated(f"a relationship of type `{entry.get('type')}` says nothing about rows")
        to = referenced(entry, "to", self._contract)
        if not to:
            return Faulty("it has no `to`", "write `to: TABLE.COLUMN`")
        width = 1 if prop is not None else len(referenced(entry, "from", self._contract))
        tables = {reference.table or self._table.name for reference in to}
        if len(to) != width or len(tables) != 1:
            return Faulty(
                "`from` and `to` need the same number of columns, `to` those of one table",
                "name as many columns in `to` as in `from`",
            )
        tolerated = custom_properties(entry).get("weft.maxOrphans", 0)
        if isinstance(tolerated, bool) or not isinstance(tolerated, int | float):
            return Faulty("`weft.maxOrphans` is a percentage", "write a number from 0 to 100")
        return References(tables.pop(), tuple(r.column for r in to), float(tolerated))

    def _add(self, rule: Rule, prop: Property, condition: Condition, expected: str, pointer: Pointer) -> None:
        self._append(rule, (prop,), condition, expected, pointer)

    def _append(
        self,
        rule: Rule,
        properties: tuple[Property, ...],
        condition: Condition,
        expected: str,
        pointer: Pointer,
        *,
        key: Any = None,
        dimension: str | None = None,
        severity: CheckSeverity = CheckSeverity.ERROR,
        threshold: Threshold | None = None,
        insist: bool = False,
        fallback: str | None = None,
        filter: str | None = None,
    ) -> None:
        name = str(key) if key else None
        if name is None:
            single = dotted(properties[0]) if len(properties) == 1 else None
            name = f"{single}.{rule.value}" if single else (fallback or rule.value)
        self._found.append(
            Promise(
                id=self._unique(name),
                rule=rule,
                properties=properties,
                condition=condition,
                expected=expected,
                dimension=dimension or _DIMENSIONS.get(rule),
                where=self._contract.where(pointer),
                severity=severity,
                threshold=threshold,
                must_evaluate=self._insist or insist,
                filter=filter,
            )
        )

    def _unique(self, name: str) -> str:
        self._ids[name] = self._ids.get(name, 0) + 1
        return name if self._ids[name] == 1 else self._unique(f"{name}_{self._ids[name]}")
