"""The repository as it is now: bound, and held against the registry."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING

from msgspec import Struct, field
from msgspec.structs import replace

from weft.errors import Diagnostic, ProjectError, Severity, WeftError, Where, has_errors
from weft.model.address import Address, ProductAddress
from weft.model.mesh import InputPort, Mesh, Product, Source
from weft.plan import away, order
from weft.plan.away import AwaySources
from weft.plan.binding import Binder
from weft.plan.desired import Desired, SourceState, desired_ports
from weft.plan.planner import Registered, comparison
from weft.plan.selection import folder_of, meant

if TYPE_CHECKING:
    from weft.connectors.files import FileConnector
    from weft.connectors.remotes import RemoteConnector
    from weft.registry.base import Registry


class Repository(Struct, frozen=True):
    """What the files declare, what their ports should be, and what is published.

    Attributes:
        order: products, each after those that it reads.
        problems: everything that is wrong with the files.
        away: sources that could not be asked, of which nothing was landed: what is made from them is not in `desired`.
        unplanned: the ports that are made from these, each with its input port.
    """

    mesh: Mesh
    order: tuple[Product, ...]
    desired: Mapping[Address, Desired]
    registered: Registered
    problems: tuple[Diagnostic, ...]
    away: AwaySources = field(default_factory=dict)
    unplanned: Mapping[Address, str] = field(default_factory=dict)

    def sound(self, select: Sequence[str] = ()) -> Repository:
        """Itself, when nothing is wrong with what the SELECT arguments mean, or with what that reads.

        Raises:
            ProjectError: all that is wrong, at once.
        """
        problems = [d for d in self.problems if self._concerns(d, select)] if select else self.problems
        if has_errors(problems):
            raise ProjectError(*dict.fromkeys(problems))
        return self

    def _concerns(self, problem: Diagnostic, select: Sequence[str]) -> bool:
        """Whether a problem may matter for the selected products: it does unless it stands in another's folder."""
        if problem.where is None:
            return True
        needed = meant(select, self.mesh, order.reads(self.mesh))
        for domain in self.mesh.domains.values():
            folder = domain.document.file.rpartition("/")[0]
            if needed is not None and problem.where.file.startswith(f"{folder}/"):
                product, inside, _ = problem.where.file.removeprefix(f"{folder}/").partition("/")
                return not inside or f"{folder}/{product}/" in {folder_of(str(p), self.mesh) for p in needed}
        return True


class SourceReader(Struct, frozen=True):
    """How sources are found: files by the one, what lies behind connections by the other.

    Attributes:
        ask: whether sources behind connections are asked, of which something was landed.
    """

    files: Callable[[], FileConnector]
    remotes: Callable[[], RemoteConnector]
    ask: bool = True

    def state(self, product: Product, entry: InputPort, source: Source) -> tuple[SourceState, list[Diagnostic]]:
        """A source as it is now, and what is to be said of it."""
        if source.remote is None:
            bound = self.files().bind(source)
            return SourceState(bound.version, bound.columns), []
        if source.live:
            version, columns = self.remotes().live(source)
            return SourceState(version, columns), []
        version, columns, told = self.remotes().seen(product.address, entry.name, source, entry.where, ask=self.ask)
        return SourceState(version, columns), told


def read_repository(
    mesh: Mesh, reader: SourceReader, registry: Registry, binder: Binder, today: date, *, shared: bool = False
) -> Repository:
    """What the files declare, bound and held against the registry; problems are collected, not raised.

    Args:
        shared: whether other repositories publish to the registry.
    """
    registered = Registered(registry.ports(), registry.products(), today, registry.kept_tables(), shared)
    try:
        in_order = order.build_order(mesh)
    except ProjectError as e:
        return Repository(mesh, (), {}, registered, (*mesh.diagnostics, *e.diagnostics))
    sources, unasked, missing = _sources(mesh, reader)
    mesh = replace(mesh, diagnostics=(*mesh.diagnostics, *(d for d in missing if d.severity is not Severity.ERROR)))
    desired, wrong = desired_ports(
        in_order,
        mesh,
        sources,
        registered.ports,
        binder,
        lambda port, state: state.contract != port.contract.data and comparison(port, state).verdict == "breaking",
        {product for product, _ in unasked},
    )
    problems = (*mesh.diagnostics, *missing, *wrong)
    unplanned = away.unplanned(in_order, unasked, desired)
    return Repository(mesh, in_order, desired, registered, problems, unasked, unplanned)


def _sources(
    mesh: Mesh, reader: SourceReader
) -> tuple[dict[tuple[ProductAddress, str], SourceState], AwaySources, list[Diagnostic]]:
    unasked: dict[tuple[ProductAddress, str], WeftError] = {}
    found: dict[tuple[ProductAddress, str], SourceState] = {}
    problems: list[Diagnostic] = []
    for product in mesh.products.values():
        for entry in product.inputs:
            if not isinstance(entry.binding, Source):
                continue
            try:
                state, told = reader.state(product, entry, entry.binding)
            except WeftError as e:
                if entry.binding.remote is not None and reader.remotes().is_away(product.address, entry.name, e):
                    unasked[product.address, entry.name] = type(e)(*(_at(d, entry.where) for d in e.diagnostics))
                    problems.append(away.told(product.address, entry, e))
                    continue
                problems += [_at(d, entry.where) for d in e.diagnostics]
                continue
            found[product.address, entry.name] = state
            problems += told
    return found, unasked, problems


def _at(diagnostic: Diagnostic, where: Where) -> Diagnostic:
    return Diagnostic(
        diagnostic.code,
        diagnostic.severity,
        diagnostic.what,
        diagnostic.where or where,
        diagnostic.why,
        diagnostic.fix,
    )
