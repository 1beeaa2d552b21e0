"""The application that a web server runs."""

from __future__ import annotations

import threading

from fastapi import FastAPI

from weft import __version__
from weft.api.platform import Platform
from weft.config import size_bytes
from weft.server import openapi, problems
from weft.server.metrics import Metrics
from weft.server.portal import routes as portal
from weft.server.routes import (
    access,
    approvals,
    audit,
    catalog,
    compliance,
    data,
    domains,
    feedback,
    flight,
    glossary,
    governance,
    health,
    iceberg,
    iceberg_files,
    incidents,
    jobs,
    links,
    mcp,
    notices,
    publications,
    query,
    records,
    registry,
    saved_queries,
    scans,
    session,
    sign_in,
    tokens,
    usage,
    workspace,
)
from weft.server.tracing import Tracing
from weft.server.traffic import Traffic


def create_app(platform: Platform) -> FastAPI:
    """All routes over one platform."""
    settings = platform.rooms.settings.server
    app = FastAPI(
        title="weft",
        version=__version__,
        description="A data mesh: its domains, products, contracts and runs.",
        openapi_url="/api/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
        openapi_tags=openapi.TAGS,
        generate_unique_id_function=lambda route: f"{route.tags[0]}_{route.name}" if route.tags else route.name,
        redirect_slashes=False,
    )
    app.state.platform = platform
    app.state.stopping = threading.Event()
    app.state.metrics = Metrics(lambda: platform.rooms.readers.cache)
    app.state.tracing = Tracing(settings.traces)
    app.openapi = lambda: openapi.document(app)  # type: ignore[method-assign]
    problems.install(app)
    subjects = (
        health,
        catalog,
        feedback,
        records,
        session,
        sign_in,
        tokens,
        jobs,
        notices,
        incidents,
        usage,
        audit,
        glossary,
        compliance,
        governance,
        approvals,
        flight,
    )
    for routes in (
        *subjects,
        registry,
        publications,
        scans,
        query,
        data,
        links,
        iceberg,
        iceberg_files,
        saved_queries,
        workspace,
        access,
        domains,
        mcp,
    ):
        app.include_router(routes.router)
    for router in portal.ROUTERS:
        app.include_router(router)
    app.add_middleware(
        Traffic,
        metrics=app.state.metrics,
        tracing=app.state.tracing,
        body_limit=size_bytes(settings.body_limit),
        file_limit=size_bytes(platform.rooms.settings.publishing.file_size),
    )
    return app
