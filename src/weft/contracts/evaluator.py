"""What contracts need of whoever runs their SQL."""

from __future__ import annotations

from typing import Any, Protocol

from weft.model.column import Column


class Evaluator(Protocol):
    """Runs SQL on the data under judgement. An engine's session is one."""

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """The rows of a query; raises `WeftError` when it fails."""
        ...

    def columns(self, sql: str) -> tuple[Column, ...]:
        """Names and types of a query's result, by the binder alone."""
        ...


class Server(Evaluator, Protocol):
    """A database that answers where the rows are: it translates what contracts ask, SQL rules are in its own words.

    Attributes:
        dialect: whose words those are, as sqlglot names it.
    """

    dialect: str

    def native(self, sql: str) -> list[tuple[Any, ...]]:
        """The rows of a query that is written in the server's own words; raises `WeftError` when it fails."""
        ...

    def quoted(self, name: str) -> str:
        """A name as the server's SQL writes it."""
        ...

    def filtered(self, relation: str, alias: str, condition: str) -> str:
        """The relation of those rows of another one that meet a condition, which is in the server's own words."""
        ...

    def source(self, relation: str) -> str:
        """What stands for a relation in the server's own SQL, as a FROM item."""
        ...
