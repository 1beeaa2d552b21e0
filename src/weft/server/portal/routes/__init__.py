"""The pages, one module for each subject."""

from __future__ import annotations

from weft.server.portal.routes import administration, assets, feeds, finding, incidents, running

ROUTERS = [routes.router for routes in (administration, assets, feeds, finding, incidents, running)]
