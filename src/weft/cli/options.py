"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from weft.plan.keeping import Window

F = TypeVar("F", bound=Callable[..., Any])


def format_option(*formats: str) -> Callable[[F], F]:
    """`--format`: the first one given is the default."""
    choices = formats or ("text", "json")
    return click.option(
        "--format",
        "form",
        type=click.Choice(choices),
        default=choices[0],
        show_default=True,
        help="How the answer is printed; json is one document for programs.",
    )


def examples(*lines: str) -> str:
    """The end of a command's help: examples that can be copied."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


select_argument = click.argument("select", nargs=-1, metavar="[SELECT]...")
"""SELECT: an address or its beginning, `+x` with upstream, `x+` with downstream, `tag:NAME`, `changed`."""

SELECT_HELP = (
    "SELECT is an address or the beginning of one (operations, operations.on_time), +x with what it reads, x+ with "
    "what reads it, tag:NAME, or changed. Several unite; none means everything."
)


def environment_option(meaning: str) -> Callable[[F], F]:
    """`--env`: an environment instead of production."""
    return click.option("--env", "environment", metavar="NAME", help=meaning)


server_option = click.option(
    "--server",
    metavar="URL",
    help="Ask this server, as whom `weft login` or WEFT_TOKEN says: no folder of a mesh is needed.",
)
"""`--server`: a server instead of the mesh of this folder."""


def mesh_at(server: str | None) -> str:
    """What a mesh is opened by: the address of a server, or this folder where none is named.

    Raises:
        UsageError: WFT-ACC-024, the text is no address of a server.
    """
    if server is None:
        return "."
    from weft.registry.credentials import server_url

    return server_url(server)


def window_options(command: F) -> F:
    """`--start` and `--end`: a stretch of time that is computed again."""
    for name, meaning in (
        ("--end", "The first instant that is left out; everything after --start without it."),
        ("--start", "Compute rows again from this time on, like 2026-11-01, in models that are built by time."),
    ):
        command = click.option(name, metavar="TIME", help=meaning)(command)
    return command


def window_of(start: str | None, end: str | None) -> Window | None:
    """The window that the two options name; None when neither is given.

    Raises:
        UsageError: WFT-CLI-001 one of them is no time, WFT-PLN-016 no time lies between them.
    """
    if start is None and end is None:
        return None
    from weft.access.versions import parse_time
    from weft.plan.keeping import window

    return window(parse_time(start) if start is not None else None, parse_time(end) if end is not None else None)
