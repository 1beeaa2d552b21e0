"""Who sees what in the story of `weft demo`: one query for three people, and a stranger who asks for access."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from weft.cli.output import print_text
from weft.cli.render.access import request_page
from weft.cli.render.rows import rows_table
from weft.cli.text import counted, indented
from weft.errors import AccessDenied, Diagnostic

if TYPE_CHECKING:
    from weft.access.permissions import Caller
    from weft.access.result import Result
    from weft.api import Mesh
    from weft.api.client.distant import DistantResult
    from weft.api.platform import Platform
    from weft.registry.audit import Read

CREW = "crew.roster.assignments"
OWNER, CONSUMER, STRANGER = "rebecca.stone@example.com", "sofia.bianchi@example.com", "hanna.virtanen@example.com"
QUERY = (
    "select full_name, email, birth_date, duty, flight_date, count(*) over () as of_rows "
    f"from {CREW} order by flight_date desc, assignment_id limit 3"
)
DAYS = 30
_PURPOSES = {CONSUMER: "punctuality by crew", STRANGER: "crews held up by weather"}
_WIDE = 100


def holders(folder: Path, ports: Collection[str], column: str, port: str) -> list[str]:
    """Who holds a grant on a port's column, or on one of other ports; a line for each grant.

    Args:
        ports: pinned addresses of the others.
        column: of `port`, a pinned address.
    """
    from weft.api.access.elsewhere import keyboard
    from weft.api.access.verbs import Access
    from weft.api.platform import open_platform

    found = []
    with closing(open_platform(folder)) as platform:
        access = Access(platform.rooms, platform.database, sovereign=True)
        for address in dict.fromkeys((port, *ports)):
            for grant in access.granted(keyboard(platform.rooms.actor), address):
                named = grant["columns"] is None or address != port or column in grant["columns"]
                if grant["holds"] and named:
                    basis = f"given by {grant['given_by']}" if grant["given_by"] else f"by {grant['basis']}"
                    found.append(f"{grant['kind']} {grant['consumer']}, on {address}, {basis}")
    return found


def three_people(mesh: Mesh, folder: Path) -> int:
    """Lets an owner, a consumer with a grant and a stranger ask the same; returns the exit code."""
    from weft.api.platform import open_platform

    with closing(open_platform(folder)) as platform:
        _approved(platform, _asked(platform, CONSUMER))
    print_text(f"{CONSUMER} of Punctuality has asked for “{_PURPOSES[CONSUMER]}”, and {OWNER} has approved.")
    owner, consumer = (mesh.query(QUERY, principal=name) for name in (OWNER, CONSUMER))
    print_text(f"\n{OWNER} owns the domain:\n\n{_shown(owner)}")
    print_text(f"\n{CONSUMER} reads by that grant:\n\n{_shown(consumer)}\n")
    for line in _reasons(folder):
        print_text(f"  {line}")
    print_text(f"\n{STRANGER} has no grant:\n")
    refused = _refused(mesh, STRANGER)
    for diagnostic in refused:
        print_text(indented(str(diagnostic)))
    good = not _masked(owner) and _masked(consumer) and 0 < _of_rows(consumer) < _of_rows(owner) and refused
    return 0 if good else 5


def asking(mesh: Mesh, folder: Path) -> int:
    """Lets the stranger ask, the owner approve, and the stranger read; walks the audit. Returns the exit code."""
    from weft.api.platform import open_platform

    with closing(open_platform(folder)) as platform:
        asked = _asked(platform, STRANGER)
        print_text(indented(request_page(asked)))
        approved = _approved(platform, asked)
        print_text(f"\n{OWNER} approves for {DAYS} days:\n")
        print_text(indented(request_page(approved)))
        answer = mesh.query(QUERY, principal=STRANGER, purpose=_PURPOSES[STRANGER])
        print_text(f"\nThe same query again, for that purpose:\n\n{_shown(answer)}")
        reads = [read for _, read in platform.audit.store.reads(port=f"{CREW}@1")]
        print_text(f"\nWho has read it, newest first (weft -C {folder} audit reads {CREW}):\n")
        for read in reads:
            print_text(f"  {_told(read)}")
        found = platform.audit.verify()
    for problem in found["diagnostics"]:
        print_text(f"\n{problem['code']}: {problem['what']}")
    if not found["diagnostics"]:
        print_text(
            f"\nNothing of that was changed since: the hash chains of {counted(found['events'], 'event')} and of "
            f"{counted(found['reads'], 'record')} of reading hold (weft -C {folder} audit verify)."
        )
    readers = {read.begun.principal for read in reads if read.ended is not None}
    good = _masked(answer) and not found["diagnostics"] and {OWNER, CONSUMER, STRANGER} <= readers
    return 0 if good else 5


def _asked(platform: Platform, name: str) -> dict[str, Any]:
    """The request of somebody who asks for themselves."""
    from weft.api.access.verbs import Access

    until = (platform.rooms.now() + timedelta(days=DAYS)).date().isoformat()
    access = Access(platform.rooms, platform.database)
    return access.ask(_caller(platform, name), [CREW], _PURPOSES[name], until=until)


def _approved(platform: Platform, request: dict[str, Any]) -> dict[str, Any]:
    """The request after the owner has approved it, by the right of the owner and no other."""
    from weft.api.access.verbs import Access

    access = Access(platform.rooms, platform.database)
    return access.approve(_caller(platform, OWNER), request["request_id"])


def _caller(platform: Platform, name: str) -> Caller:
    """A member of the mesh's domains, with the roles that `domain.yaml` says."""
    from weft.access.permissions import Caller

    return Caller(name, "user", domains=platform.rooms.principal_named(name).roles)


def _refused(mesh: Mesh, name: str) -> Sequence[Diagnostic]:
    """How somebody is refused; nothing where they are answered."""
    try:
        mesh.query(QUERY, principal=name)
    except AccessDenied as e:
        return e.diagnostics
    return ()


def _told(read: Read) -> str:
    """A read in one line."""
    ended = read.ended
    rows = counted(ended.rows, "row") if ended is not None else "no end"
    masked = ", ".join(name for port in read.begun.ports for name in port.masked)
    purpose = f", for “{read.begun.purpose}”" if read.begun.purpose else ""
    return f"{read.begun.principal}: {rows}{purpose}, {f'masked: {masked}' if masked else 'nothing masked'}"


def _reasons(folder: Path) -> list[str]:
    """Why the consumer does not see all: a line for each column of the query that is masked, and for each filter."""
    from weft.api.access.elsewhere import keyboard
    from weft.api.access.verbs import Access
    from weft.api.platform import open_platform

    with closing(open_platform(folder)) as platform:
        access = Access(platform.rooms, platform.database, sovereign=True)
        found = access.explain(keyboard(platform.rooms.actor), CONSUMER, CREW)
    masked = [
        f"{column['name']} as {column['mask']['kind']}: {column['why'][0]['sentence']}"
        for column in found["columns"]
        if column["mask"] is not None and column["name"] in QUERY
    ]
    return masked + [f"rows where {found['filter']}: {rule['sentence']}" for rule in found["rules"]]


def _shown(result: Result | DistantResult) -> str:
    return indented(rows_table([(c.name, c.type) for c in result.columns], result.text_rows(), columns_wide=_WIDE))


def _masked(result: Result | DistantResult) -> bool:
    """Whether of nobody the date of birth is shown, nor who they are."""
    rows = result.arrow().select(["full_name", "email", "birth_date"]).to_pylist()
    return all(
        row["birth_date"] is None and " " not in row["full_name"] and row["email"] == "****@example.com" for row in rows
    )


def _of_rows(result: Result | DistantResult) -> int:
    """The rows that there are for the reader."""
    counts: list[int] = result.arrow()["of_rows"].to_pylist()
    return counts[0] if counts else 0
