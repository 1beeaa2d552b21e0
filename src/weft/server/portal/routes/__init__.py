"""The pages, one module for each subject."""

from __future__ import annotations

from weft.server.portal.routes import (
    access,
    assets,
    feedback,
    finding,
    governance,
    lineage,
    people,
    products,
    reports,
    workbench,
)

ROUTERS = [
    routes.router
    for routes in (
        assets,
        finding,
        products,
        feedback,
        people,
        lineage,
        workbench,
        access,
        governance,
        reports,
    )
]
