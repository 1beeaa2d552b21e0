"""The pages, one module for each subject."""

from __future__ import annotations

from weft.server.portal.routes import (
    access,
    administration,
    assets,
    feedback,
    feeds,
    finding,
    governance,
    incidents,
    lineage,
    notices,
    people,
    products,
    reports,
    running,
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
        running,
        incidents,
        notices,
        governance,
        reports,
        administration,
        feeds,
    )
]
