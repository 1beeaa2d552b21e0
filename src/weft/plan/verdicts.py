"""What policies say of products as their files want them, before anything is published."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime

from weft.errors import Diagnostic, Where, error, warning
from weft.governance.book import Book
from weft.governance.glossary import Glossary
from weft.governance.inheriting import put_inherited
from weft.governance.judging import Judgement, Objection, judge
from weft.governance.labels import Label
from weft.governance.policies import PolicySet, Severity, When
from weft.governance.policy_files import policies_of
from weft.governance.rows import PortFacts, Rows, domain_rows, product_rows
from weft.governance.term_rows import concept_rows, term_rows
from weft.model.address import Address, ProductAddress
from weft.model.document import Document
from weft.model.lineage import LineageEdge
from weft.model.mesh import Mesh, OutputPort, Product
from weft.model.odcs import every_property
from weft.model.publication import PortState
from weft.model.records import ProductRecord
from weft.plan.planner import Registered
from weft.project.records import domain_record, product_record

Edges = Callable[[Product], Sequence[LineageEdge]]
"""Lineage into the ports and private models of a product, as its files want it."""


def declared_policies(mesh: Mesh, platform: Sequence[Document]) -> PolicySet:
    """The policies of the platform with those that the files of domains and products hold."""
    return policies_of(
        platform,
        {name: domain.policies for name, domain in mesh.domains.items()},
        {str(address): product.policies for address, product in mesh.products.items() if product.policies},
    )


def judged(
    mesh: Mesh,
    products: Collection[ProductAddress],
    registered: Registered,
    policies: PolicySet,
    edges: Edges,
    now: datetime,
    inherited: Callable[[], Mapping[str, Label]] = dict,
    glossary: Glossary | None = None,
) -> Judgement:
    """What policies say of some products of the mesh, seen beside those that they read and that read them.

    Args:
        inherited: what columns inherit along lineage, as the files want them.
        glossary: all terms; None: not all are known here, and nothing is said of them.
    """
    if not policies.policies:
        return Judgement(())
    book = Book.in_memory()
    try:
        for name in sorted({p.domain for p in products}):
            book.put(name, domain_rows(domain_record(mesh.domains[name])))
        wanted = [mesh.products[p] for p in sorted(products)]
        for product in wanted:
            book.put(str(product.address), declared_rows(mesh, product, edges, glossary))
        if glossary is not None:
            book.put_all("terms", term_rows(glossary))
        _put_neighbours(book, wanted, registered)
        put_inherited(book, inherited())
        return judge(book, policies, now, when=When.PLAN, within=map(str, products))
    finally:
        book.close()


def desired_book(mesh: Mesh, registered: Registered, edges: Edges, glossary: Glossary | None = None) -> Book:
    """A book of the whole mesh: what files declare, and beside it what is registered and stands in no file here."""
    book = Book.in_memory()
    if glossary is not None:
        book.put_all("terms", term_rows(glossary))
    for name, domain in mesh.domains.items():
        book.put(name, domain_rows(domain_record(domain)))
    for address, product in mesh.products.items():
        book.put(str(address), declared_rows(mesh, product, edges, glossary))
    ports = _by_product(registered)
    for address, record in registered.products.items():
        if address not in mesh.products:
            book.put(str(address), registered_rows(record, ports.get(address, ())))
    return book


def declared_rows(mesh: Mesh, product: Product, edges: Edges, glossary: Glossary | None = None) -> Rows:
    """The rows of a product as its files want it."""
    facts = [_facts(port) for port in product.outputs]
    record = product_record(mesh, product)
    domain = domain_record(mesh.domains[product.address.domain])
    rows = product_rows(domain, record, facts, edges(product), product.descriptor.document.file)
    return {**rows, **concept_rows(facts, glossary)} if glossary is not None else rows


def registered_rows(product: ProductRecord, states: Iterable[PortState], edges: Sequence[LineageEdge] = ()) -> Rows:
    """The rows of a product as it is registered, without those of its domain."""
    return product_rows(None, product, [port_facts(s) for s in states], edges)


def port_facts(state: PortState, first_published_at: datetime | None = None) -> PortFacts:
    """What a book says of a published port."""
    status = "retired" if state.retired else state.status
    return PortFacts(
        state.address,
        status,
        state.version,
        state.contract,
        state.default,
        rows=state.rows,
        published_at=state.published_at,
        first_published_at=first_published_at,
    )


def told(
    judgement: Judgement,
    where: Callable[[str], Where | None],
    excused: Callable[[Objection], bool] = lambda _: False,
) -> list[Diagnostic]:
    """Objections as diagnostics: of severity `block` an error, else a warning.

    Args:
        where: the place of an address in the files.
        excused: whether an objection is waived or known debt, which stands against nothing.
    """
    found = [_diagnostic(one, where(one.subject)) for one in judgement.objections if not excused(one)]
    for one in judgement.unasked:
        place = one.policy.place
        within = f" for {', '.join(one.within)}" if one.within else ""
        what = f"policy `{one.policy.id}` cannot be asked{within}: {one.why}"
        fix = "`weft policy test` tries it" if one.policy.broken is None else "mend the file: `weft check` tells more"
        found.append(warning("WFT-GOV-006", what, Where(place.file, place.line), fix=fix))
    return found


def _facts(port: OutputPort) -> PortFacts:
    return PortFacts(
        port.address,
        str(port.status),
        port.contract.version_text,
        port.contract.data,
        port.default,
        port.type,
        port.description,
        file=port.contract.document.file,
    )


def _put_neighbours(book: Book, products: Sequence[Product], registered: Registered) -> None:
    """Products that are read, and those that read: a policy may hold one column against another."""
    own = {p.address for p in products}
    ports = _by_product(registered)
    read = {i.binding.of_product for p in products for i in p.inputs if isinstance(i.binding, Address)}
    offered = {str(port.address) for product in products for port in product.outputs}
    reading = {a for a, record in registered.products.items() if not offered.isdisjoint(record.reads)}
    for neighbour in sorted((read | reading) - own):
        record = registered.products.get(neighbour)
        if record is not None:
            book.put(str(neighbour), registered_rows(record, ports.get(neighbour, ())))


def _by_product(registered: Registered) -> dict[ProductAddress, list[PortState]]:
    found: dict[ProductAddress, list[PortState]] = {}
    for address, state in registered.ports.items():
        found.setdefault(address.of_product, []).append(state)
    return found


def _diagnostic(objection: Objection, where: Where | None) -> Diagnostic:
    policy = objection.applied.policy
    layer = policy.place.layer if not policy.place.of else f"{policy.place.layer} `{policy.place.of}`"
    why = f"policy `{policy.id}` ({layer}, {policy.place.file}): {policy.asks}"
    if policy.why:
        why += f" {policy.why}"
    detail = f": {objection.detail}" if objection.detail else f" violates `{policy.id}`"
    tell = error if policy.severity is Severity.BLOCK and policy.approval is None else warning
    if policy.approval is not None:
        why += f" The publication waits for {' or '.join(policy.approval.roles)}."
    fix = policy.remediation or f"see `weft policy explain {objection.subject}`"
    return tell("WFT-GOV-010", f"`{objection.subject}`{detail}", where, why=why, fix=fix)


def place_of(mesh: Mesh, subject: str) -> Where | None:
    """Where an address stands in the files."""
    parts = subject.split(".", 3)
    domain = mesh.domains.get(parts[0])
    if domain is None:
        return None
    product = mesh.products.get(ProductAddress(*parts[:2])) if len(parts) > 1 else None
    if product is None:
        return domain.document.where()
    port = next((p for p in product.outputs if str(p.address) == ".".join(parts[:3])), None) if len(parts) > 2 else None
    if port is None:
        return product.descriptor.where()
    if len(parts) > 3 and port.contract.objects:
        for prop in every_property(port.contract.table.properties):
            if ".".join(prop.path) == parts[3]:
                return port.contract.where(prop.pointer)
    return port.contract.where()
