"""The pages, one module for each subject."""

from __future__ import annotations

from weft.server.portal.routes import assets, finding, lineage, workbench

ROUTERS = [routes.router for routes in (assets, finding, lineage, workbench)]
