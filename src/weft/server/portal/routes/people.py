"""Teams, people, tags and the glossary."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request
from starlette.responses import Response

from weft.access.permissions import Action, Caller
from weft.api.portal import people
from weft.server.portal.rendering import platform_of, show
from weft.server.portal.visiting import Visiting
from weft.server.quickly import quickly

router = APIRouter(tags=["portal"], include_in_schema=False)
Visitor = Annotated[Caller, Depends(Visiting(Action.READ_METADATA))]
_Name = Annotated[str, Path(max_length=255)]
_Word = Annotated[str | None, Query(max_length=200)]


async def _shown(
    request: Request, caller: Caller, template: str, title: str, find: Callable[[], dict[str, Any]]
) -> Response:
    return await quickly(request, lambda: show(request, caller, template, find(), title=title))


@router.get("/teams/{team:path}")
async def team(request: Request, caller: Visitor, team: _Name) -> Response:
    """A team, with its domains, products and people."""
    return await _shown(request, caller, "team.html", team, lambda: people.team(platform_of(request), caller, team))


@router.get("/people/{name:path}")
async def person(request: Request, caller: Visitor, name: _Name) -> Response:
    """Somebody, and what they are in which domain."""
    return await _shown(request, caller, "person.html", name, lambda: people.person(platform_of(request), caller, name))


@router.get("/tags/{tag:path}")
async def tag(request: Request, caller: Visitor, tag: _Name) -> Response:
    """What carries a tag."""
    return await _shown(request, caller, "tag.html", tag, lambda: people.tag(platform_of(request), caller, tag))


@router.get("/glossary")
async def glossary(
    request: Request,
    caller: Visitor,
    q: Annotated[str, Query(max_length=200)] = "",
    domain: _Word = None,
    cursor: Annotated[str | None, Query(max_length=1000)] = None,
) -> Response:
    """The terms that columns share."""
    platform = platform_of(request)
    return await _shown(
        request, caller, "glossary.html", "Glossary", lambda: people.terms(platform, q, domain or None, cursor)
    )


@router.get("/glossary/{term}")
async def term(request: Request, caller: Visitor, term: _Name) -> Response:
    """A term, and the columns that mean it."""
    return await _shown(request, caller, "term.html", term, lambda: people.term(platform_of(request), caller, term))
