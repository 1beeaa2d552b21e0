"""Assistants: the official client of the Model Context Protocol, over both transports."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters
from mcp.client.streamable_http import streamable_http_client

from tests.domains import environment
from tests.meshes import command

MODES = ("legacy", "auto")
"""Both handshakes: that of the sessions of old, and that of 2026-07-28."""


@asynccontextmanager
async def over_http(url: str, secret: str | None, mode: str = "auto", **headers: str) -> AsyncIterator[Client]:
    """An assistant at `/mcp` of a server."""
    sent = {**({"Authorization": f"Bearer {secret}"} if secret else {}), **headers}
    async with (
        httpx2.AsyncClient(headers=sent, timeout=60) as http,
        Client(streamable_http_client(f"{url}/mcp", http_client=http), mode=mode) as client,
    ):
        yield client


@asynccontextmanager
async def over_stdio(folder: Path, mode: str = "auto", **variables: str) -> AsyncIterator[Client]:
    """An assistant that has started `weft mcp` in a folder."""
    program, *words = command("mcp")
    started = StdioServerParameters(command=program, args=words, cwd=str(folder), env={**environment(), **variables})
    async with Client(started, mode=mode) as client:
        yield client


class Refused(AssertionError):
    """What a tool has refused, in its own words."""

    def __init__(self, codes: list[str], text: str) -> None:
        super().__init__(text)
        self.codes, self.text = codes, text


async def use(client: Client, tool: str, **arguments: Any) -> Mapping[str, Any]:
    """What a tool answers.

    Raises:
        Refused: it has refused.
    """
    found = await client.call_tool(tool, arguments)
    text = "".join(block.text for block in found.content)
    if found.is_error:
        raise Refused([d["code"] for d in found.structured_content["diagnostics"]], text)
    assert isinstance(found.structured_content, dict), text
    return found.structured_content
