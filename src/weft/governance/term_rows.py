"""The glossary as rows of the relations of the mesh: terms, bindings, and columns that are not as they should be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from weft.governance.concepts import bindings, mismatches
from weft.governance.glossary import Glossary
from weft.governance.rows import PortFacts, Row, of_port
from weft.model.document import Document, entries
from weft.model.lineage import column_id
from weft.model.odcs import contract, every_property


def term_rows(glossary: Glossary) -> list[Row]:
    """The rows of `terms`: each by its full name, with the standard that its broader terms have a part in."""
    return [
        (
            term.name,
            term.title,
            term.definition,
            term.owner,
            ", ".join(term.broader) or None,
            term.standard.type,
            term.standard.unit,
            term.standard.pattern,
            int(term.standard.level) if term.standard.level is not None else None,
            term.status,
            term.domain,
        )
        for _, term in sorted(glossary.terms.items())
    ]


def concept_rows(ports: Sequence[PortFacts], glossary: Glossary) -> Mapping[str, Sequence[Row]]:
    """The rows of `bindings` and `concept_findings` of the ports of a product."""
    if not glossary.terms:
        return {"concept_findings": []}  # bindings stand as the contracts alone have them
    bound: list[Row] = []
    findings: list[Row] = []
    for port in ports:
        if not any(_may_bind(table) for _, table in entries(port.contract, "schema")):
            continue  # reading a contract takes longer than looking at it
        promised = contract(Document(port.file or "", port.contract))
        for column in every_property(promised.table.properties if promised.objects else ()):
            if not (column.data.get("authoritativeDefinitions") or column.data.get("customProperties")):
                continue
            node = ".".join((str(port.address), *map(column_id, column.path)))
            for one in bindings(column, port.address.domain, glossary):
                term = one.term
                name = term.name if term is not None else one.name
                bound.append((node, *of_port(str(port.address), name, int(term is not None))))
                for wrong in mismatches(column, term) if term is not None else ():
                    found = (name, wrong.kind, wrong.expected, wrong.actual)
                    findings.append((node, *of_port(str(port.address), *found)))
    return {"bindings": bound, "concept_findings": findings}


def _may_bind(part: Any) -> bool:
    """Whether a table, column or field says something by which it could be bound to a term."""
    if isinstance(part, list):
        return any(_may_bind(one) for one in part)
    if not isinstance(part, Mapping):
        return False
    if part.get("authoritativeDefinitions") or part.get("customProperties"):
        return True
    return any(_may_bind(part.get(key)) for key in ("properties", "items", "map", "key", "value"))
