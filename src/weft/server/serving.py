"""The web process: one application behind one web server, until it is told to stop."""

from __future__ import annotations

import uvicorn

from weft.api.platform import Platform
from weft.server.app import create_app


def serve(platform: Platform, host: str, port: int) -> None:
    """Serves until SIGINT or SIGTERM; what has begun is finished first."""
    uvicorn.run(create_app(platform), host=host, port=port, log_level="info", server_header=False)
