"""Questions about products with their answers, and ratings: asked by all who see a product, answered by its domain."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from weft.access.permissions import Action, Caller, domains_of, may, require
from weft.api.cursors import cursor_of, place_of
from weft.errors import AccessDenied, UsageError, error
from weft.model.address import ProductAddress, parse_address
from weft.registry import codec
from weft.registry.feedback import ISSUE, QUESTION, Answer, FeedbackStore, Question, Rating

if TYPE_CHECKING:
    from weft.api.catalog import Catalog
    from weft.registry.database import Database

Document = dict[str, Any]
KINDS = {QUESTION: "something that one would like to know", ISSUE: "something that is wrong"}
"""What somebody may say of a product that wants an answer."""

LONGEST = 4000
MOST_STARS = 5


class Feedback:
    """The verbs on questions, answers and ratings. What is a draft of others has none for whoever may not see it."""

    def __init__(self, database: Database, catalog: Catalog, now: Callable[[], datetime]) -> None:
        self._store = FeedbackStore(database)
        self._catalog = catalog
        self._now = now

    # questions

    def questions(
        self, caller: Caller, product: ProductAddress, *, limit: int = 50, cursor: str | None = None
    ) -> Document:
        """A page of the questions about a product with their answers, newest first.

        Raises:
            UsageError: WFT-CAT-001 there is no such product, WFT-SRV-006 the cursor belongs to another list.
        """
        self._catalog.require(caller, product)
        of, hidden = f"questions {product}", self._catalog.hidden(caller)
        place = place_of(of, cursor, str, str)
        after = (str(place[0]), str(place[1])) if place else None
        found = self._store.questions(str(product), after=after, limit=limit + 1)
        last = found[limit - 1][0] if len(found) > limit else None
        return {
            "items": [
                _question(question, answers, caller)
                for question, answers in found[:limit]
                if question.port is None or not hidden.hide(question.port)
            ],
            "next": cursor_of(of, [codec.time_text(last.asked_at), last.question_id]) if last is not None else None,
        }

    def one(self, caller: Caller, question_id: str) -> Document:
        """A question with its answers.

        Raises:
            UsageError: WFT-CAT-020, there is none that the caller may know of.
        """
        found = self._question(caller, question_id)
        return _question(found, self._store.answers(question_id), caller)

    def waiting(self, caller: Caller, limit: int = 20) -> list[Document]:
        """Questions that wait for an answer of the caller's domains, the oldest first."""
        own = domains_of(caller, Action.ANSWER)
        found = self._store.waiting(sorted(own if own is not None else caller.domains), limit)
        return [_question(one, [], caller) for one in found]

    def ask(
        self, caller: Caller, product: ProductAddress, content: str, *, kind: str = QUESTION, port: str | None = None
    ) -> Document:
        """Asks something about a product, or says what is wrong with it; its owners are told.

        Args:
            port: of the product, with or without its major.

        Raises:
            UsageError: WFT-CAT-001 there is no such product or port, WFT-CAT-021 it cannot be asked like this.
        """
        require(caller, Action.GIVE_FEEDBACK)
        self._catalog.require(caller, product)
        about = None
        if port is not None:
            address = parse_address(port)
            if address.of_product != product:
                raise _unusable(f"`{port[:200]}` is no port of `{product}`", "name one of its own, or none")
            about = str(self._catalog.state(caller, address).address)
        if kind not in KINDS:
            raise _unusable(f"`{kind[:80]}` is no kind of question", f"it is one of {', '.join(KINDS)}")
        at = self._now()
        made = self._store.ask(str(product), about, kind, _text(content), actor=caller.name, at=at)
        return self.one(caller, made)

    def edit(self, caller: Caller, question_id: str, content: str) -> Document:
        """Puts other words in the place of a question of the caller's own.

        Raises:
            UsageError: WFT-CAT-020 there is none, WFT-CAT-021 there are no words.
            AccessDenied: WFT-CAT-022, somebody else has asked it.
        """
        found = self._own_question(caller, question_id)
        self._store.change_question(found, _text(content), actor=caller.name, at=self._now())
        return self.one(caller, question_id)

    def close(self, caller: Caller, question_id: str) -> Document:
        """Says that nothing more is to be said: for whoever has asked, and for those who answer for the product.

        Raises:
            UsageError: WFT-CAT-020, there is none.
            AccessDenied: WFT-ACC-010, it is neither the caller's nor of a domain of theirs.
        """
        found = self._question(caller, question_id)
        if found.asked_by != caller.name:
            require(caller, Action.ANSWER, found.product.partition(".")[0])
        if found.closed_at is None:
            self._store.close(found, actor=caller.name, at=self._now())
        return self.one(caller, question_id)

    def withdraw(self, caller: Caller, question_id: str) -> None:
        """Takes a question of the caller's own back, with what was said to it. Raises like `edit`."""
        self._store.drop_question(self._own_question(caller, question_id), actor=caller.name, at=self._now())

    # answers

    def answer(self, caller: Caller, question_id: str, content: str) -> Document:
        """Answers a question, for those who answer for the product; whoever has asked may ask on.

        Raises:
            UsageError: WFT-CAT-020 there is no such question, WFT-CAT-021 there are no words.
            AccessDenied: WFT-ACC-010, the caller does not answer for the product.
        """
        found = self._question(caller, question_id)
        domain = found.product.partition(".")[0]
        if found.asked_by != caller.name:
            require(caller, Action.ANSWER, domain)
        of_domain = may(caller, Action.ANSWER, domain)
        self._store.say(found, _text(content), of_domain=of_domain, actor=caller.name, at=self._now())
        return self.one(caller, question_id)

    def edit_answer(self, caller: Caller, answer_id: str, content: str) -> Document:
        """Puts other words in the place of an answer of the caller's own; see `edit`."""
        question, answer = self._own_answer(caller, answer_id)
        self._store.change_answer(question, answer, _text(content), actor=caller.name, at=self._now())
        return self.one(caller, question.question_id)

    def withdraw_answer(self, caller: Caller, answer_id: str) -> Document:
        """Takes an answer of the caller's own back; see `edit`. Gives its question."""
        question, answer = self._own_answer(caller, answer_id)
        self._store.drop_answer(question, answer, actor=caller.name, at=self._now())
        return self.one(caller, question.question_id)

    # ratings

    def ratings(
        self, caller: Caller, product: ProductAddress, *, limit: int = 50, cursor: str | None = None
    ) -> Document:
        """What people think of a product: how many stars, and a page of what they say, newest first.

        Raises:
            UsageError: WFT-CAT-001 there is no such product, WFT-SRV-006 the cursor belongs to another list.
        """
        self._catalog.require(caller, product)
        of = f"ratings {product}"
        place = place_of(of, cursor, str, str)
        after = (str(place[0]), str(place[1])) if place else None
        found = self._store.ratings(str(product), after=after, limit=limit + 1)
        last = found[limit - 1] if len(found) > limit else None
        mine = self._store.rating(str(product), caller.name)
        return {
            **self.stars(product),
            "mine": _rating(mine) if mine is not None else None,
            "items": [_rating(one) for one in found[:limit]],
            "next": cursor_of(of, [codec.time_text(last.rated_at), last.rated_by]) if last is not None else None,
        }

    def stars(self, product: ProductAddress) -> Document:
        """How many people have given how many stars, and the mean. Whether the caller may see it is not asked."""
        stars = self._store.stars(str(product))
        people = sum(stars.values())
        mean = round(sum(one * many for one, many in stars.items()) / people, 2) if people else None
        return {"mean": mean, "people": people, "stars": {str(n): stars.get(n, 0) for n in range(MOST_STARS, 0, -1)}}

    def rate(self, caller: Caller, product: ProductAddress, stars: int, content: str = "") -> Document:
        """Says what the caller thinks of a product, in the place of what they thought before.

        Raises:
            UsageError: WFT-CAT-001 there is no such product, WFT-CAT-023 so many stars are not given.
            AccessDenied: WFT-CAT-024, the caller is no person.
        """
        require(caller, Action.GIVE_FEEDBACK)
        self._catalog.require(caller, product)
        if ":" in caller.name:  # services and tokens of domains: no person's name has a colon
            what = f"`{caller.name}` is no person, and people alone rate products"
            raise AccessDenied(error("WFT-CAT-024", what, fix="rate it under your own name"))
        if not 1 <= stars <= MOST_STARS:
            what = f"{stars} is no number of stars"
            raise UsageError(error("WFT-CAT-023", what, fix=f"give 1 to {MOST_STARS}"))
        text = _text(content) if content.strip() else ""
        self._store.rate(str(product), stars, text, actor=caller.name, at=self._now())
        return self.ratings(caller, product)

    def unrate(self, caller: Caller, product: ProductAddress) -> Document:
        """Takes the caller's rating back.

        Raises:
            UsageError: WFT-CAT-001 there is no such product, WFT-CAT-020 the caller has not rated it.
        """
        require(caller, Action.GIVE_FEEDBACK)
        self._catalog.require(caller, product)
        if not self._store.drop_rating(str(product), actor=caller.name, at=self._now()):
            raise _absent(f"you have not rated `{product}`")
        return self.ratings(caller, product)

    def _question(self, caller: Caller, question_id: str) -> Question:
        found = self._store.question(question_id)
        seen = self._catalog.hidden(caller)
        if found is None or any(seen.hide(a) for a in (found.product, found.port) if a is not None):
            raise _absent(f"there is no question `{question_id}`")
        return found

    def _own_question(self, caller: Caller, question_id: str) -> Question:
        found = self._question(caller, question_id)
        _require_own(caller, found.asked_by, question_id)
        return found

    def _own_answer(self, caller: Caller, answer_id: str) -> tuple[Question, Answer]:
        answer = self._store.answer(answer_id)
        if answer is None:
            raise _absent(f"there is no answer `{answer_id}`")
        question = self._question(caller, answer.question_id)
        _require_own(caller, answer.answered_by, answer_id)
        return question, answer


def _question(question: Question, answers: list[Answer], caller: Caller) -> Document:
    own = question.asked_by == caller.name
    answers_for_it = may(caller, Action.ANSWER, question.product.partition(".")[0])
    return {
        "question_id": question.question_id,
        "product": question.product,
        "port": question.port,
        "kind": question.kind,
        "state": question.state,
        "text": question.content,
        "asked_by": question.asked_by,
        "asked_at": question.asked_at.isoformat(),
        "changed_at": _time(question.changed_at),
        "closed_by": question.closed_by,
        "closed_at": _time(question.closed_at),
        "mine": own,
        "can_answer": own or answers_for_it,
        "answers": [
            {
                "answer_id": one.answer_id,
                "text": one.content,
                "answered_by": one.answered_by,
                "answered_at": one.answered_at.isoformat(),
                "changed_at": _time(one.changed_at),
                "of_domain": one.of_domain,
                "mine": one.answered_by == caller.name,
            }
            for one in answers
        ],
    }


def _rating(rating: Rating) -> Document:
    return {
        "rated_by": rating.rated_by,
        "stars": rating.stars,
        "text": rating.content,
        "rated_at": rating.rated_at.isoformat(),
        "changed_at": _time(rating.changed_at),
    }


def _text(given: str) -> str:
    """Words as they are kept.

    Raises:
        UsageError: WFT-CAT-021, there are none, or too many.
    """
    found = given.replace("\r\n", "\n").strip()
    if not found:
        raise _unusable("there are no words", "say it in a sentence or two")
    if len(found) > LONGEST:
        raise _unusable(f"the text has {len(found):,} characters", f"use {LONGEST:,} at most")
    if any(ord(sign) < 32 and sign not in "\n\t" for sign in found):
        raise _unusable("the text holds control characters", "leave them out")
    return found


def _require_own(caller: Caller, writer: str, what: str) -> None:
    if writer != caller.name:
        told = f"`{what}` is not `{caller.name}`'s to change"
        raise AccessDenied(error("WFT-CAT-022", told, why="what somebody has written is changed by them alone"))


def _time(at: datetime | None) -> str | None:
    return at.isoformat() if at is not None else None


def _absent(what: str) -> UsageError:
    return UsageError(error("WFT-CAT-020", what, fix="the page of the product shows what was asked"))


def _unusable(what: str, fix: str) -> UsageError:
    return UsageError(error("WFT-CAT-021", what, fix=fix))
