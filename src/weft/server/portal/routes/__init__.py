"""The pages, one module for each subject."""

from __future__ import annotations

from weft.server.portal.routes import assets, feedback, finding, people, products

ROUTERS = [routes.router for routes in (assets, finding, products, feedback, people)]
