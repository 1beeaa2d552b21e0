"""Lineage: which columns are made from which."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


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


@dataclass(frozen=True, slots=True, order=True)
class ColumnEdge:
    """Column `source` of table `source_table` goes into column `target` of what is being described.

    Inside one model `source_table` is the name used in its SQL (a model or an input port). In the registry both ends
    are node ids: `domain.product.port@major.column`, `domain.product.~model.column`, `domain.product.INPUT.column`.
    """

    source_table: str
    source: str
    target: str
    kind: EdgeKind
    transformation: Transformation
    masking: bool = False


@dataclass(frozen=True, slots=True, order=True)
class LineageEdge:
    """An edge between two nodes of the mesh, both as node ids."""

    source: str
    target: str
    kind: EdgeKind
    transformation: Transformation
    masking: bool = False
