"""Domains and products as they are registered."""

from __future__ import annotations

from weft.model.address import Address
from weft.model.mesh import Domain, Mesh, Product
from weft.model.records import DomainRecord, ProductRecord
from weft.project import access, glossary, policies


def domain_record(domain: Domain) -> DomainRecord:
    """A domain as it is registered: its file, which carries its policies and its glossary as custom properties."""
    document = domain.document.data
    if domain.access:
        document = access.with_policies(document, domain.access)
    if domain.policies:
        document = policies.with_policies(document, domain.policies)
    if domain.glossary is not None:
        document = glossary.with_glossary(document, domain.glossary)
    return DomainRecord(
        domain.name,
        domain.title,
        domain.kind,
        domain.description,
        domain.owner_team,
        domain.owner_contact,
        document,
    )


def product_record(mesh: Mesh, product: Product) -> ProductRecord:
    """A product as it is registered: its descriptor, which carries its policies as a custom property."""
    document = product.descriptor.document.data
    if product.policies:
        document = policies.with_policies(document, product.policies)
    reads = sorted({str(i.binding) for i in product.inputs if isinstance(i.binding, Address)})
    return ProductRecord(
        product.address,
        product.title,
        product.status.value,
        product.descriptor.purpose,
        product.descriptor.tags,
        mesh.name,
        tuple(reads),
        document,
    )
