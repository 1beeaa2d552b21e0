"""The application that a web server runs."""

from __future__ import annotations

from fastapi import FastAPI

from weft import __version__
from weft.api.platform import Platform
from weft.server import problems
from weft.server.routes import catalog, domains, health, publications, registry, scans


def create_app(platform: Platform) -> FastAPI:
    """All routes over one platform."""
    app = FastAPI(
        title="weft",
        version=__version__,
        description="A data mesh: its domains, products, contracts and runs.",
        openapi_url="/api/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
    )
    app.state.platform = platform
    problems.install(app)
    for routes in (health, catalog, registry, publications, scans, domains):
        app.include_router(routes.router)
    return app
