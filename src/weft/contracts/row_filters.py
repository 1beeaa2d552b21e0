"""Row filters: metrics that speak of some rows of a table only, chosen by a condition in SQL."""

from __future__ import annotations

import re

from msgspec.structs import replace

from weft.contracts.checks import Unusable
from weft.contracts.evaluator import Server
from weft.contracts.sql_rules import Admit, bind, to_admit
from weft.contracts.subject import Subject
from weft.errors import Severity
from weft.model.odcs import Property, SchemaObject
from weft.sql.quoting import ident

_REACHES_FURTHER = re.compile(
    r"\b(select|values|pivot|unpivot|describe|summarize)\b|\(\s*(from|table)\b|;|--|/\*|\$\w*\$", re.IGNORECASE
)
_QUOTED = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|`[^`]*`")


def filter_query(text: str, table: SchemaObject, prop: Property | None, server: Server | None = None) -> str:
    """A query that counts the rows of a filter: what an allow-list is asked about."""
    quoted = ident if server is None else server.quoted
    query = f"SELECT count(*) FROM {quoted(table.name)} WHERE ({_condition(text, table, prop, server)}\n)"
    return to_admit(query, [table.name], server)


def reaches_further(text: str) -> bool:
    """Whether a filter looks at more than its own row, which would be another table or another order of rows.

    >>> reaches_further("price > 0 AND note <> 'select'"), reaches_further("id IN (SELECT 1)")
    (False, True)
    """
    return _REACHES_FURTHER.search(_QUOTED.sub("''", text)) is not None


def filtered(text: str, prop: Property | None, subject: Subject, admit: Admit, server: Server | None = None) -> Subject:
    """The subject with the rows of a filter alone.

    Raises:
        Unusable: the filter may not run.
    """
    if reaches_further(text):
        raise Unusable("the filter is no condition on a row by itself: it holds a query")
    refused = [d for d in admit(filter_query(text, subject.table, prop, server)) if d.severity is Severity.ERROR]
    if refused:
        raise Unusable(f"the filter is not allowed: {'; '.join(d.what for d in refused)}")
    condition = _condition(text, subject.table, prop, server)
    if server is not None:
        return replace(subject, relation=server.filtered(subject.relation, subject.table.name, condition))
    rows = f"SELECT * FROM {subject.relation} AS {ident(subject.table.name)} WHERE ({condition}\n)"
    return replace(subject, relation=f"({rows})")


def _condition(text: str, table: SchemaObject, prop: Property | None, server: Server | None) -> str:
    return bind(text, table, prop, "", {}, server).text
