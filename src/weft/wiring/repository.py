"""The files of a mesh held against its registry: sources, models and policies bound by what this process opens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from weft import plugins
from weft.plan.binding import Binder
from weft.plan.python_binding import PythonBinding
from weft.plan.repository import SourceReader, read_repository
from weft.wiring.classifying import classification_problems

if TYPE_CHECKING:
    from weft.plan.repository import Repository
    from weft.wiring import Rooms


def repository_of(rooms: Rooms, *, ask: bool) -> Repository:
    """The files as they are now; problems are collected, not raised.

    Args:
        ask: whether sources behind connections are asked, of which something was landed.
    """
    python = PythonBinding(rooms.settings)
    binder = Binder(lambda: rooms.parser, rooms.cache, plugins.version_of("duckdb"), python)
    sources = SourceReader(lambda: rooms.connector, lambda: rooms.remotes, ask=ask)
    found = read_repository(
        rooms.declared(), sources, rooms.registry, binder, rooms.now().date(), shared=rooms.on_a_server
    )
    return _with_policies(_with_classification(found, rooms), rooms)


def _with_classification(found: Repository, rooms: Rooms) -> Repository:
    """The repository with what lineage says of the classifications that it declares: plans tell it, too."""
    told = classification_problems(found, rooms.cache, rooms.registry)
    if not told:
        return found
    mesh = replace(found.mesh, diagnostics=(*found.mesh.diagnostics, *told))
    return replace(found, mesh=mesh, problems=(*found.problems, *told))


def _with_policies(found: Repository, rooms: Rooms) -> Repository:
    """The repository with what is wrong in its access policies."""
    if found.mesh.access is None and not any(domain.access for domain in found.mesh.domains.values()):
        return found
    from weft.access.policy_checks import policy_problems

    columns = {address: state.columns for address, state in found.registered.ports.items() if not state.retired}
    columns |= {address: desired.columns for address, desired in found.desired.items()}
    wrong = policy_problems(found.mesh, columns, rooms.parser, shared=rooms.on_a_server)
    return replace(found, problems=(*found.problems, *wrong))
