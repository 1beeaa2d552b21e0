"""Joining a mesh on a server: domains of the repository that it does not know are requisitioned."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from msgspec.structs import replace

from weft.errors import WeftError, has_errors
from weft.model.mesh import Mesh
from weft.project.records import domain_record
from weft.registry import codec

if TYPE_CHECKING:
    from weft.plan.repository import Repository
    from weft.registry.http import HttpRegistry
    from weft.runs.progress import Progress
    from weft.wiring import Rooms


def join(rooms: Rooms, mesh: Mesh, progress: Progress | None) -> None:
    """Requisitions each domain that is new to the server, and tells it what the files of the others say now.

    The token that publishes for a new domain is kept for this machine's user, like one of a person who signed in.

    Raises:
        AccessDenied: WFT-ACC-010, the caller may not change a domain that has changed.
        Conflict: WFT-SRV-042, somebody else has the name.
    """
    registry: HttpRegistry = rooms.remote
    known = registry.domains()
    for name, domain in sorted(mesh.domains.items()):
        wanted, found = domain_record(domain), known.get(name)
        if found is None:
            registry.requisition(wanted)
            note = _requisitioned(name)
        elif codec.domain_text(replace(wanted, requisitioned_by=found.requisitioned_by)) != codec.domain_text(found):
            registry.change_domain(wanted)
            note = f"domain `{name}` is changed"
        else:
            continue
        if progress is not None:
            progress.note(note)


def requisition_new(rooms: Rooms, found: Repository, progress: Progress | None) -> None:
    """Requisitions domains that are new to the server and whose own file is sound, where something else is not.

    What mends the rest may want the domain: a contract on a port of others is drafted from rows that a product reads.
    """
    broken = {d.where.file for d in found.problems if d.where is not None and has_errors([d])}
    registry: HttpRegistry = rooms.remote
    with suppress(WeftError):  # what is wrong with the files is told; the apply after that tells this
        known = registry.domains()
        for name, domain in sorted(found.mesh.domains.items()):
            if name not in known and domain.document.file not in broken:
                registry.requisition(domain_record(domain))
                if progress is not None:
                    progress.note(_requisitioned(name))


def _requisitioned(name: str) -> str:
    return f"domain `{name}` is requisitioned; its token for pipelines is kept beside your own"
