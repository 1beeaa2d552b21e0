"""What the lineage explorer shows, as events of OpenLineage."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from weft import __version__
from weft.api.portal.lineage import Explored
from weft.catalog.exploring import product_of
from weft.catalog.lineage import node_name
from weft.model.lineage import EVERY, LineageEdge, Transformation, column_name, table_of

_EVENT = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/JobEvent"
_COLUMNS = "https://openlineage.io/spec/facets/1-2-0/ColumnLineageDatasetFacet.json#/$defs/ColumnLineageDatasetFacet"
_SCHEMA = "https://openlineage.io/spec/facets/1-2-0/SchemaDatasetFacet.json#/$defs/SchemaDatasetFacet"
_PRODUCER = f"https://github.com/weft-mesh/weft/tree/v{__version__}"


def events(found: Explored, mesh: str, at: datetime) -> list[dict[str, Any]]:
    """An event for each product that is shown: what its ports are made from, column by column.

    Source: OpenLineage 2-0-2, `JobEvent`, with the facets `schema` and `columnLineage` (1-2-0: what decides on the rows
    of a port stands in its `dataset`, not among the fields).
    """
    namespace = f"weft://{mesh}"
    by_product: dict[str, list[LineageEdge]] = {}
    for edge in found.edges:
        by_product.setdefault(product_of(edge.target), []).append(edge)
    return [
        {
            "eventTime": at.isoformat(),
            "producer": _PRODUCER,
            "schemaURL": _EVENT,
            "job": {"namespace": namespace, "name": product},
            "inputs": [
                {"namespace": namespace, "name": table}
                for table in sorted({table_of(e.source) for e in by_product.get(product, ())})
                if "@" not in table or product_of(table) != product
            ],
            "outputs": [
                _output(found, namespace, str(state.address), by_product.get(product, []))
                for state in found.around.ports(product)
            ],
        }
        for product in found.hops
        if product.count(".") == 1
    ]


def _output(found: Explored, namespace: str, port: str, edges: list[LineageEdge]) -> dict[str, Any]:
    fields: dict[str, list[dict[str, Any]]] = {}
    for edge in edges:
        if table_of(edge.target) == port:
            fields.setdefault(_column(edge.target), []).append(_input(namespace, edge))
    whole = fields.pop(EVERY, [])
    state = next(s for s in found.around.ports(product_of(port)) if str(s.address) == port)
    schema = [{"name": c.name, "type": c.type} for c in state.columns]
    facets: dict[str, Any] = {"schema": {"_producer": _PRODUCER, "_schemaURL": _SCHEMA, "fields": schema}}
    if fields or whole:
        facets["columnLineage"] = {
            "_producer": _PRODUCER,
            "_schemaURL": _COLUMNS,
            "fields": {name: {"inputFields": inputs} for name, inputs in sorted(fields.items())},
            **({"dataset": whole} if whole else {}),
        }
    return {"namespace": namespace, "name": port, "facets": facets}


def _input(namespace: str, edge: LineageEdge) -> dict[str, Any]:
    how: dict[str, Any] = {"type": edge.kind.value.upper(), "masking": edge.masking}
    if edge.transformation is not Transformation.UNRESOLVED:
        how["subtype"] = edge.transformation.value.upper()
    return {
        "namespace": namespace,
        "name": table_of(edge.source),
        "field": _column(edge.source),
        "transformations": [how],
    }


def _column(node: str) -> str:
    name = node_name(node)
    return column_name(name.column) if name is not None and name.column is not None else EVERY
