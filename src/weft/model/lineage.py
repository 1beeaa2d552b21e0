"""Lineage: which columns are made from which."""

from __future__ import annotations

import re
from enum import IntEnum, StrEnum
from functools import lru_cache

from msgspec import Struct


class EdgeKind(StrEnum):
    """Direct: the value flows. Indirect: it decides which rows or groups there are.

    Source: OpenLineage, column lineage facet.
    """

    DIRECT = "direct"
    INDIRECT = "indirect"


class Transformation(StrEnum):
    """How a column is made (Source: OpenLineage, column lineage facet, `transformations.subtype`)."""

    IDENTITY = "identity"
    TRANSFORMATION = "transformation"
    AGGREGATION = "aggregation"
    JOIN = "join"
    FILTER = "filter"
    GROUP_BY = "group_by"
    SORT = "sort"
    WINDOW = "window"
    CONDITIONAL = "conditional"
    UNRESOLVED = "unresolved"


class Anonymisation(IntEnum):
    """How a value is made such that nobody can tell from it whose it was; a registry keeps the number."""

    NONE = 0
    SALTED_HASH = 1
    GENERALISATION = 2
    AGGREGATION = 3
    REDACTION = 4
    COUNT = 5

    def __str__(self) -> str:
        return self.name.lower().replace("_", " ")


_ANONYMISATIONS = {how.value: how for how in Anonymisation}


def hiding_of(number: int) -> tuple[bool, Anonymisation]:
    """Masking and anonymisation from the one number that holds both; a method of a later weft is none here.

    >>> hiding_of(1), hiding_of(0b101)
    ((True, <Anonymisation.NONE: 0>), (True, <Anonymisation.GENERALISATION: 2>))
    """
    return bool(number & 1), _ANONYMISATIONS.get(number >> 1, Anonymisation.NONE)


class ColumnEdge(Struct, frozen=True, order=True):
    """Column `source` of table `source_table` goes into column `target` of what is being described.

    Inside one model `source_table` is the name used in its SQL (a model or an input port). In the registry both ends
    are node ids: `domain.product.port@major.column`, `domain.product.~model.column`, `domain.product.INPUT.column`.

    Attributes:
        masking: whether values of `source` cannot be read in `target` (Source: OpenLineage, column lineage facet).
        anonymised: how `target` is made such that it need not keep the classification of `source`: masking alone is not
            enough, since whoever knows an e-mail address can compute its digest.
    """

    source_table: str
    source: str
    target: str
    kind: EdgeKind
    transformation: Transformation
    masking: bool = False
    anonymised: Anonymisation = Anonymisation.NONE


class LineageEdge(Struct, frozen=True, order=True):
    """An edge between two nodes of the mesh, both as node ids."""

    source: str
    target: str
    kind: EdgeKind
    transformation: Transformation
    masking: bool = False
    anonymised: Anonymisation = Anonymisation.NONE

    @property
    def hiding(self) -> int:
        """Masking and anonymisation as the one number that a registry keeps: see `hiding_of`."""
        return self.anonymised << 1 | self.masking


EVERY = "*"
"""In an edge: every column, where a query cannot be taken apart."""

_PLAIN = re.compile(r"[a-z0-9_]+")


@lru_cache(maxsize=16_384)  # the same few names stand in very many edges
def column_id(name: str) -> str:
    """A column's name as it stands in a node id: quoted as in SQL unless it is of small letters, digits and `_`.

    >>> column_id("dep_delay"), column_id("size.of wing"), column_id('a "b" c')
    ('dep_delay', '"size.of wing"', '"a ""b"" c"')
    """
    if name == EVERY or _PLAIN.fullmatch(name):
        return name
    return '"' + name.replace('"', '""') + '"'


def column_name(text: str) -> str:
    """The name that `column_id` has written; what is not quoted stays as it is.

    >>> column_name('"a ""b"" c"'), column_name("engine.thrust")
    ('a "b" c', 'engine.thrust')
    """
    if len(text) > 1 and text[0] == text[-1] == '"':
        return text[1:-1].replace('""', '"')
    return text


def table_of(node: str) -> str:
    """The table of a column's node id: `domain.product.port@major` of `domain.product.port@major.column`."""
    return ".".join(node.split(".", 3)[:3])
