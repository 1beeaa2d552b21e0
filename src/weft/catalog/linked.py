"""The catalog as linked data: lines of lists become nodes of DCAT and DPROD. Pure.

Sources: DCAT 3 (W3C) with the mandatory properties of DCAT-AP 3.0.1; DPROD (OMG). A product is a `dprod:DataProduct`,
a port a `dcat:Dataset` with one distribution, behind which a `dcat:DataService` stands, and all hang on one catalog.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

Node = dict[str, Any]
Line = Mapping[str, Any]

CONTEXT: Node = {
    "adms": "http://www.w3.org/ns/adms#",
    "dcat": "http://www.w3.org/ns/dcat#",
    "dct": "http://purl.org/dc/terms/",
    "dprod": "https://ekgf.github.io/dprod/",
    "foaf": "http://xmlns.com/foaf/0.1/",
    "prov": "http://www.w3.org/ns/prov#",
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
    # said at each dataset, so that a catalog of any size is written as it is read
    "inCatalog": {"@reverse": "dcat:dataset", "@type": "@id"},
    "serviceOf": {"@reverse": "dcat:service", "@type": "@id"},
    "resourceOf": {"@reverse": "dcat:resource", "@type": "@id"},
}
"""What the short names of the nodes mean."""

_AUTHORITY = "http://publications.europa.eu/resource/authority"
_RESTRICTED = f"{_AUTHORITY}/access-right/RESTRICTED"
"""Whoever reads needs a grant."""
_JSON = "https://www.iana.org/assignments/media-types/application/json"
_STATUS = {"active": "COMPLETED", "deprecated": "DEPRECATED", "retired": "WITHDRAWN"}
"""Of ADMS; whatever else a port is, it is being developed."""


def catalog_node(base: str, mesh: str) -> Node:
    """The catalog itself.

    Args:
        base: the address of the server, without a slash at its end.
    """
    return {
        "@id": catalog_id(base),
        "@type": "dcat:Catalog",
        "dct:title": mesh,
        "dct:description": f"The data products of {mesh}, as far as whoever asks may know of them.",
        "dct:publisher": _agent(mesh),
        "foaf:homepage": {"@id": f"{base}/", "@type": "foaf:Document"},
    }


def product_node(base: str, line: Line, ports: Sequence[Line]) -> Node:
    """A product, with the services of its ports.

    Args:
        line: the product as lists show it.
        ports: its ports as lists show them.
    """
    page = product_page(base, line["address"])
    node: Node = {
        "@id": page,
        "@type": "dprod:DataProduct",
        "rdfs:label": line["title"],
        "dct:title": line["title"],
        "dct:description": line.get("purpose") or line["title"],
        "dct:identifier": line["address"],
        "dprod:domain": {"@id": domain_page(base, line["domain"])},
        "dprod:dataProductOwner": {
            **_agent(line.get("owner") or line["domain"]),
            "@type": ["foaf:Agent", "prov:Agent"],
        },
        "dprod:lifecycleStatus": {"@type": "dprod:DataProductLifecycleStatus", "rdfs:label": line["status"]},
        "dprod:outputPort": [{"@id": _service_id(base, port["address"])} for port in ports],
        "dprod:outputDataset": [{"@id": port_page(base, port["address"])} for port in ports],
        "resourceOf": catalog_id(base),
    }
    return _with(node, line, {"dprod:purpose": line.get("purpose")})


def port_nodes(base: str, line: Line, purpose: str | None) -> list[Node]:
    """A port: the dataset with its distribution, and the service behind that.

    Args:
        purpose: of its product.
    """
    address, page = line["address"], port_page(base, line["address"])
    title = line["title"] or address
    contract = {"@id": f"{base}/api/v1/contracts/{_path(address)}", "@type": "dct:Standard"}
    data = f"{base}/api/v1/data/{quote(address, safe='@')}"
    service = _service_id(base, address)
    dataset: Node = {
        "@id": page,
        "@type": "dcat:Dataset",
        "inCatalog": catalog_id(base),
        "dct:title": title,
        "dct:description": purpose or title,
        "dct:identifier": address,
        "dct:publisher": _agent(line.get("owner") or line["domain"]),
        "dct:modified": {"@value": line["published_at"], "@type": "xsd:dateTime"},
        "dct:accessRights": {"@id": _RESTRICTED, "@type": "dct:RightsStatement"},
        "dct:conformsTo": contract,
        "adms:status": {"@id": f"{_AUTHORITY}/dataset-status/{_STATUS.get(line['status'], 'DEVELOP')}"},
        "dcat:distribution": {
            "@id": f"{page}#data",
            "@type": "dcat:Distribution",
            "dct:title": title,
            "dcat:accessURL": {"@id": page},  # who has no grant asks for one there; the service is behind it
            "dcat:mediaType": {"@id": _JSON, "@type": "dct:MediaType"},
            "dct:conformsTo": contract,
            "dcat:accessService": {"@id": service},
            "dprod:isDistributionOf": {"@id": page},
        },
    }
    return [
        _with(dataset, line, {}),
        {
            "@id": service,
            "@type": "dcat:DataService",
            "serviceOf": catalog_id(base),
            "dct:title": title,
            "dct:identifier": f"{address}#service",
            "dcat:endpointURL": {"@id": data, "@type": "rdfs:Resource"},
            "dcat:endpointDescription": {"@id": f"{data}/openapi.json", "@type": "rdfs:Resource"},
            "dcat:servesDataset": {"@id": page},
            "dprod:isAccessServiceOf": {"@id": f"{page}#data"},
        },
    ]


def catalog_id(base: str) -> str:
    """The catalog's own name."""
    return f"{base}/feeds/catalog.jsonld#catalog"


def domain_page(base: str, name: str) -> str:
    """The page of a domain."""
    return f"{base}/domains/{quote(name)}"


def product_page(base: str, address: str) -> str:
    """The page of a product."""
    return f"{base}/products/{_path(address)}"


def port_page(base: str, address: str) -> str:
    """The page of a port."""
    return f"{base}/ports/{_path(address)}"


def _service_id(base: str, address: str) -> str:
    return f"{port_page(base, address)}#service"


def _path(address: str) -> str:
    return "/".join(quote(part, safe="@") for part in address.split("."))


def _agent(name: str) -> Node:
    return {"@type": "foaf:Agent", "foaf:name": name}


def _with(node: Node, line: Line, more: Node) -> Node:
    """A node with what not every line has."""
    beside = {"dcat:version": line.get("version"), "dcat:keyword": list(line.get("tags") or ()), **more}
    return {**node, **{key: value for key, value in beside.items() if value}}
