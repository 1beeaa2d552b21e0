"""The routes of an application: all of them, and those of one path."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from fastapi.routing import APIRoute
from starlette.routing import BaseRoute


def api_routes(routes: Iterable[BaseRoute]) -> Iterator[APIRoute]:
    """Every route of the API, those of included routers too, which FastAPI keeps as they are."""
    for route in routes:
        if isinstance(route, APIRoute):
            yield route
        elif (included := getattr(route, "original_router", None)) is not None:
            yield from api_routes(included.routes)


def methods_of(routes: Iterable[BaseRoute], path: str) -> list[str]:
    """The methods that a path can be asked with (RFC 9110, 10.2.1)."""
    found: set[str] = set()
    for route in api_routes(routes):
        # `/a/b` is no `/a/{x}` where a route of its own answers it, with whatever method
        if route.path_regex.match(path):
            if "{" not in route.path:
                return sorted(_named(routes, route.path))
            found |= route.methods or set()
    return sorted(found)


def _named(routes: Iterable[BaseRoute], path: str) -> set[str]:
    return {method for route in api_routes(routes) if route.path == path for method in route.methods or ()}
