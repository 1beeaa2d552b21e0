"""The tools of a server's mesh: calls are handed on to its `/mcp` with the token of whoever is signed in."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count
from typing import TYPE_CHECKING, Any

from weft.api.wires.assistant_wants import tool_named
from weft.errors import PlatformError, UsageError, WeftError, diagnostic_from_json, error

if TYPE_CHECKING:
    from weft.registry.remote import Server


class ToolsElsewhere:
    """The tools, where a server answers."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._numbers = count(1)

    def call(self, name: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """What a tool of the server answers.

        Raises:
            UsageError: WFT-SRV-073, the server has no assistants; or what a tool says.
            WeftError: the server cannot be reached, or does not know who asks.
        """
        tool = tool_named(name)
        asked = {
            "jsonrpc": "2.0",
            "id": next(self._numbers),
            "method": "tools/call",
            "params": {"name": name, "arguments": dict(arguments)},
        }
        try:
            answer = self._server.send("POST", "/mcp", asked, dict[str, Any], again=not tool.changes)
        except WeftError as e:
            if any(d.code == "WFT-SRV-002" for d in e.diagnostics):
                raise self._without(None) from e
            raise
        found = answer.get("result")
        if not isinstance(found, Mapping) or not isinstance(found.get("structuredContent"), Mapping):
            raise self._without(str(answer.get("error", {}).get("message", ""))[:300] or None)
        told: Mapping[str, Any] = found["structuredContent"]
        if not found.get("isError"):
            return told
        try:
            diagnostics = [diagnostic_from_json(d) for d in told["diagnostics"]]
        except (KeyError, TypeError, ValueError) as e:
            raise self._without(None) from e
        raise UsageError(*diagnostics)

    def stop(self) -> None:
        """Nothing: the server bounds what it runs."""

    def _without(self, why: str | None) -> PlatformError:
        return PlatformError(
            error(
                "WFT-SRV-073",
                f"the server `{self._server.url}` does not answer assistants",
                why=why,
                fix="it needs this version of weft, and `pip install 'weft[mcp]'`",
            )
        )
