"""The pages, one module for each subject."""

from __future__ import annotations

from weft.server.portal.routes import access, assets, finding, governance, reports

ROUTERS = [routes.router for routes in (assets, finding, access, governance, reports)]
