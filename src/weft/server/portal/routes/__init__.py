"""The pages, one module for each subject."""

from __future__ import annotations

from weft.server.portal.routes import access, assets, finding, governance, lineage, reports, workbench

ROUTERS = [routes.router for routes in (assets, finding, lineage, workbench, access, governance, reports)]
