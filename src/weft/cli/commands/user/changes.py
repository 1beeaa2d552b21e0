"""`weft user add|passwd|role|disable|remove`: changes of one local user."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import click

from weft.cli.options import examples
from weft.cli.output import print_line, print_text
from weft.cli.text import counted

if TYPE_CHECKING:
    from weft.api.people.users import UserVerbs

_password_option = click.option(
    "--password-stdin", "from_stdin", is_flag=True, help="Take the password from standard input; else one is made."
)


@contextmanager
def _users() -> Iterator[UserVerbs]:
    from weft.api.platform import open_platform

    with closing(open_platform()) as platform:
        yield platform.identity.user_verbs


def _password(from_stdin: bool) -> str | None:
    return sys.stdin.readline().rstrip("\r\n") if from_stdin else None


def _shown(name: str, password: str) -> None:
    print_line(f"the password of {name}; it is not shown again:")
    print_text(password)


@click.command("add", help="Make a local user.", epilog=examples("weft user add ada --role governance_lead"))
@click.argument("name")
@click.option("--role", "roles", multiple=True, metavar="ROLE", help="A role in the mesh: operator, governance_lead.")
@_password_option
def add(name: str, roles: tuple[str, ...], from_stdin: bool) -> int:
    with _users() as users:
        password = users.add(name, _password(from_stdin), roles, actor=getpass.getuser())
    if not from_stdin:
        _shown(name, password)
    return 0


@click.command(
    "passwd",
    help="Give a local user another password; whoever is signed in under the name is signed out.\n\n"
    "Personal tokens hold on unless `--end-tokens` is given: give it where somebody else may have known the password.",
    epilog=examples("weft user passwd admin", "weft user passwd admin --end-tokens"),
)
@click.argument("name")
@click.option("--end-tokens", is_flag=True, help="End the personal tokens of the user as well.")
@_password_option
def passwd(name: str, end_tokens: bool, from_stdin: bool) -> int:
    with _users() as users:
        password, done = users.set_password(name, _password(from_stdin), actor=getpass.getuser(), end_tokens=end_tokens)
    if done.ended:
        print_line(f"{counted(done.ended, 'personal token')} of {name} ended")
    if done.holding:
        print_line(f"{counted(done.holding, 'personal token')} of {name} still in force: `--end-tokens` ends them too")
    if not from_stdin:
        _shown(name, password)
    return 0


@click.command(
    "role",
    help="Give a local user these roles in the mesh, and no others; none takes all away.\n\n"
    "Roles in a domain stand in its `domain.yaml`.",
    epilog=examples("weft user role ada operator governance_lead", "weft user role ada"),
)
@click.argument("name")
@click.argument("roles", nargs=-1, metavar="[ROLE]...")
def role(name: str, roles: tuple[str, ...]) -> int:
    with _users() as users:
        users.set_roles(name, roles, actor=getpass.getuser())
    print_text(f"{name} is {', '.join(sorted(set(roles)))}" if roles else f"{name} has no role in the mesh")
    return 0


@click.command(
    "disable",
    help="Shut a user out at once, with all sessions and personal tokens.",
    epilog=examples("weft user disable ada", "weft user disable ada --undo"),
)
@click.argument("name")
@click.option("--undo", is_flag=True, help="Let the user in again.")
def disable(name: str, undo: bool) -> int:
    with _users() as users:
        users.disable(name, actor=getpass.getuser(), undo=undo)
    print_text(f"{name} can sign in again" if undo else f"{name} is shut out")
    return 0


@click.command(
    "remove",
    help="Take a user away for good, with sessions, tokens, grants and queries: the name is free for somebody else.\n\n"
    "Roles that a `domain.yaml` gives to the name are those of whoever comes by it next: take them away first.",
    epilog=examples("weft user remove ada@example.com"),
)
@click.argument("name")
def remove(name: str) -> int:
    with _users() as users:
        users.remove(name, actor=getpass.getuser())
    print_text(f"{name} is removed")
    return 0
