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
