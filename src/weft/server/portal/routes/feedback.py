"""Forms of the product's page: what somebody asks, answers, and thinks of it."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, Form, Path, Request
from fastapi.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from weft.access.permissions import Action, Caller
from weft.api.portal import products as product_pages
from weft.errors import UsageError
from weft.model.address import ProductAddress
from weft.server.permitted import PermittedForm
from weft.server.portal.rendering import platform_of, show
from weft.server.portal.routes.products import way_of
from weft.server.problems import status_of

router = APIRouter(tags=["portal"], include_in_schema=False)
Speaker = Annotated[Caller, Depends(PermittedForm(Action.GIVE_FEEDBACK))]
Name = Annotated[str, Path(max_length=200)]
_Id = Annotated[str, Path(max_length=60)]
_Text = Annotated[str, Form(max_length=20_000)]


@router.post("/products/{domain}/{product}/questions")
async def ask(
    request: Request,
    caller: Speaker,
    domain: Name,
    product: Name,
    text: _Text = "",
    kind: Annotated[str, Form(max_length=20)] = "question",
    port: Annotated[str, Form(max_length=300)] = "",
) -> Response:
    """Asks about a product; what cannot be kept is shown again with the words."""
    platform, address = platform_of(request), ProductAddress(domain, product)

    def work() -> Response:
        try:
            made = platform.feedback.ask(caller, address, text, kind=kind, port=port or None)
        except UsageError as e:
            asked = product_pages.Asked("questions", way_of(request, caller))
            page = product_pages.product(platform, caller, address, asked)
            wrong = [{"why": None, "fix": None, **d.as_json()} for d in e.diagnostics]
            typed = {"text": text, "kind": kind, "port": port, "diagnostics": wrong}
            return show(
                request, caller, "product.html", page, title=page["title"], status=status_of(e), asked_again=typed
            )
        return _to(address, made["question_id"])

    return await run_in_threadpool(work)


@router.post("/products/{domain}/{product}/rating")
async def rate(
    request: Request,
    caller: Speaker,
    domain: Name,
    product: Name,
    stars: Annotated[int, Form()] = 0,
    text: _Text = "",
    do: Annotated[str, Form(pattern="^(rate|remove)$")] = "rate",
) -> Response:
    """Says what the caller thinks of a product, or takes it back."""
    feedback, address = platform_of(request).feedback, ProductAddress(domain, product)

    def work() -> Response:
        if do == "remove":
            feedback.unrate(caller, address)
        else:
            feedback.rate(caller, address, stars, text)
        return _to(address, "ratings")

    return await run_in_threadpool(work)


@router.post("/questions/{question_id}")
async def change_question(
    request: Request,
    caller: Speaker,
    question_id: _Id,
    do: Annotated[str, Form(pattern="^(answer|edit|close|remove)$")],
    text: _Text = "",
) -> Response:
    """Answers a question, changes its words, closes it, or takes it back."""
    feedback = platform_of(request).feedback

    def work() -> Response:
        question = feedback.one(caller, question_id)
        match do:
            case "answer":
                feedback.answer(caller, question_id, text)
            case "edit":
                feedback.edit(caller, question_id, text)
            case "close":
                feedback.close(caller, question_id)
            case _:
                feedback.withdraw(caller, question_id)
        return _to(_product(question["product"]), question_id if do != "remove" else "questions")

    return await run_in_threadpool(work)


@router.post("/answers/{answer_id}")
async def change_answer(
    request: Request,
    caller: Speaker,
    answer_id: _Id,
    do: Annotated[str, Form(pattern="^(edit|remove)$")],
    text: _Text = "",
) -> Response:
    """Changes the words of an answer, or takes it back."""
    feedback = platform_of(request).feedback

    def work() -> Response:
        if do == "edit":
            question = feedback.edit_answer(caller, answer_id, text)
        else:
            question = feedback.withdraw_answer(caller, answer_id)
        return _to(_product(question["product"]), question["question_id"])

    return await run_in_threadpool(work)


def _product(address: str) -> ProductAddress:
    domain, _, product = address.partition(".")
    return ProductAddress(domain, product)


def _to(address: ProductAddress, place: str) -> Response:
    """The questions of a product, at one of them."""
    path = f"/products/{address.domain}/{address.product}?tab=questions#{quote(place)}"
    return RedirectResponse(path, 303)
