"""Columns of the mesh's files against the glossary: unknown terms, and what is not as its term has it."""

from __future__ import annotations

from collections.abc import Iterator

from weft.errors import Diagnostic, Severity, warning
from weft.governance.concepts import bindings, mismatches
from weft.governance.glossary import Glossary, glossary_of, no_term
from weft.model.mesh import Mesh, OutputPort
from weft.model.odcs import Property, every_property


def glossary_in(mesh: Mesh, beyond: Glossary | None = None) -> Glossary:
    """The glossary that the files of a mesh declare, beside terms that are known from elsewhere."""
    domains = {d.name: d.glossary for d in mesh.domains.values() if d.glossary is not None}
    return glossary_of(mesh.glossary, domains, beyond.terms if beyond is not None else None)


def concept_problems(mesh: Mesh, glossary: Glossary, *, whole: bool = True) -> Iterator[Diagnostic]:
    """What is wrong with the glossary, and with the bindings of the columns of output ports.

    Args:
        whole: whether all terms are known; if not, nothing is said of names that mean none.
    """
    yield from glossary.problems
    for port, column in bound_columns(mesh):
        named = f"`{port.address}.{'.'.join(column.path)}`"
        for binding in bindings(column, port.address.domain, glossary):
            if binding.term is None:
                if whole:
                    where = port.contract.where(binding.pointer)
                    told = no_term(binding.name, glossary, port.address.domain, where)
                    what = f"{named} is bound to `{binding.name}`, and there is no such term"
                    yield Diagnostic(told.code, Severity.WARNING, what, where, None, told.fix)
                continue
            for one in mismatches(column, binding.term):
                yield warning(
                    "WFT-GOV-043",
                    f"{named} {one.what}",
                    port.contract.where(one.pointer),
                    why=f"it is bound to the term `{binding.term.name}`: {_short(binding.term.definition)}",
                    fix=one.fix,
                )


def bound_columns(mesh: Mesh) -> Iterator[tuple[OutputPort, Property]]:
    """Every column and nested field of the output ports that may be bound: it has a definition or a custom property."""
    for port in mesh.ports():
        for table in port.contract.objects:
            for column in every_property(table.properties):
                if column.data.get("authoritativeDefinitions") or column.data.get("customProperties"):
                    yield port, column


def _short(definition: str) -> str:
    text = " ".join(definition.split())
    return text if len(text) <= 120 else f"{text[:119]}…"
