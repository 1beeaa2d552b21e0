"""Models that are handed in with what was built from them: a server finds out lineage itself."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from weft.engines.base import Session
from weft.errors import Diagnostic, ProjectError, Severity, Where, error
from weft.model.address import Address, is_slug, parse_address
from weft.model.lineage import LineageEdge
from weft.model.materialization import wrong_settings
from weft.model.mesh import InputPort, Model, OutputPort, Product, Reference, Source, Status
from weft.model.odcs import Contract
from weft.model.odps import Descriptor
from weft.model.publication import PortState, Publication
from weft.model.python_code import PythonCode
from weft.model.records import ProductRecord, WrittenModel
from weft.plan.desired import Desired, models_digest, models_of
from weft.project.live_ports import live_inputs, live_model, live_of
from weft.project.outputs import major_of
from weft.runs.context import Context
from weft.runs.lineage import edges_of
from weft.sql.analysis import analyse

_NOWHERE = Where("")


def written_models(build: Sequence[Desired]) -> tuple[WrittenModel, ...]:
    """The models of ports that were built, as they are handed in."""
    inputs: dict[str, tuple[str, ...]] = {}
    columns: dict[str, tuple[str, ...]] = {}
    for one in build:
        inputs |= one.input_columns
        columns |= one.model_columns
    return tuple(
        WrittenModel(
            model.name,
            model.sql,
            model.settings,
            model.python is not None,
            tuple(r.name for r in model.references),
            columns[model.name],
            {r.name: inputs[r.name] for r in model.references if r.name in inputs},
        )
        for model in models_of(build)
    )


def lineage_of(
    session: Session,
    record: ProductRecord,
    described: Descriptor,
    contracts: Mapping[Address, Contract],
    publications: Sequence[Publication],
    kept: Collection[Address],
    written: Sequence[WrittenModel],
    ports: Mapping[Address, PortState],
    context: Context,
) -> list[LineageEdge]:
    """The lineage of what is published anew, from its models: no runner's word is taken for it.

    What sources have for columns, and the names of what private models give, only the runner can say.

    Args:
        publications: with the columns of their tables.
        kept: ports whose rows stay, and with them their lineage.
        ports: what is registered of the product, and of what it reads.

    Raises:
        ProjectError: WFT-SRV-051, a model is missing, cannot be read, or is not the one that was built.
    """
    fresh = [p for p in publications if p.address not in kept]
    if not fresh:
        return []
    models = {one.name: _model(session, one) for one in written}
    product = _product(record, described, contracts, models)
    named = {port.address: port for port in product.outputs}
    columns = {one.name: one.columns for one in written}
    columns |= {named[p.address].model.name: tuple(c.name for c in p.manifest.columns) for p in publications}
    reads: dict[str, tuple[str, ...]] = {}
    for one in written:
        reads |= one.inputs
    for entry in product.inputs:
        state = ports.get(entry.binding) if isinstance(entry.binding, Address) else None
        if state is not None:
            reads[entry.name] = tuple(c.name for c in state.columns)
    for port in product.outputs:
        if port.live is not None:
            reads[port.model.references[0].name] = tuple(p.name for p in port.contract.table.properties)
    wanted = [_wanted(p, named[p.address], product, columns, reads) for p in fresh]
    standing = [a for a, s in ports.items() if a.of_product == record.address and not s.retired]
    return edges_of(product, wanted, standing, context.lineage)


def _model(session: Session, one: WrittenModel) -> Model:
    """A model from its text; what it reads is what its SQL names."""
    file = f"models/{one.name}.{'py' if one.python else 'sql'}"
    if not is_slug(one.name.partition("@")[0]):
        raise _unfit(f"`{one.name[:80]}` is no name of a model")
    wrong = [what for _, what, _ in wrong_settings(one.settings)] if not one.python else []
    if wrong:
        raise _unfit(f"model `{one.name}`: {wrong[0]}")
    if one.python:
        references = tuple(Reference(name, _NOWHERE) for name in one.references)
        code = PythonCode("", 1, {})
        return Model(one.name, file, one.text, 1, one.settings, references, "", "", (), code)
    found = analyse(one.text, session.parse(one.text))
    refused = [p for p in found.problems if p.severity is Severity.ERROR]
    if refused:
        raise ProjectError(
            *(Diagnostic(p.code, p.severity, f"model `{one.name}`: {p.what}", None, p.why, p.fix) for p in refused)
        )
    references = tuple(Reference(name, _NOWHERE) for name, _ in found.references)
    return Model(one.name, file, one.text, 1, one.settings, references, found.digest, "")


def _product(
    record: ProductRecord, described: Descriptor, contracts: Mapping[Address, Contract], models: Mapping[str, Model]
) -> Product:
    """A product as far as lineage asks: its ports with their models, and what its inputs are bound to."""
    address, status = record.address, Status(record.status)
    inputs = tuple(
        InputPort(
            entry.name,
            entry.version,
            entry.contract_id,
            parse_address(str(entry.custom["weft.port"])) if "weft.port" in entry.custom else Source(""),
            _NOWHERE,
        )
        for entry in described.inputs
    )
    majors = [(entry.name, major_of(entry.version)) for entry in described.outputs]
    some = next(iter(contracts.values()))
    outputs = []
    for name, major in majors:
        if major is None:
            continue
        newest = max(m for n, m in majors if n == name and m is not None)
        stem = name if major == newest else f"{name}@{major}"
        port = Address(address.domain, address.product, name, major)
        model = models.get(stem) or Model(stem, "", "", 1, {}, (), "", "")
        # nobody asks for the contract of a port that is not published with the others
        promised = contracts.get(port, some)
        live = live_of(described, port)
        model = live_model(stem, live, promised, _NOWHERE) if live is not None else model
        outputs.append(OutputPort(port, promised, model, None, None, status, major == newest, _NOWHERE, live))
    inputs += live_inputs(outputs, inputs, [])
    return Product(address, record.title, status, described, inputs, tuple(outputs), tuple(models.values()))


def _wanted(
    publication: Publication,
    port: OutputPort,
    product: Product,
    columns: Mapping[str, tuple[str, ...]],
    reads: Mapping[str, tuple[str, ...]],
) -> Desired:
    """A port that was built, with the models that it needs.

    Raises:
        ProjectError: WFT-SRV-051.
    """
    model = port.model
    if port.live is None and product.model(model.name) is None:
        raise _unfit(f"`{publication.address}` is published without its model `{model.name}`")
    needed = product.needs(model)
    entries = tuple(i for i in product.inputs if i.name in {r.name for m in needed for r in m.references})
    known = {m.name for m in needed} | {i.name for i in entries if i.name in reads}
    for one in needed:
        missing = [r.name for r in one.references if r.name not in known]
        if missing:
            raise _unfit(f"model `{one.name}` reads `{missing[0][:80]}`, which is neither handed in nor an input port")
    unsaid = [
        i.binding for i in entries if isinstance(i.binding, Address) and str(i.binding) not in publication.upstream
    ]
    if unsaid:
        raise _unfit(f"`{publication.address}` reads `{unsaid[0]}`, and does not say from which snapshot it was made")
    stated = publication.parts.get("sql")
    in_sql = all(m.python is None for m in needed)
    if in_sql and stated is not None and stated != models_digest(needed, model, publication.address.port):
        raise _unfit(f"`{publication.address}` was built from other models than those that are handed in")
    return Desired(
        port,
        product,
        publication.manifest.columns,
        needed,
        entries,
        {i.name: reads[i.name] for i in entries},
        {m.name: columns[m.name] for m in needed},
        {},
        "",
        "",
        {},
    )


def _unfit(what: str) -> ProjectError:
    return ProjectError(
        error(
            "WFT-SRV-051",
            what,
            why="the server finds out from the models what columns are made from",
            fix="install the version of weft that the server has, and publish what it has built",
        )
    )
