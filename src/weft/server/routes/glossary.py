"""Terms that columns share."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from weft.access.permissions import Action, Caller
from weft.server.answers import answer, shown
from weft.server.permitted import Permitted

router = APIRouter(prefix="/api/v1/glossary", tags=["governance"])
Reader = Annotated[Caller, Depends(Permitted(Action.READ_METADATA))]


class Term(BaseModel):
    """A term, with what its columns have to be; what is null or empty is left open."""

    name: str = Field(examples=["network.gate"], description="the name of a domain's term begins with the domain")
    domain: str | None
    title: str
    definition: str
    owner: str | None
    status: str = Field(description="draft, active or deprecated")
    synonyms: list[str]
    broader: list[str]
    replaced_by: str | None
    url: str = Field(description="what `authoritativeDefinitions` of a column names")
    type: str | None
    physical_type: str | None
    unit: str | None
    values: list[str] = Field(description="the code list")
    pattern: str | None
    sensitive: bool | None
    classification: str | None
    tags: list[str]


class ShownTerm(Term):
    """A term with those around it and the columns that are bound to it."""

    narrower: list[str]
    columns: list[str]


class Terms(BaseModel):
    """Terms in the order of their names."""

    terms: list[Term]


@router.get("", response_model=Terms, responses=shown())
def terms(
    request: Request,
    caller: Reader,
    domain: Annotated[str | None, Query(max_length=63, description="terms of this domain alone")] = None,
) -> Response:
    """The terms of the mesh and of its domains."""
    return answer(request, request.app.state.platform.glossaries.listed(domain))


@router.get("/{term}", response_model=ShownTerm, responses=shown(404))
def term(
    request: Request, caller: Reader, term: Annotated[str, Path(max_length=130, examples=["network.gate"])]
) -> Response:
    """A term."""
    return answer(request, request.app.state.platform.glossaries.shown(caller, term))
