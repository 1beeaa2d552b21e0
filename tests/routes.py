"""The routes of an application, for tests that walk all of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute


def api_routes(app: FastAPI) -> list[APIRoute]:
    """Every route that the API has; routers that were included stay whole in newer versions of FastAPI."""
    found = list(_routes(app.routes))
    assert found, "an application without routes proves nothing"
    return found


def _routes(listed: Any) -> Iterator[APIRoute]:
    for route in listed:
        if isinstance(route, APIRoute):
            yield route
        else:
            inner = getattr(route, "original_router", None)
            yield from _routes(inner.routes if inner is not None else getattr(route, "routes", None) or ())
