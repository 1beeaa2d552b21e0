"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

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
