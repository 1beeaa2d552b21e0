"""dbt: models of a manifest (Source: dbt manifest v12) and models YAML with contract, constraints and tests."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec.structs import replace

from weft.contracts.exchange import sql
from weft.contracts.exchange.documents import malformed, missing, parsed_json
from weft.contracts.exchange.kinds import Header, Read, Written
from weft.contracts.exchange.notes import Notes
from weft.errors import UsageError, did_you_mean, error
from weft.model.shape import UNSET, Field, Reference, Table, field_of
from weft.model.type_text import TypeText, parse_type

_ADAPTERS = {
    "postgres": "postgres",
    "redshift": "postgres",
    "mysql": "mysql",
    "spark": "spark",
    "databricks": "spark",
} | {
    "snowflake": "snowflake",
    "bigquery": "bigquery",
    "duckdb": "duckdb",
}
_MANIFEST = re.compile(r".*/dbt/manifest/v(\d+)(\.json|/index\.html)?")
_NODE = re.compile(r"^(?:ref|source)\((.*)\)$")


def imported(text: str, name: str, model: str | None = None) -> Read:
    """The table of a model of a manifest, with its contract's constraints and the tests on its columns.

    Raises:
        SourceError: WFT-IMP-003, it is no manifest; WFT-IMP-004, it has no model of the name.
        UsageError: WFT-IMP-002, it has several models and none is named.
    """
    data = parsed_json(text, name)
    metadata = data.get("metadata") if isinstance(data, dict) else None
    nodes = data.get("nodes") if isinstance(data, dict) else None
    if not isinstance(metadata, dict) or not isinstance(nodes, dict):
        raise malformed(name, "a manifest of dbt", "it has no `metadata` and `nodes`: it is target/manifest.json")
    version = _MANIFEST.fullmatch(str(metadata.get("dbt_schema_version")))
    if version is None or int(version[1]) < 9:
        raise malformed(
            name, "a manifest of dbt that weft reads", f"its schema is {metadata.get('dbt_schema_version')}"
        )
    node = _node(nodes, model, name)
    adapter = _ADAPTERS.get(str(metadata.get("adapter_type")), "duckdb")
    try:
        return _Model(node, nodes, adapter).read()
    except (TypeError, ValueError, AttributeError, LookupError) as e:  # parts of another shape than dbt writes
        raise malformed(name, "a manifest of dbt", f"{type(e).__name__} {e}") from e


def _node(nodes: Mapping[str, Any], model: str | None, source: str) -> Mapping[str, Any]:
    models = {
        key: n
        for key, n in nodes.items()
        if isinstance(n, dict) and n.get("resource_type") in ("model", "seed", "snapshot")
    }
    names = sorted({str(n.get("name")) for n in models.values()})
    if model is None and len(models) == 1:
        return next(iter(models.values()))
    if model is None:
        listed = ", ".join(names[:20]) or "none"
        what = f"`{source}` has {len(models)} models: which is meant?"
        raise UsageError(error("WFT-IMP-002", what, why=f"there are: {listed}", fix="name one: `--model NAME`"))
    found = [n for key, n in models.items() if model in (n.get("name"), key)]
    if not found:
        fix = did_you_mean(model, names, otherwise=f"there are: {', '.join(names[:20]) or 'none'}")
        raise missing(source, f"has no model `{model}`", fix)
    return max(found, key=lambda n: str(n.get("version") or ""))


class _Model:
    def __init__(self, node: Mapping[str, Any], nodes: Mapping[str, Any], dialect: str) -> None:
        self._node = node
        self._nodes = nodes
        self._dialect = dialect
        self._notes = Notes()
        self._fields: dict[str, Field] = {}
        self._sets: list[tuple[str, ...]] = []
        self._references: list[Reference] = []

    def read(self) -> Read:
        node = self._node
        for name, column in (node.get("columns") or {}).items():
            self._fields[str(column.get("name") or name)] = self._column(column, str(column.get("name") or name))
        for constraint in node.get("constraints") or ():
            self._constraint(constraint, tuple(constraint.get("columns") or ()))
        for name, column in (node.get("columns") or {}).items():
            for constraint in column.get("constraints") or ():
                self._constraint(constraint, (str(column.get("name") or name),))
        for test in self._tests():
            self._test(test)
        if not self._fields:
            raise missing(
                str(node.get("name")), "describes no column", "list columns with data_type in the model's YAML"
            )
        table = Table(
            str(node.get("alias") or node.get("name")),
            tuple(self._fields.values()),
            str(node["description"]) if node.get("description") else None,
            unique_sets=tuple(self._sets),
            references=tuple(self._references),
        )
        return Read((table,), notes=self._notes.lines)

    def _column(self, column: Mapping[str, Any], name: str) -> Field:
        stated = column.get("data_type")
        if stated is None:
            self._notes.add(name, "the model states no data_type: a text is taken")
            field = Field(name, "VARCHAR")
        else:
            field = self._typed(str(stated), name)
        return replace(field, name=name, description=str(column["description"]) if column.get("description") else None)

    def _typed(self, text: str, name: str) -> Field:
        from weft.sql.ddl import Unreadable, column_type

        try:
            field, told = column_type(text, self._dialect, name)
        except Unreadable:
            tree = parse_type(text)
            if tree is None or not tree.known:
                self._notes.add(name, f"the data_type {text} is not understood: a text is taken")
                tree = TypeText("VARCHAR")
            return field_of(name, tree)
        for line in told:
            self._notes.add(name, line)
        return field

    def _constraint(self, constraint: Mapping[str, Any], columns: tuple[str, ...]) -> None:
        kind, expression = constraint.get("type"), str(constraint.get("expression") or "")
        known = [c for c in columns if c in self._fields]
        if kind == "not_null":
            self._change(known, required=True)
        elif kind == "primary_key":
            for position, name in enumerate(known, start=1):
                self._change([name], key_position=position, required=True)
        elif kind == "unique" and len(known) == 1:
            self._change(known, unique=True)
        elif kind == "unique" and known:
            self._sets.append(tuple(known))
        elif kind == "foreign_key" and constraint.get("to") and constraint.get("to_columns"):
            self._refer(tuple(known), str(constraint["to"]), tuple(constraint["to_columns"]))
        elif kind == "check" and expression:
            self._check(expression)
        else:
            self._notes.add(
                columns[0] if columns else str(self._node.get("name")), f"the constraint {kind} {expression}: left out"
            )

    def _check(self, expression: str) -> None:
        from weft.sql.ddl import checked

        table, told = checked(Table("t", tuple(self._fields.values())), [expression], self._dialect)
        self._fields = {f.name: f for f in table.fields}
        for line in told:
            place, _, text = line.partition(": ")
            self._notes.add(place.strip("`"), text)

    def _change(self, names: list[str], **changes: Any) -> None:
        for name in names:
            self._fields[name] = replace(self._fields[name], **changes)

    def _refer(self, columns: tuple[str, ...], target: str, targets: tuple[str, ...]) -> None:
        call = _NODE.match(target)
        words = re.findall(r"['\"]([^'\"]+)['\"]", call[1]) if call else [target.replace("`", "").replace('"', "")]
        table = words[-1].rpartition(".")[2] if words else target
        reference = Reference(columns, table, targets)
        if len(columns) == len(targets) and reference not in self._references:
            self._references.append(reference)

    def _tests(self) -> Iterator[Mapping[str, Any]]:
        unique_id = self._node.get("unique_id")
        for node in self._nodes.values():
            if (
                isinstance(node, dict)
                and node.get("resource_type") == "test"
                and node.get("attached_node") == unique_id
            ):
                yield node

    def _test(self, test: Mapping[str, Any]) -> None:
        told = test.get("test_metadata") or {}
        name, given = told.get("name"), told.get("kwargs") or {}
        column = str(test.get("column_name") or given.get("column_name") or "").strip('"`')
        config = test.get("config") or {}
        if str(config.get("severity") or "error").lower() != "error" or config.get("where"):
            self._notes.add(
                column or str(self._node.get("name")), f"the test {name} only warns or looks at some rows: left out"
            )
            return
        given = {**given, **(given.get("arguments") or {})}
        columns = given.get("combination_of_columns")
        if column not in self._fields and not (name == "unique_combination_of_columns" and columns):
            self._notes.add(column or str(self._node.get("name")), f"the test {name or test.get('name')}: left out")
        elif name == "not_null":
            self._change([column], required=True)
        elif name == "unique":
            if not self._fields[column].key_position:
                self._change([column], unique=True)
        elif name == "accepted_values" and given.get("values"):
            self._change([column], values=tuple(given["values"]))
        elif name == "relationships" and given.get("to") and given.get("field"):
            self._refer((column,), str(given["to"]), (str(given["field"]),))
        elif name == "unique_combination_of_columns" and columns:
            if tuple(columns) not in self._sets:
                self._sets.append(tuple(columns))
        else:
            self._notes.add(column, f"the test {name}: left out")


def exported(tables: tuple[Table, ...], header: Header, dialect: str = "duckdb") -> Written:
    """The YAML of models whose contract is enforced: data_type in the words of a system, constraints and tests."""
    writer = _Writer(dialect)
    document = {"version": 2, "models": [writer.model(t, f"{t.name}." if len(tables) > 1 else "") for t in tables]}
    return Written(_yaml(document), writer.notes.lines, document)


def _yaml(document: Mapping[str, Any]) -> str:
    from ruamel.yaml import YAML

    out, writer = (
        io.StringIO(),
        YAML(typ="safe", pure=True),
    )  # safe: quotes what YAML 1.1, which dbt reads, takes for more
    writer.default_flow_style = False
    writer.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    writer.allow_unicode = True
    writer.width = 120
    writer.version = (1, 1)
    writer.dump(document, out)
    return out.getvalue().removeprefix("%YAML 1.1\n---\n")


class _Writer:
    def __init__(self, dialect: str) -> None:
        self.notes = Notes()
        self._dialect = dialect

    def model(self, table: Table, prefix: str) -> dict[str, Any]:
        found: dict[str, Any] = {"name": table.name}
        if table.description is not None:
            found["description"] = table.description
        found["config"] = {"contract": {"enforced": True}}
        constraints: list[dict[str, Any]] = []
        if len(table.key) > 1:
            constraints.append({"type": "primary_key", "columns": list(table.key)})
        constraints += [{"type": "unique", "columns": list(names)} for names in table.unique_sets]
        for reference in table.references:
            if len(reference.columns) > 1:
                to = f"ref('{reference.table}')"
                constraints.append(
                    {
                        "type": "foreign_key",
                        "columns": list(reference.columns),
                        "to": to,
                        "to_columns": list(reference.targets),
                    }
                )
        if constraints:
            found["constraints"] = constraints
        single = {r.columns[0]: r for r in table.references if len(r.columns) == 1}
        found["columns"] = [self._column(f, f"{prefix}{f.name}", table, single.get(f.name)) for f in table.fields]
        return found

    def _column(self, field: Field, place: str, table: Table, reference: Reference | None) -> dict[str, Any]:
        checks, typed = sql.column(
            replace(field, values=()) if field.type != "ENUM" else field, self._dialect, place, self.notes
        )
        found: dict[str, Any] = {"name": field.name, "data_type": typed}
        if field.description is not None:
            found["description"] = field.description
        constraints: list[dict[str, Any]] = []
        tests: list[Any] = []
        if field.required:
            constraints.append({"type": "not_null"})
            tests.append("not_null")
        if table.key == (field.name,):
            constraints.append({"type": "primary_key"})
            tests.append("unique")
        elif field.unique:
            constraints.append({"type": "unique"})
            tests.append("unique")
        constraints += [{"type": "check", "expression": check} for check in checks]
        if field.values:
            quoted = all(isinstance(v, str) for v in field.values)
            tests.append({"accepted_values": {"values": list(field.values), **({} if quoted else {"quote": False})}})
        if reference is not None:
            tests.append({"relationships": {"to": f"ref('{reference.table}')", "field": reference.targets[0]}})
        if constraints:
            found["constraints"] = constraints
        if tests:
            found["data_tests"] = tests
        if field.default is not UNSET:
            self.notes.add(place, "dbt cannot say default")
        return found
