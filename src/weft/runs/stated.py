"""What a runner states of a publication, held against its documents and the registry before any file is looked at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from weft.contracts.digests import physical_digest, rules_digest, texts_digest
from weft.contracts.lint import lint
from weft.errors import AccessDenied, Conflict, Diagnostic, GateRefused, ProjectError, error, has_errors
from weft.model.address import Address, ProductAddress, is_reserved, is_slug, parse_address
from weft.model.document import Document
from weft.model.handover import Handover
from weft.model.lifecycle import open_to
from weft.model.lineage import table_of
from weft.model.mesh import BUILT, Mesh, Model, OutputPort, Status
from weft.model.odcs import Contract, contract
from weft.model.odps import Descriptor, descriptor
from weft.model.publication import PortState, Publication
from weft.model.records import DomainRecord, ProductRecord, Publish
from weft.plan import gate
from weft.plan.desired import fingerprint
from weft.plan.impact import Reach
from weft.plan.planner import comparison
from weft.project.outputs import major_of
from weft.project.validation import violations
from weft.registry.base import RegistryReader
from weft.registry.readers import readers_of
from weft.runs.placing import named_twice

_UNSEEN = Model("", "", "", 1, {}, (), "", "")
"""The model of a port that was built elsewhere: its text is not handed in."""


class Stated(Struct, frozen=True):
    """A publication whose documents are sound.

    Attributes:
        publish: as it is to be committed, but for snapshots and checks: what the server can say itself, it says.
        contracts: of every port that is published.
        ports: what is registered.
    """

    publish: Publish
    contracts: Mapping[Address, Contract]
    described: Descriptor
    ports: Mapping[Address, PortState]

    @property
    def product(self) -> ProductAddress:
        """The product that is published."""
        return self.publish.product.address


def stated(handover: Handover, run_id: str, actor: str, reader: RegistryReader) -> Stated:
    """The publication, as far as its texts tell.

    Raises:
        AccessDenied: WFT-SRV-032, it names what is not the product's.
        Conflict: WFT-RUN-001 or WFT-SRV-036, what it was made from has moved or is not said.
        ProjectError: WFT-SRV-037 and others, its documents are wrong.
        GateRefused: its contract may not move so.
    """
    publish = handover.publish
    _require_own(handover)
    require_once(handover)
    ports = _registered(publish, reader)
    registered = reader.domain(publish.domain.name)
    assert registered is not None, "whoever may publish for a domain has it"
    described = _described(publish.product)
    publish = replace(
        publish,
        domain=registered,
        product=product_record(publish.product.address, described, publish.product.owner),
        run_id=run_id,
        actor=actor,
        domain_stays=True,  # it may change while rows are checked
    )
    _require_lineage(publish)
    _require_revisions(publish, ports, reader)
    contracts = {p.address: _contract(p, described) for p in publish.publications}
    publications = [
        _restated(p, contracts[p.address], described, registered, ports, publish) for p in publish.publications
    ]
    _require_gate(publications, contracts, described, ports, publish, reader)
    return Stated(replace(publish, publications=publications), contracts, described, ports)


def _registered(publish: Publish, reader: RegistryReader) -> dict[Address, PortState]:
    """The ports that a publication is about: those of its product, and what it was made from. A mesh has many more."""
    found = {state.address: state for state in reader.ports_of(publish.product.address)}
    for name in dict.fromkeys(n for one in publish.publications for n in one.upstream if not n.startswith("source:")):
        address = parse_address(name)
        state = reader.port(address) if address.major is not None else None
        if state is not None:
            found[state.address] = state
    return found


def require_once(handover: Handover) -> None:
    """Refuses what stands in a publication twice and can be there once.

    Raises:
        ProjectError: WFT-SRV-050, naming the first.
    """
    publish = handover.publish
    quarantined = (f for p in publish.publications if p.quarantine is not None for f in p.quarantine.manifest.files)
    named: dict[str, list[str]] = {
        "the port": [str(p.address) for p in publish.publications],
        "the table": [str(t.table) for t in handover.tables],
        "the snapshot": [t.key for t in handover.tables],
        "the model": [t.model for t, _ in publish.tables],
        "the file": [f.path for t in handover.tables for f in t.files] + [f.path for f in quarantined],
        "the upload": [u.name for u in handover.uploads.values()],
    }
    for kind, names in named.items():
        known: set[str] = set()
        for name in names:
            if name in known:
                raise named_twice(str(publish.product.address), f"{kind} `{name[:200]}`")
            known.add(name)


def product_record(address: ProductAddress, described: Descriptor, owner: str) -> ProductRecord:
    """A product as its descriptor says it is."""
    reads = sorted({str(e.custom["weft.port"]) for e in described.inputs if "weft.port" in e.custom})
    return ProductRecord(
        address,
        described.name or address.product,
        described.status,
        described.purpose,
        described.tags,
        owner,
        tuple(str(parse_address(text)) for text in reads),
        described.document.data,
    )


def _require_own(handover: Handover) -> None:
    """Refuses a publication that reaches beyond its product.

    Raises:
        AccessDenied: WFT-SRV-032, naming each thing of another product.
    """
    publish = handover.publish
    product = publish.product.address
    foreign: list[str] = []
    if publish.domain.name != product.domain:
        foreign.append(f"domain `{publish.domain.name}`")
    addresses = [p.address for p in publish.publications]
    addresses += [*publish.defaults, *publish.retire, *publish.kept]
    addresses += [t.table for t in handover.tables]
    foreign += [f"`{a}`" for a in addresses if a.of_product != product or a.major is None]
    foreign += [f"`{t.product}.{t.model}`" for t, _ in publish.tables if t.product != product]
    foreign += [f"checks of `{port}`" for port in publish.checks if not port.startswith(f"{product}.")]
    foreign += [f"lineage of `{e.target}`" for e in publish.edges if not table_of(e.target).startswith(f"{product}.")]
    published = {p.address for p in publish.publications}
    foreign += [f"`{a}`" for a in (*publish.kept, *publish.defaults) if a not in published]
    keys = {p.snapshot_id for p in publish.publications} | {t.snapshot_id for t, _ in publish.tables}
    foreign += [f"staged files of `{t.table}`" for t in handover.tables if t.key not in keys]
    for name in (product.domain, product.product, *(a.port.removeprefix("~") for a in addresses)):
        stem = name.partition("@")[0]  # a kept table of an older major is called `NAME@MAJOR`
        if not is_slug(stem) or is_reserved(stem):
            foreign.append(f"the name `{name}`")
    if foreign:
        raise AccessDenied(
            *(
                error(
                    "WFT-SRV-032",
                    f"a publication of `{product}` names {what}, which is not its own",
                    why="a runner publishes one product at a time, and nothing beside it",
                )
                for what in dict.fromkeys(foreign)
            )
        )


def _require_lineage(publish: Publish) -> None:
    """Refuses lineage from ports that the product does not read: their owners would be told of readers they lack.

    Raises:
        AccessDenied: WFT-SRV-032, naming each such table.
    """
    own = f"{publish.product.address}."
    tables = {table_of(e.source) for e in publish.edges}
    foreign = sorted(t for t in tables if not t.startswith(own) and t not in publish.product.reads)
    if foreign:
        raise AccessDenied(
            *(
                error(
                    "WFT-SRV-032",
                    f"a publication of `{publish.product.address}` has lineage from `{table}`, which it does not read",
                    fix="declare it as an input port",
                )
                for table in foreign
            )
        )


def _described(product: ProductRecord) -> Descriptor:
    document = Document(f"{product.address}/product.odps.yaml", product.document)
    wrong = [d for d in violations(document, "product") if has_errors([d])]
    if wrong:
        raise ProjectError(*wrong)
    return descriptor(document)


def _contract(publication: Publication, described: Descriptor) -> Contract:
    """The contract of a port, which its product has to list.

    Raises:
        ProjectError: WFT-SRV-037, it is another port's; what schema and lint say.
    """
    address = publication.address
    found = contract(Document(f"{address.of_product}/{address.port}.odcs.yaml", publication.contract))
    problems = [d for d in violations(found.document, "contract") if has_errors([d])]
    if not problems:
        problems = [d for d in lint(found) if has_errors([d])]
    if not problems and (found.version is None or found.version.major != address.major):
        what = f"the contract of `{address}` has version {found.version_text}"
        problems.append(error("WFT-SRV-037", what, fix="a port's major is that of its contract"))
    if not any(e.name == address.port and major_of(e.version) == address.major for e in described.outputs):
        what = f"`{address}` is no output port of `{address.of_product}`"
        problems.append(error("WFT-SRV-037", what, fix="list it under outputPorts in product.odps.yaml"))
    if problems:
        raise ProjectError(*problems)
    return found


def _status(text: str, whose: str) -> Status:
    try:
        return Status(text)
    except ValueError:
        raise ProjectError(error("WFT-SRV-037", f"{whose} has an unknown status `{text}`")) from None


def _restated(
    publication: Publication,
    promised: Contract,
    described: Descriptor,
    domain: DomainRecord,
    ports: Mapping[Address, PortState],
    publish: Publish,
) -> Publication:
    """A publication in which everything stands that follows from its documents, whatever the runner says of it.

    Raises:
        ProjectError: WFT-SRV-037, it is not to be published, or what it was made of does not fit its contract.
    """
    address = publication.address
    order = list(Status)
    status = min(_status(promised.status, f"`{address}`"), _status(described.status, "its product"), key=order.index)
    parts = publication.parts
    state = ports.get(address)
    pinned = address in publish.kept and state is not None and state.pinned is not None
    if status not in BUILT:
        raise ProjectError(error("WFT-SRV-037", f"`{address}` has the status `{status}`, so it is not published"))
    upstream = {k.removeprefix("upstream:"): v for k, v in parts.items() if k.startswith("upstream:")}
    told = {k: v for k, v in publication.upstream.items() if not k.startswith("source:")}
    wrong = not pinned and address not in publish.kept and any(told.get(k, v) != v for k, v in upstream.items())
    if not pinned and parts.get("contract", physical_digest(promised)) != physical_digest(promised):
        wrong = True
    if wrong:
        what = f"what `{address}` is said to be made of does not fit its contract or its inputs"
        raise ProjectError(error("WFT-SRV-037", what, fix="build it from the files that are published with it"))
    digests = replace(
        publication.digests,
        rules=rules_digest(promised),
        texts=texts_digest(promised.document, described.document, Document("", domain.document)),
        fingerprint=state.digests.fingerprint if pinned and state is not None else fingerprint(parts),
    )
    return replace(
        publication,
        run_id=publish.run_id,
        version=promised.version_text,
        status=status.value,
        contract=promised.data,
        digests=digests,
        published_by=publish.actor,
        revision=0,
        expired=None,
    )


def _require_revisions(publish: Publish, ports: Mapping[Address, PortState], reader: RegistryReader) -> None:
    """Refuses a publication that does not say from what it was made, or that was made from what is past.

    Raises:
        Conflict: WFT-RUN-001 naming each port that moved; WFT-SRV-036 naming each that it says nothing of.
    """
    problems: list[Diagnostic] = []
    for name in _must_stand(publish):
        address = parse_address(name)
        state = ports.get(address)
        revision = state.revision if state is not None else 0
        stated = publish.requires.get(name)
        if stated is None:
            what = f"a publication of `{publish.product.address}` does not say which revision of `{name}` it goes by"
            problems.append(error("WFT-SRV-036", what, fix="plan again"))
        elif stated != revision:
            why = f"the plan had read revision {stated}, now it is revision {revision}"
            problems.append(error("WFT-RUN-001", f"`{name}` moved since the plan was made", why=why, fix="plan again"))
    kept = set(publish.kept)
    for one in publish.publications:
        for name, snapshot_id in one.upstream.items() if one.address not in kept else ():
            if name.startswith("source:"):
                continue
            state = ports.get(parse_address(name))
            if name not in publish.product.reads or state is None or state.retired:
                what = f"`{one.address}` says that it was made from `{name}`, which its product does not read"
                problems.append(error("WFT-SRV-036", what, fix="declare it as an input port"))
            elif not open_to(state.status, state.address, publish.product.address.domain):
                what = f"`{one.address}` was made from `{name}`, which is a draft of another domain"
                problems.append(error("WFT-SRV-036", what, fix="ask its owner to make it `active`"))
            elif state.snapshot_id != snapshot_id:
                known = reader.publication(parse_address(name), snapshot_id) is not None
                what = f"`{one.address}` was made from snapshot {snapshot_id} of `{name}`, which is " + (
                    "a former one" if known else "none"
                )
                problems.append(error("WFT-RUN-001" if known else "WFT-SRV-036", what, fix="plan again"))
    if problems:
        raise Conflict(*problems)


def _must_stand(publish: Publish) -> Iterator[str]:
    """Ports whose revision a publication has to state."""
    kept = set(publish.kept)
    yield from (str(p.address) for p in publish.publications)
    yield from (str(a) for a in publish.retire)
    for one in publish.publications:
        if one.address not in kept:
            yield from (name for name in one.upstream if not name.startswith("source:"))


def _require_gate(
    publications: Sequence[Publication],
    contracts: Mapping[Address, Contract],
    described: Descriptor,
    ports: Mapping[Address, PortState],
    publish: Publish,
    reader: RegistryReader,
) -> None:
    """The gate of plans, on what is registered now.

    Raises:
        GateRefused: WFT-CON-004, WFT-CON-005, WFT-PLN-009.
    """
    objections: list[Diagnostic] = []
    for one in publications:
        state = ports.get(one.address)
        if state is None or state.retired:
            continue
        promised = contracts[one.address]
        port = OutputPort(one.address, promised, _UNSEEN, None, None, Status(one.status), False, promised.where())
        majors = [a.major or 0 for a in (*ports, *contracts) if a.unpinned == one.address.unpinned]
        objections += gate.contract_moves(port, state, comparison(port, state), Reach(), max(majors))
    nobody = Mesh("", "", {}, {}, (), {})
    for address in publish.retire:
        objections += gate.readers_left(address, readers_of(reader, address), nobody, ())
    if has_errors(objections):
        raise GateRefused(*(d for d in objections if has_errors([d])))
