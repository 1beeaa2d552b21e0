"""The protocol over standard input and output, for an assistant that starts weft as its child."""

from __future__ import annotations

import anyio
from mcp.server.stdio import stdio_server

from weft.server.mcp.desk import Tools, desk


def serve(tools: Tools) -> None:
    """Answers until the input ends."""

    async def run() -> None:
        server = desk(tools)
        async with stdio_server() as (read, write):
            await server.run(read, write, server.create_initialization_options())

    anyio.run(run)
