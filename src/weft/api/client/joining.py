"""Joining a mesh on a server: domains of the repository that it does not know are requisitioned."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from weft.model.mesh import Mesh
from weft.project.records import domain_record
from weft.registry import codec

if TYPE_CHECKING:
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
            note = f"domain `{name}` is requisitioned; its token for pipelines is kept beside your own"
        elif codec.domain_text(replace(wanted, requisitioned_by=found.requisitioned_by)) != codec.domain_text(found):
            registry.change_domain(wanted)
            note = f"domain `{name}` is changed"
        else:
            continue
        if progress is not None:
            progress.note(note)
