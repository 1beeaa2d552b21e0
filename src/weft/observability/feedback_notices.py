"""What is told of questions about products, their answers, and ratings. Never their words, which can be taken back."""

from __future__ import annotations

from collections.abc import Mapping

from weft.model.records import Event
from weft.observability.policy_notices import Told

KINDS: Mapping[str, str] = {
    "question_asked": "somebody asks about a product, asks on, or says what is wrong with it",
    "question_answered": "a question about a product is answered",
    "rated": "somebody has rated a product",
}
"""Kinds of notices about what people say of products."""

_KINDS = {
    "product.question_asked": "question_asked",
    "product.question_followed": "question_asked",
    "product.question_answered": "question_answered",
    "product.rated": "rated",
}


def told_of(event: Event) -> Told | None:
    """What is told of an event about what somebody has said; None of most."""
    kind = _KINDS.get(event.kind)
    if kind is None:
        return None
    body, product = event.body, event.subject
    domain = product.partition(".")[0]
    if kind == "rated":
        stars = body["stars"]
        title = f"{product} got {stars} star{'' if stars == 1 else 's'}"
        return Told((kind,), product, title, f"{title}, by {event.actor}.", (domain,), {"stars": stars})
    about = str(body["port"] or product)
    facts = {name: body[name] for name in ("question", "kind", "port")}
    if kind == "question_answered":
        title = f"A question about {about} is answered"
        # those who answer for the domain know it already: it is for who has asked or subscribed
        asked_by = (str(body["asked_by"]),) if body.get("asked_by") not in (None, event.actor) else ()
        return Told((kind,), product, title, f"{title}, by {event.actor}.", (), facts, people=asked_by)
    what = "says what is wrong with" if body["kind"] == "issue" else "asks about"
    on = event.kind == "product.question_followed"
    title = f"{event.actor} {'asks on about' if on else what} {about}"
    text = f"{title}. The page of the product shows it, and takes the answer."
    return Told((kind,), product, title, text, (domain,), facts)
