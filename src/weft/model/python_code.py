"""What is known of a Python model from its text alone."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct


class Form(StrEnum):
    """As what an input is given to a function: the full name of the annotation's class."""

    ARROW = "pyarrow.Table"
    ARROW_STREAM = "pyarrow.RecordBatchReader"
    DUCKDB = "duckdb.DuckDBPyRelation"
    POLARS = "polars.DataFrame"
    POLARS_LAZY = "polars.LazyFrame"
    PANDAS = "pandas.DataFrame"

    @property
    def package(self) -> str:
        """The package that has to be installed for it."""
        return self.value.partition(".")[0]


LIMITS = ("timeout", "memory_limit")
"""Settings that move no row: a model is not built again for them."""


class PythonCode(Struct, frozen=True):
    """The function of a Python model and what it needs; its source is the model's text.

    Attributes:
        function: the function that gives the rows.
        line: where it begins, from 1.
        forms: as what each argument is given.
        dependencies: requirements as PEP 508 writes them.
        requires_python: which versions of Python it runs on.
        places: lines of the header's entries, by key.
    """

    function: str
    line: int
    forms: Mapping[str, Form]
    dependencies: tuple[str, ...] = ()
    requires_python: str | None = None
    places: Mapping[str, int] = {}

    def place(self, key: str) -> int:
        """The line of an entry of the header; the first line where there is none."""
        return self.places.get(key, 1)
