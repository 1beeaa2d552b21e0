"""The glossary of a mesh that is open: its own files, and what the server beyond it has."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from weft.config import load_settings
from weft.errors import Diagnostic, PlatformError, UsageError, error
from weft.governance.concepts import bindings
from weft.governance.glossary import Glossary, Term, term_from_json
from weft.governance.suggesting import LEAST, Suggester
from weft.model.address import Address
from weft.model.mesh import Mesh
from weft.model.odcs import every_property
from weft.plan.concepts import bound_columns, concept_problems, glossary_in
from weft.wiring import Rooms

_ROUTE = "/api/v1/glossary"


def distant_glossary(rooms: Rooms) -> Glossary | None:
    """The glossary of the server that has the registry; None where it has none to tell of.

    Raises:
        TransientError: WFT-REG-020, it cannot be reached.
    """
    if not rooms.on_a_server:
        return None
    try:
        found = rooms.remote.server.get(_ROUTE, dict[str, Any])
    except PlatformError as e:
        if any(d.code == "WFT-REG-022" for d in e.diagnostics):
            return None  # a server of an earlier version knows no terms
        raise
    return Glossary({term.name: term for term in map(term_from_json, found["terms"])})


def problems(rooms: Rooms, mesh: Mesh) -> Iterator[Diagnostic]:
    """What `weft check` says of the glossary and of the columns that are bound to terms."""
    glossary, whole = glossary_for(rooms, mesh)
    yield from concept_problems(mesh, glossary, whole=whole)


def glossary_for(rooms: Rooms, mesh: Mesh) -> tuple[Glossary, bool]:
    """The terms that the files of a mesh may name, and whether these are all that there are."""
    asks = rooms.on_a_server and (_has_glossary(mesh) or next(bound_columns(mesh), None) is not None)
    beyond = distant_glossary(rooms) if asks else None
    return glossary_in(mesh, beyond), beyond is not None or not rooms.on_a_server


class GlossaryVerbs:
    """The verbs on the glossary, for whoever is at the keyboard."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms
        self._mesh = rooms.declared()
        self._glossary = glossary_in(self._mesh, distant_glossary(rooms))

    def close(self) -> None:
        """Gives connections back."""
        self._rooms.close()

    def listed(self, domain: str | None = None) -> dict[str, Any]:
        """All terms, or those of one domain, in the order of their names."""
        found = sorted(self._glossary.terms.values(), key=lambda t: t.name)
        return {"terms": [t.as_json() for t in found if domain is None or t.domain == domain]}

    def shown(self, name: str) -> dict[str, Any]:
        """A term with the terms around it and the columns that are bound to it.

        Raises:
            UsageError: WFT-GOV-042, there is none of that name.
        """
        term = term_named(self._glossary, name)
        columns = dict.fromkeys(_bound(self._mesh, self._glossary, term))
        if self._rooms.on_a_server:
            try:
                found = self._rooms.remote.server.get(f"{_ROUTE}/{quote(term.name, safe='')}", dict[str, Any])
                columns |= dict.fromkeys(found["columns"])
            except UsageError:
                pass  # it is new in these files
        return {**term.as_json(), "narrower": list(self._glossary.narrower(term)), "columns": sorted(columns)}

    def suggested(self, select: Sequence[str] = (), least: float = LEAST) -> dict[str, Any]:
        """Terms that columns without a binding may mean, by port and column.

        Raises:
            UsageError: WFT-PLN-008, an argument matches nothing.
        """
        wanted = _selected(self._mesh, select)
        suggester = Suggester(self._glossary)
        found = []
        for port in sorted(self._mesh.ports(), key=lambda p: p.address):
            if port.address not in wanted:
                continue
            for table in port.contract.objects:
                columns = every_property(table.properties)
                for column, one in suggester.suggestions(port.address.domain, columns, least):
                    where = port.contract.where(column.pointer)
                    found.append(
                        {
                            "column": f"{port.address}.{'.'.join(one.column)}",
                            "term": one.term,
                            "confidence": one.confidence,
                            "why": one.why,
                            "where": {"file": where.file, "line": where.line},
                        }
                    )
        return {"suggestions": found}


def open_glossary(path: str | Path = ".") -> GlossaryVerbs:
    """The glossary of the mesh whose folder holds `path`.

    Raises:
        UsageError: WFT-CFG-001, there is no weft.toml there or above.
    """
    return GlossaryVerbs(Rooms(load_settings(Path(path))))


def term_named(glossary: Glossary, name: str) -> Term:
    """The term of a name.

    Raises:
        UsageError: WFT-GOV-042, there is none.
    """
    term = glossary.term(name)
    if term is None:
        fix = glossary.nearest(name) or "`weft glossary list` shows all terms"
        raise UsageError(error("WFT-GOV-042", f"there is no term `{name[:80]}`", fix=fix))
    return term


def _bound(mesh: Mesh, glossary: Glossary, term: Term) -> Iterator[str]:
    for port, column in bound_columns(mesh):
        if any(
            b.term is not None and b.term.name == term.name for b in bindings(column, port.address.domain, glossary)
        ):
            yield f"{port.address}.{'.'.join(column.path)}"


def _selected(mesh: Mesh, select: Sequence[str]) -> frozenset[Address]:
    from weft.plan import order
    from weft.plan.selection import select as selected

    def changed() -> Iterator[Address]:
        raise UsageError(error("WFT-PLN-008", "`changed` means nothing here", fix="name domains, products or ports"))

    ports = {port.address: port for port in mesh.ports()}
    return selected(select, ports, order.reads(mesh), tags=lambda a: ports[a].contract.tags, changed=changed)


def _has_glossary(mesh: Mesh) -> bool:
    return mesh.glossary is not None or any(d.glossary is not None for d in mesh.domains.values())
