"""Questions, answers and ratings, in an SQLite file and in a PostgreSQL alike."""

from __future__ import annotations

import datetime as dt
import json

import pytest

from weft.registry.base import read_all_events
from weft.registry.feedback import FeedbackStore

NOW = dt.datetime(2026, 3, 1, 9, tzinfo=dt.UTC)
PRODUCT, PORT = "fleet.aircraft", "fleet.aircraft.planes@1"


def later(minutes: int) -> dt.datetime:
    return NOW + dt.timedelta(minutes=minutes)


@pytest.fixture
def feedback(registry) -> FeedbackStore:
    return FeedbackStore(registry.database)


def asked(feedback: FeedbackStore, content: str = "Which register?", minutes: int = 0) -> str:
    return feedback.ask(PRODUCT, PORT, "question", content, actor="ana", at=later(minutes))


def test_a_question_waits_until_its_domain_has_answered_and_again_when_it_is_asked_on(feedback):
    question = feedback.question(asked(feedback))
    states = [question.state]

    for content, of_domain in (("The one of 2013.", True), ("And the one of 2014?", False), ("Not yet.", True)):
        feedback.say(question, content, of_domain=of_domain, actor="x", at=later(len(states)))
        states.append(feedback.question(question.question_id).state)
    feedback.close(question, actor="ana", at=later(9))
    feedback.close(question, actor="finn", at=later(10))

    closed = feedback.question(question.question_id)
    assert [*states, closed.state] == ["open", "answered", "open", "answered", "closed"]
    assert (closed.closed_by, closed.closed_at) == ("ana", later(9))
    assert [a.content for a in feedback.answers(question.question_id)] == [
        "The one of 2013.", "And the one of 2014?", "Not yet.",
    ]  # fmt: skip


def test_an_answer_that_is_taken_back_lets_its_question_wait_again(feedback):
    question = feedback.question(asked(feedback))
    first = feedback.say(question, "Yes.", of_domain=True, actor="finn", at=later(1))
    feedback.say(question, "Really?", of_domain=False, actor="ana", at=later(2))
    second = feedback.say(question, "No.", of_domain=True, actor="finn", at=later(3))

    feedback.drop_answer(question, feedback.answer(second), actor="finn", at=later(4))

    assert feedback.question(question.question_id).state == "open"
    feedback.change_answer(question, feedback.answer(first), "Of course.", actor="finn", at=later(5))
    assert (feedback.answer(first).content, feedback.answer(first).changed_at) == ("Of course.", later(5))
    assert feedback.answer(second) is None


def test_questions_come_newest_first_from_a_place_on_and_those_that_wait_oldest_first(feedback):
    ids = [asked(feedback, f"Question {n}", n) for n in range(3)]
    feedback.ask("sales.orders", None, "issue", "Sums are wrong", actor="ana", at=NOW)
    feedback.say(feedback.question(ids[1]), "So.", of_domain=True, actor="finn", at=later(9))

    newest = feedback.questions(PRODUCT, limit=2)
    last = newest[-1][0]
    rest = feedback.questions(PRODUCT, after=(last.asked_at.isoformat(timespec="microseconds"), last.question_id))

    assert [q.content for q, _ in newest] == ["Question 2", "Question 1"]
    assert [[a.content for a in answers] for _, answers in newest] == [[], ["So."]]
    assert [q.content for q, _ in rest] == ["Question 0"]
    assert [q.question_id for q in feedback.waiting(["fleet", "crew"], 10)] == [ids[0], ids[2]]
    assert feedback.waiting([], 10) == []


def test_a_question_that_is_taken_back_leaves_no_words(feedback, registry):
    question = feedback.question(asked(feedback, "the secret of ana"))
    feedback.change_question(question, "the other secret of ana", actor="ana", at=later(1))
    answer = feedback.say(question, "the secret of finn", of_domain=True, actor="finn", at=later(2))

    feedback.drop_question(question, actor="ana", at=later(3))

    assert (feedback.question(question.question_id), feedback.answer(answer)) == (None, None)
    log = list(read_all_events(registry))
    assert "secret" not in json.dumps([dict(e.body) for e in log])
    assert [(e.kind, e.subject) for e in log][-4:] == [
        (f"product.question_{what}", PRODUCT) for what in ("asked", "changed", "answered", "dropped")
    ]


def test_each_person_has_one_rating_which_they_can_change_and_take_back(feedback):
    for person, stars in (("ana", 2), ("ben", 5), ("ana", 4)):
        feedback.rate(PRODUCT, stars, f"{stars} of {person}", actor=person, at=later(stars))

    assert feedback.stars(PRODUCT) == {4: 1, 5: 1}
    mine = feedback.rating(PRODUCT, "ana")
    assert (mine.stars, mine.content, mine.rated_at, mine.changed_at) == (4, "4 of ana", later(2), later(4))
    assert [r.rated_by for r in feedback.ratings(PRODUCT)] == ["ben", "ana"]
    assert feedback.drop_rating(PRODUCT, actor="ana", at=NOW)
    assert not feedback.drop_rating(PRODUCT, actor="ana", at=NOW)
    assert feedback.stars(PRODUCT) == {5: 1}
