"""What people ask about products, and think of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from weft.access.permissions import Action, Caller
from weft.api.feedback import LONGEST
from weft.model.address import ProductAddress
from weft.server.answers import refusals, shown
from weft.server.permitted import Permitted
from weft.server.quickly import answered
from weft.server.routes.catalog import DomainName, ProductName
from weft.server.shapes import Shape

if TYPE_CHECKING:
    from weft.api.feedback import Feedback

router = APIRouter(prefix="/api/v1", tags=["feedback"])
Reader = Annotated[Caller, Depends(Permitted(Action.READ_METADATA))]
Speaker = Annotated[Caller, Depends(Permitted(Action.GIVE_FEEDBACK))]
_ID = r"^[^\x00-\x1f\x7f]*$"
QuestionId = Annotated[str, Path(max_length=60, pattern=_ID, examples=["q-5f0c1d2e3b4a"])]
AnswerId = Annotated[str, Path(max_length=60, pattern=_ID, examples=["r-5f0c1d2e3b4a"])]
Limit = Annotated[int, Query(ge=1, le=200, description="how many at most")]
Cursor = Annotated[str | None, Query(max_length=1000, description="`next` of the page before", examples=[None])]
_WORDS = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f]*[^\s\x00-\x1f][^\x00-\x08\x0b\x0c\x0e-\x1f]*$"


class Said(Shape):
    """What somebody says to a question."""

    answer_id: str
    text: str
    answered_by: str
    answered_at: str
    changed_at: str | None
    of_domain: bool = Field(description="whether they answer for the product, and do not only ask on")
    mine: bool


class Question(Shape):
    """A question about a product, or a fault that somebody has found, with what was said to it."""

    question_id: str
    product: str
    port: str | None
    kind: Literal["question", "issue"]
    state: Literal["open", "answered", "closed"]
    text: str
    asked_by: str
    asked_at: str
    changed_at: str | None
    closed_by: str | None
    closed_at: str | None
    mine: bool
    can_answer: bool = Field(description="whether the caller may answer, or ask on")
    answers: list[Said]


class Questions(Shape):
    """A page of questions, newest first."""

    items: list[Question]
    next: str | None


class Rating(Shape):
    """What one person thinks of a product."""

    rated_by: str
    stars: int
    text: str
    rated_at: str
    changed_at: str | None


class Ratings(Shape):
    """What people think of a product, and a page of what they say, newest first."""

    mean: float | None = Field(description="the mean of all stars; null where nobody has given any")
    people: int
    stars: dict[str, int] = Field(description="how many people have given so many")
    mine: Rating | None
    items: list[Rating]
    next: str | None


class _Given(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Words(_Given):
    """What somebody says."""

    text: str = Field(min_length=1, max_length=LONGEST, pattern=_WORDS, examples=["Which time zone is this in?"])


class Asked(Words):
    """What somebody would like to know about a product, or has found wrong with it."""

    kind: Literal["question", "issue"] = "question"
    port: str | None = Field(
        None, max_length=200, description="of the product, with its major or without", examples=[None]
    )


class Rated(_Given):
    """What somebody thinks of a product."""

    stars: int = Field(ge=1, le=5)
    text: str = Field("", max_length=LONGEST, pattern=r"^[^\x00-\x08\x0b\x0c\x0e-\x1f]*$", description="why")


def _feedback(request: Request) -> Feedback:
    found: Feedback = request.app.state.platform.feedback
    return found


@router.get("/products/{domain}/{product}/questions", response_model=Questions, responses=shown(404))
async def questions(
    request: Request, caller: Reader, domain: DomainName, product: ProductName, limit: Limit = 50, cursor: Cursor = None
) -> Response:
    """Questions about a product with their answers, newest first."""
    address = ProductAddress(domain, product)
    return await answered(request, lambda: _feedback(request).questions(caller, address, limit=limit, cursor=cursor))


@router.post("/products/{domain}/{product}/questions", response_model=Question, responses=refusals(404))
def ask(request: Request, caller: Speaker, domain: DomainName, product: ProductName, asked: Asked) -> Any:
    """Asks about a product, or says what is wrong with it. Its owners are told."""
    address = ProductAddress(domain, product)
    return _feedback(request).ask(caller, address, asked.text, kind=asked.kind, port=asked.port)


@router.get("/questions/{question_id}", response_model=Question, responses=shown(404))
async def question(request: Request, caller: Reader, question_id: QuestionId) -> Response:
    """A question with its answers."""
    return await answered(request, lambda: _feedback(request).one(caller, question_id))


@router.put("/questions/{question_id}", response_model=Question, responses=refusals(404))
def edit_question(request: Request, caller: Speaker, question_id: QuestionId, said: Words) -> Any:
    """Puts other words in the place of a question of the caller's own."""
    return _feedback(request).edit(caller, question_id, said.text)


@router.delete("/questions/{question_id}", status_code=204, responses=refusals(404))
def withdraw_question(request: Request, caller: Speaker, question_id: QuestionId) -> None:
    """Takes a question of the caller's own back, with what was said to it."""
    _feedback(request).withdraw(caller, question_id)


@router.post("/questions/{question_id}/close", response_model=Question, responses=refusals(404))
def close_question(request: Request, caller: Speaker, question_id: QuestionId) -> Any:
    """Says that nothing more is to be said: for whoever has asked, and for those who answer for the product."""
    return _feedback(request).close(caller, question_id)


@router.post("/questions/{question_id}/answers", response_model=Question, responses=refusals(404))
def answer_question(request: Request, caller: Speaker, question_id: QuestionId, said: Words) -> Any:
    """Answers a question, for those who answer for the product; whoever has asked asks on."""
    return _feedback(request).answer(caller, question_id, said.text)


@router.put("/answers/{answer_id}", response_model=Question, responses=refusals(404))
def edit_answer(request: Request, caller: Speaker, answer_id: AnswerId, said: Words) -> Any:
    """Puts other words in the place of an answer of the caller's own."""
    return _feedback(request).edit_answer(caller, answer_id, said.text)


@router.delete("/answers/{answer_id}", response_model=Question, responses=refusals(404))
def withdraw_answer(request: Request, caller: Speaker, answer_id: AnswerId) -> Any:
    """Takes an answer of the caller's own back; gives its question."""
    return _feedback(request).withdraw_answer(caller, answer_id)


@router.get("/products/{domain}/{product}/ratings", response_model=Ratings, responses=shown(404))
async def ratings(
    request: Request, caller: Reader, domain: DomainName, product: ProductName, limit: Limit = 50, cursor: Cursor = None
) -> Response:
    """What people think of a product, newest first."""
    address = ProductAddress(domain, product)
    return await answered(request, lambda: _feedback(request).ratings(caller, address, limit=limit, cursor=cursor))


@router.put("/products/{domain}/{product}/rating", response_model=Ratings, responses=refusals(404))
def rate(request: Request, caller: Speaker, domain: DomainName, product: ProductName, rated: Rated) -> Any:
    """Says what the caller thinks of a product, in the place of what they thought before. People alone rate."""
    return _feedback(request).rate(caller, ProductAddress(domain, product), rated.stars, rated.text)


@router.delete("/products/{domain}/{product}/rating", response_model=Ratings, responses=refusals(404))
def unrate(request: Request, caller: Speaker, domain: DomainName, product: ProductName) -> Any:
    """Takes the caller's rating back."""
    return _feedback(request).unrate(caller, ProductAddress(domain, product))
