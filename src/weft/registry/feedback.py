"""What people say of products: questions, answers and ratings. Each change is an event, which holds no text."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

from weft.registry import codec, publishing
from weft.registry.database import Database, Statements
from weft.registry.sql_tables import SqlTables

QUESTION, ISSUE = "question", "issue"
_QUESTION = (
    "SELECT question_id, product, port, kind, content, asked_by, asked_at, changed_at, answered_at, closed_by, "
    "closed_at FROM questions"
)
_ANSWER = "SELECT answer_id, question_id, content, answered_by, answered_at, changed_at, of_domain FROM answers"
_RATING = "SELECT product, rated_by, stars, content, rated_at, changed_at FROM ratings"


class Answer(Struct, frozen=True):
    """What somebody says to a question.

    Attributes:
        of_domain: whether they answered for the product, and did not only ask on.
    """

    answer_id: str
    question_id: str
    content: str
    answered_by: str
    answered_at: datetime
    changed_at: datetime | None
    of_domain: bool


class Question(Struct, frozen=True):
    """A question about a product, or a fault that somebody has found in it.

    Attributes:
        port: what of the product it is about, with its major; None: all of it.
        kind: `question` or `issue`.
        answered_at: when somebody first answered for the product.
    """

    question_id: str
    product: str
    port: str | None
    kind: str
    content: str
    asked_by: str
    asked_at: datetime
    changed_at: datetime | None = None
    answered_at: datetime | None = None
    closed_by: str | None = None
    closed_at: datetime | None = None

    @property
    def state(self) -> str:
        """`open`, `answered` or `closed`."""
        return "closed" if self.closed_at is not None else "answered" if self.answered_at is not None else "open"


class Rating(Struct, frozen=True):
    """What one person thinks of a product: one to five stars, and why."""

    product: str
    rated_by: str
    stars: int
    content: str
    rated_at: datetime
    changed_at: datetime | None = None


class FeedbackStore:
    """Questions, answers and ratings in the registry's database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def question(self, question_id: str) -> Question | None:
        """One question."""
        with self._database.reading() as statements:
            row = statements.row(f"{_QUESTION} WHERE question_id = ?", (question_id,))
        return _question(row) if row is not None else None

    def answer(self, answer_id: str) -> Answer | None:
        """One answer."""
        with self._database.reading() as statements:
            row = statements.row(f"{_ANSWER} WHERE answer_id = ?", (answer_id,))
        return _answer(row) if row is not None else None

    def questions(
        self, product: str, *, after: tuple[str, str] | None = None, limit: int = 50
    ) -> list[tuple[Question, list[Answer]]]:
        """Questions about a product with their answers, newest first.

        Args:
            after: the time, as text, and the id of one: only older ones.
        """
        condition, values = "product = ?", [product]
        if after is not None:
            condition += " AND (asked_at < ? OR (asked_at = ? AND question_id < ?))"
            values += [after[0], *after]
        sql = f"{_QUESTION} WHERE {condition} ORDER BY asked_at DESC, question_id DESC LIMIT ?"
        with self._database.reading() as statements:
            found = [_question(row) for row in statements.rows(sql, (*values, limit))]
            return [(one, _answers(statements, one.question_id)) for one in found]

    def answers(self, question_id: str) -> list[Answer]:
        """What was said to a question, in the order in which it was."""
        with self._database.reading() as statements:
            return _answers(statements, question_id)

    def waiting(self, domains: Sequence[str], limit: int) -> list[Question]:
        """Questions about products of some domains that nobody has answered yet, oldest first."""
        marks = ", ".join("?" for _ in domains)
        sql = (
            f"{_QUESTION} WHERE domain IN ({marks}) AND answered_at IS NULL AND closed_at IS NULL "
            "ORDER BY asked_at, question_id LIMIT ?"
        )
        with self._database.reading() as statements:
            return [_question(row) for row in statements.rows(sql, (*domains, limit))] if domains else []

    def ask(self, product: str, port: str | None, kind: str, content: str, *, actor: str, at: datetime) -> str:
        """Keeps a question; gives its id."""
        question_id = f"q-{secrets.token_hex(6)}"
        row = (question_id, product, product.partition(".")[0], port, kind, content, actor, codec.time_text(at))
        with self._database.writing() as statements:
            statements.run(
                "INSERT INTO questions (question_id, product, domain, port, kind, content, asked_by, asked_at) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                row,
            )
            body = {"question": question_id, "kind": kind, "port": port}
            _event(statements, at, "product.question_asked", actor, product, body)
        return question_id

    def change_question(self, question: Question, content: str, *, actor: str, at: datetime) -> None:
        """Puts another text in the place of a question's."""
        with self._database.writing() as statements:
            statements.run(
                "UPDATE questions SET content = ?, changed_at = ? WHERE question_id = ?",
                (content, codec.time_text(at), question.question_id),
            )
            _event(statements, at, "product.question_changed", actor, question.product, _of(question))

    def close(self, question: Question, *, actor: str, at: datetime) -> None:
        """Says that nothing more is to be said to a question."""
        with self._database.writing() as statements:
            statements.run(
                "UPDATE questions SET closed_by = ?, closed_at = ? WHERE question_id = ? AND closed_at IS NULL",
                (actor, codec.time_text(at), question.question_id),
            )
            _event(statements, at, "product.question_closed", actor, question.product, _of(question))

    def drop_question(self, question: Question, *, actor: str, at: datetime) -> None:
        """Forgets a question with what was said to it."""
        with self._database.writing() as statements:
            statements.run("DELETE FROM answers WHERE question_id = ?", (question.question_id,))
            statements.run("DELETE FROM questions WHERE question_id = ?", (question.question_id,))
            _event(statements, at, "product.question_dropped", actor, question.product, _of(question))

    def say(self, question: Question, content: str, *, of_domain: bool, actor: str, at: datetime) -> str:
        """Keeps what somebody says to a question; gives its id."""
        answer_id, time = f"r-{secrets.token_hex(6)}", codec.time_text(at)
        with self._database.writing() as statements:
            statements.run(
                "INSERT INTO answers (answer_id, question_id, content, answered_by, answered_at, of_domain) "
                "VALUES (?, ?, ?, ?, ?, ?)",
                (answer_id, question.question_id, content, actor, time, int(of_domain)),
            )
            # whoever asks on waits again
            statements.run(
                "UPDATE questions SET answered_at = ? WHERE question_id = ?",
                (time if of_domain else None, question.question_id),
            )
            kind = "product.question_answered" if of_domain else "product.question_followed"
            _event(
                statements,
                at,
                kind,
                actor,
                question.product,
                {**_of(question), "answer": answer_id, "asked_by": question.asked_by},
            )
        return answer_id

    def change_answer(self, question: Question, answer: Answer, content: str, *, actor: str, at: datetime) -> None:
        """Puts another text in the place of an answer's."""
        with self._database.writing() as statements:
            statements.run(
                "UPDATE answers SET content = ?, changed_at = ? WHERE answer_id = ?",
                (content, codec.time_text(at), answer.answer_id),
            )
            body = {**_of(question), "answer": answer.answer_id}
            _event(statements, at, "product.answer_changed", actor, question.product, body)

    def drop_answer(self, question: Question, answer: Answer, *, actor: str, at: datetime) -> None:
        """Forgets an answer; a question without one of its domain waits again."""
        with self._database.writing() as statements:
            statements.run("DELETE FROM answers WHERE answer_id = ?", (answer.answer_id,))
            left = _answers(statements, question.question_id)
            last = left[-1] if left and left[-1].of_domain else None
            statements.run(
                "UPDATE questions SET answered_at = ? WHERE question_id = ?",
                (codec.time_text(last.answered_at) if last is not None else None, question.question_id),
            )
            body = {**_of(question), "answer": answer.answer_id}
            _event(statements, at, "product.answer_dropped", actor, question.product, body)

    def rating(self, product: str, person: str) -> Rating | None:
        """What somebody thinks of a product."""
        with self._database.reading() as statements:
            row = statements.row(f"{_RATING} WHERE product = ? AND rated_by = ?", (product, person))
        return _rating(row) if row is not None else None

    def ratings(self, product: str, *, after: tuple[str, str] | None = None, limit: int = 50) -> list[Rating]:
        """What people think of a product, newest first; see `questions`."""
        condition, values = "product = ?", [product]
        if after is not None:
            condition += " AND (rated_at < ? OR (rated_at = ? AND rated_by < ?))"
            values += [after[0], *after]
        sql = f"{_RATING} WHERE {condition} ORDER BY rated_at DESC, rated_by DESC LIMIT ?"
        with self._database.reading() as statements:
            return [_rating(row) for row in statements.rows(sql, (*values, limit))]

    def stars(self, product: str) -> dict[int, int]:
        """How many people have given a product how many stars."""
        sql = "SELECT stars, count(*) FROM ratings WHERE product = ? GROUP BY stars"
        with self._database.reading() as statements:
            return {int(stars): int(people) for stars, people in statements.rows(sql, (product,))}

    def rate(self, product: str, stars: int, content: str, *, actor: str, at: datetime) -> None:
        """Keeps what somebody thinks of a product, in the place of what they thought before."""
        time = codec.time_text(at)
        with self._database.writing() as statements:
            statements.run(
                "INSERT INTO ratings (product, rated_by, stars, content, rated_at) VALUES (?, ?, ?, ?, ?) "
                "ON CONFLICT (product, rated_by) DO UPDATE SET stars = excluded.stars, content = excluded.content, "
                "changed_at = excluded.rated_at",
                (product, actor, stars, content, time),
            )
            _event(statements, at, "product.rated", actor, product, {"stars": stars})

    def drop_rating(self, product: str, *, actor: str, at: datetime) -> bool:
        """Takes somebody's rating back; whether there was one."""
        with self._database.writing() as statements:
            found = statements.run("DELETE FROM ratings WHERE product = ? AND rated_by = ?", (product, actor)) > 0
            if found:
                _event(statements, at, "product.rating_dropped", actor, product, {})
        return found


def _answers(statements: Statements, question_id: str) -> list[Answer]:
    rows = statements.rows(f"{_ANSWER} WHERE question_id = ? ORDER BY answered_at, answer_id", (question_id,))
    return [_answer(row) for row in rows]


def _of(question: Question) -> dict[str, Any]:
    return {"question": question.question_id, "kind": question.kind, "port": question.port}


def _event(statements: Statements, at: datetime, kind: str, actor: str, product: str, body: dict[str, Any]) -> None:
    publishing.append(SqlTables(statements), at, kind, actor, product, body)


def _question(row: Sequence[Any]) -> Question:
    (question_id, product, port, kind, content, asked_by, asked_at, changed_at, answered_at, closed_by, closed_at) = row
    return Question(
        question_id,
        product,
        port,
        kind,
        content,
        asked_by,
        datetime.fromisoformat(asked_at),
        _time(changed_at),
        _time(answered_at),
        closed_by,
        _time(closed_at),
    )


def _answer(row: Sequence[Any]) -> Answer:
    answer_id, question_id, content, answered_by, answered_at, changed_at, of_domain = row
    at = datetime.fromisoformat(answered_at)
    return Answer(answer_id, question_id, content, answered_by, at, _time(changed_at), bool(of_domain))


def _rating(row: Sequence[Any]) -> Rating:
    product, rated_by, stars, content, rated_at, changed_at = row
    return Rating(product, rated_by, int(stars), content, datetime.fromisoformat(rated_at), _time(changed_at))


def _time(text: Any) -> datetime | None:
    return datetime.fromisoformat(text) if text is not None else None
