"""The end of `weft demo`: the portal over its mesh, with somebody of each role to sign in as."""

from __future__ import annotations

import os
import socket
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from weft.cli.output import print_text
from weft.cli.text import indented, table
from weft.errors import UsageError

if TYPE_CHECKING:
    from weft.api.platform import Platform

CONSUMER = "nina.keller@example.com"
OPERATOR = "olga.petrova@example.com"
LEAD = "gabriel.santos@example.com"
_DOMAIN = "operations"
_ASKED = "crew"
"""The domain whose data the first screen bids one ask for."""
_PORT = 8080
_TRIES = {
    "consumer": "finds data and asks to read them",
    "domain_owner": "decides who reads, and answers for the domain",
    "product_owner": "publishes and answers for products",
    "developer": "runs products; looks into the run that failed",
    "steward": "sees to quality, and decides on requests",
    "analyst": "reads for a domain that consumes",
    "compliance_contact": "sees violations, waivers and who has read",
    "governance_lead": "sees the whole mesh held against its policies",
    "operator": "makes domains and users, sees how the server stands",
}
"""What somebody of a role does first."""
_DECIDES = f"owns {_ASKED}: decides on the requests for its roster"


def served(folder: Path, port: int | None) -> int:
    """Makes people, tells them and where the portal is, and serves it until Ctrl-C; returns the exit code.

    Args:
        port: None: the usual one, or a free one where somebody else has that.

    Raises:
        UsageError: WFT-SRV-010, it cannot listen on the port that was asked for.
    """
    from weft.api.platform import open_platform
    from weft.cli.serving import serve_platform

    chosen = port if port is not None else _PORT if _is_free(_PORT) else 0
    # a line for each request would soon carry away the passwords, which stand in the terminal alone
    os.environ.update(WEFT_SERVER__LOG_LEVEL="warning", WEFT_SERVER__LOG_FORMAT="text")  # its worker's as well
    # pages tell every way to connect where it speaks Flight too
    flags = {"server.port": chosen, "server.flight_port": _any_free()}
    with closing(open_platform(folder, flags=flags)) as platform:
        try:
            people = made_people(platform)
            serve_platform(platform, ready=lambda url: _tell(url, people))
        except (ImportError, UsageError) as e:
            if isinstance(e, UsageError) and not any(d.code == "WFT-CLI-002" for d in e.diagnostics):
                raise
            print_text("\nThe portal needs packages of its own: pip install 'weft[server]', then `weft serve` there.")
    return 0


def made_people(platform: Platform) -> list[tuple[str, str, str, str]]:
    """Local users, one of each role and who decides on what the first screen bids one ask for.

    Returns:
        Role, what they do, name and password of each; the passwords are made for this demo.
    """
    from weft.model.records import domain_members
    from weft.model.roles import role_key

    def held(name: str) -> dict[str, str]:
        members = reversed(domain_members(platform.rooms.production.domain(name)))
        found = {role_key(role): user for user, roles in members for role in roles}
        found["domain_owner"] = found.pop("owner", found.get("domain_owner", ""))
        return found

    own = held(_DOMAIN)
    wanted: list[tuple[str, str, str, tuple[str, ...]]] = [
        ("consumer", _TRIES["consumer"], CONSUMER, ()),
        ("domain_owner", _DECIDES, held(_ASKED)["domain_owner"], ()),
        *((role, tries, own.get(role, ""), ()) for role, tries in _TRIES.items()),
        ("governance_lead", _TRIES["governance_lead"], LEAD, ("governance_lead",)),
        ("operator", _TRIES["operator"], OPERATOR, ("operator",)),
    ]
    users = platform.identity.user_verbs
    return [
        (role, tries, name, users.add(name, None, roles, actor="weft demo"))
        for role, tries, name, roles in wanted
        if name
    ]


def _tell(url: str, people: list[tuple[str, str, str, str]]) -> None:
    rows = [[name, password, role.replace("_", " "), tries] for role, tries, name, password in people]
    print_text(
        f"\nThe portal is at {url}/ until you end it with Ctrl-C. Sign in as:\n\n"
        f"{indented(table(['user', 'password', 'role', 'does'], rows))}\n"
    )


def _any_free() -> int:
    with socket.socket() as tried:
        tried.bind(("127.0.0.1", 0))
        return int(tried.getsockname()[1])


def _is_free(port: int) -> bool:
    with socket.socket() as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
