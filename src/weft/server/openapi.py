"""The OpenAPI document: what FastAPI makes of the routes, with the errors and credentials it does not know."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.openapi.utils import get_openapi

from weft.access.permissions import PERMISSIONS
from weft.server import cookies, foreign_problems, wire
from weft.server.answers import refusals
from weft.server.permitted import Permitted
from weft.server.problems import MEDIA_TYPE
from weft.server.routing import api_routes
from weft.server.shapes import Problem

TAGS = [
    {"name": "catalog", "description": "What there is: domains, products, ports, contracts, lineage"},
    {"name": "feedback", "description": "What people ask about products, and what they think of them"},
    {"name": "records", "description": "What happened: runs and the event log"},
    {"name": "identity", "description": "Who asks: sessions and tokens"},
    {"name": "domains", "description": "Domains, from their requisition on"},
    {"name": "jobs", "description": "What workers do, and when: jobs, schedules, backfills"},
    {"name": "incidents", "description": "What is wrong, since when, and who looks after it"},
    {"name": "notices", "description": "Who is told of what, and whether it came"},
    {"name": "usage", "description": "What products cost"},
    {
        "name": "governance",
        "description": "Policies, what violates them and who is let off; what columns mean; compliance",
    },
    {"name": "assistants", "description": "The Model Context Protocol at /mcp, and who knows its callers"},
    {"name": "audit", "description": "Who has read what, and whether the record of it still stands"},
    {"name": "registry", "description": "What is registered, for planners and runners of domains elsewhere"},
    {"name": "publishing", "description": "Runs of domains elsewhere: what they upload and hand in"},
    {"name": "access", "description": "Asking to read data, deciding on it, and what was granted"},
    {"name": "reading", "description": "Files of exactly the snapshots that grants let products read"},
    {"name": "iceberg", "description": "The mesh as an Iceberg REST catalog, for engines that read files themselves"},
    {"name": "feeds", "description": "The catalog as linked data, maps of its pages, and what changes"},
    {"name": "operation", "description": "Whether the server lives, and how it does"},
]


def document(app: FastAPI) -> dict[str, Any]:
    """The document of an application; made once."""
    if app.openapi_schema:
        return app.openapi_schema
    made = get_openapi(
        title=app.title, version=app.version, description=app.description, routes=app.routes, tags=app.openapi_tags
    )
    schemas = made.setdefault("components", {}).setdefault("schemas", {})
    shape = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas |= shape.pop("$defs", {}) | {"Problem": shape} | wire.components()
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    made["components"]["securitySchemes"] = {
        "bearer": {"type": "http", "scheme": "bearer", "description": "A token of a person, a domain or a service"},
        "session": {
            "type": "apiKey",
            "in": "cookie",
            "name": cookies.session_name(app),
            "description": "The session of somebody who has signed in with a browser",
        },
        "csrf": {
            "type": "apiKey",
            "in": "header",
            "name": cookies.CSRF_HEADER,
            "description": "`csrf` of the session, beside its cookie and the browser's `Origin`",
        },
    }
    own = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for route in api_routes(app.routes):
        if route.include_in_schema:
            for method in route.methods or ():
                operation = made["paths"][route.path_format][method.lower()]
                problem = foreign_problems.described_at(route.path) or own
                for status, response in operation["responses"].items():
                    if status >= "400" and "content" not in response:
                        response["content"] = problem
                if method in ("POST", "PUT", "PATCH"):
                    for status, refused in refusals(413, 415).items():
                        operation["responses"].setdefault(str(status), {**refused, "content": problem})
                if "422" in operation["responses"]:
                    operation["responses"]["422"]["content"] = problem
                if not all(PERMISSIONS[guard.action].strangers for guard in guards(route.dependant)):
                    by_cookie: dict[str, list[str]] = (
                        {"session": []} if method in cookies.SAFE else {"session": [], "csrf": []}
                    )
                    known_by_cookie = all(guard.by_cookie for guard in guards(route.dependant))
                    operation["security"] = [{"bearer": []}, *([by_cookie] if known_by_cookie else [])]
    app.openapi_schema = made
    return made


def guards(dependant: Dependant) -> Iterator[Permitted]:
    """The lines of the table of permissions that a route goes by."""
    for dependency in dependant.dependencies:
        if isinstance(dependency.call, Permitted):
            yield dependency.call
