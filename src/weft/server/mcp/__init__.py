"""The Model Context Protocol: the tools of `api.assistant`, over streamable HTTP and over standard input and output."""

from __future__ import annotations

from importlib.util import find_spec

from weft.errors import UsageError, error


def require_mcp() -> None:
    """Sees to it that the package of the protocol is there, before anything is imported of it.

    Raises:
        UsageError: WFT-SRV-070, it is not installed.
    """
    if find_spec("mcp") is None:
        raise UsageError(
            error("WFT-SRV-070", "assistants need a package of their own", fix="pip install 'weft[mcp,server]'")
        )
