"""`weft mcp`: the mesh for an assistant on this machine."""

from __future__ import annotations

from contextlib import closing

import click

from weft.cli.options import examples
from weft.errors import UsageError, error


@click.command(
    "mcp",
    help="Answer an AI assistant over standard input and output (Model Context Protocol).\n\n"
    "The assistant starts it, and acts as you: on a mesh of your own as its owner, and in a repository whose registry "
    "is a server's as whoever `weft login` or WEFT_TOKEN says.",
    epilog=examples("weft mcp", "weft -C ~/flights mcp"),
)
def command() -> int:
    from weft.api.platform import open_platform

    try:
        from weft.server.mcp import require_mcp

        require_mcp()
        from weft.api.wires.assistant import Assistant
        from weft.server.mcp.elsewhere import ToolsElsewhere
        from weft.server.mcp.over_stdio import serve
    except ImportError as e:
        why = f"`{e.name}` is not installed" if e.name else str(e)
        raise UsageError(
            error("WFT-CLI-002", "`weft mcp` needs packages of its own", why=why, fix="pip install 'weft[mcp,server]'")
        ) from e
    with closing(open_platform()) as platform:
        rooms = platform.rooms
        serve(ToolsElsewhere(rooms.remote.server) if rooms.on_a_server else Assistant.at_the_keyboard(platform))
    return 0
