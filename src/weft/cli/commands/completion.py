"""`weft completion`: completion of commands in a shell."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from weft.cli.options import examples
from weft.cli.output import print_text


@click.command(
    "completion",
    help="Print the script that completes commands in your shell.",
    epilog=examples('eval "$(weft completion bash)"', 'eval "$(weft completion zsh)"', "weft completion fish | source"),
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(context: click.Context, shell: str) -> int:
    kind = get_completion_class(shell)
    assert kind is not None
    print_text(kind(context.find_root().command, {}, "weft", "_WEFT_COMPLETE").source())
    return 0
