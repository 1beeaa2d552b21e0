"""What each port should be: its columns, what its rows depend on, and the digests that decide what must be done."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct, field

from weft.contracts.agreement import agree_live
from weft.contracts.digests import physical_digest, rules_digest, texts_digest
from weft.errors import Diagnostic, Severity, did_you_mean, error, has_errors
from weft.model.address import Address, ProductAddress
from weft.model.column import Column
from weft.model.lifecycle import open_to
from weft.model.mesh import BUILT, Domain, InputPort, Mesh, Model, OutputPort, Product, Status
from weft.model.publication import QUARANTINE, Digests, PortState
from weft.model.python_code import LIMITS
from weft.plan.binding import Binder, Bound, Columns
from weft.plan.disagreeing import port_problems
from weft.plan.keeping import TABLE
from weft.plan.places import Places
from weft.plan.python_binding import promised_columns

SEMANTICS = "1"
"""Raised when the same files would give other rows: every port is then built again."""

PENDING = "not built yet"
"""Stands in a fingerprint for an upstream snapshot that this plan will make."""


class SourceState(Struct, frozen=True):
    """A source as it is now: a version that moves with its content, and its columns."""

    version: str
    columns: Columns


class Desired(Struct, frozen=True):
    """A port as its files want it.

    Attributes:
        parts: what its rows depend on, by name; a change of any of them rebuilds it.
        columns: what its model gives.
        models: the models that its rows need, each after what it reads.
        inputs: the input ports that these read.
        input_columns: names of the columns of each of these.
        model_columns: names of the columns of each of the models.
        kept: of each private model that keeps a table, what its rows depend on.
        kept_columns: the columns of each of these tables.
        bound: columns of everything in the product that has been bound: input ports and models.
    """

    port: OutputPort
    product: Product
    columns: Columns
    models: tuple[Model, ...]
    inputs: tuple[InputPort, ...]
    input_columns: Mapping[str, tuple[str, ...]]
    model_columns: Mapping[str, tuple[str, ...]]
    parts: Mapping[str, str]
    rules: str
    texts: str
    bound: Mapping[str, Columns]
    kept: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    kept_columns: Mapping[str, Columns] = field(default_factory=dict)

    def digests(self, upstream: Mapping[str, str] | None = None) -> Digests:
        """The digests; `upstream` replaces parts that were pending when the plan was made."""
        return Digests(fingerprint({**self.parts, **(upstream or {})}), self.rules, self.texts)


Sources = Mapping[tuple[ProductAddress, str], SourceState]


def fingerprint(parts: Mapping[str, str]) -> str:
    """One hash of everything that rows depend on."""
    return hashlib.sha256(json.dumps(sorted(parts.items())).encode()).hexdigest()


def desired_ports(
    order: tuple[Product, ...],
    mesh: Mesh,
    sources: Sources,
    registered: Mapping[Address, PortState],
    binder: Binder,
    breaks: Callable[[OutputPort, PortState], bool],
    away: Collection[ProductAddress] = (),
) -> tuple[dict[Address, Desired], list[Diagnostic]]:
    """Every port of the mesh as its files want it, and what contracts, models and bindings disagree on.

    `breaks` tells whether a port's new contract breaks the registered one. Readers of such a port are bound to its
    registered columns: the plan is refused for the breaking change, which it explains better than their binder could.
    So are readers of what is published of products that are `away`, of a source of which nothing is known.
    """
    found: dict[Address, Desired] = {}
    problems: list[Diagnostic] = []
    refused = {d.where.file for d in mesh.diagnostics if d.where and d.severity is Severity.ERROR}
    for product in order:
        inputs: dict[str, Columns] = {}
        for entry in product.inputs:
            columns, wrong = _input_columns(product, entry, mesh, sources, registered, found, breaks, away)
            problems += wrong
            if columns is not None:
                inputs[entry.name] = columns
        models = _in_order(product)
        domain = mesh.domains.get(product.address.domain)
        readable = tuple(m for m in models if _reachable(product, m, inputs) and not refused & _files(product, m))
        promised = promised_columns([p for p in product.outputs if p.live is None])
        bound = binder.bind(inputs, readable, promised, product.inputs)
        problems += bound.problems
        for port in product.outputs:
            if port.live is not None:
                live, wrong = _live(port, inputs, binder, registered.get(port.address))
                problems += wrong
                if live is not None:
                    bound = Bound({**bound.columns, port.model.name: live})
                    found[port.address] = _desired(port, product, inputs, bound, sources, registered, domain, binder)
                continue
            columns = bound.columns.get(port.model.name)
            if columns is None:
                continue
            places = Places(port.model, columns, {**inputs, **bound.columns})
            disagreements = (
                *_unsound(port, registered.get(port.address), binder),
                *port_problems(port, columns, places),
            )
            problems += disagreements
            if QUARANTINE in port.contract.custom:
                from weft.contracts.quarantine import quarantine_problems  # brings the rules, which others do not need

                problems += quarantine_problems(port.contract)
            if not has_errors(disagreements):
                found[port.address] = _desired(port, product, inputs, bound, sources, registered, domain, binder)
    return found, problems


def _live(
    port: OutputPort, inputs: Mapping[str, Columns], binder: Binder, state: PortState | None
) -> tuple[Columns | None, list[Diagnostic]]:
    """The columns of a port that lives in a table, in the contract's order; None where it is not as it has to be."""
    assert port.live is not None, "the caller has looked"
    given = inputs.get(port.model.references[0].name)
    if given is None:
        return None, []
    problems = [*_unsound(port, state, binder), *agree_live(port.contract, given, port.live.subject)]
    if QUARANTINE in port.contract.custom:
        what = f"`{port.address}` lives in {port.live.subject}, and its contract sends bad rows to quarantine"
        why = "nothing is written there, so that bad rows stay where they are"
        fix = f"drop `{QUARANTINE}`, or let the port live in a view without them"
        problems.append(error("WFT-PLN-019", what, port.contract.where(), why=why, fix=fix))
    if has_errors(problems):
        return None, problems
    by_name = {column.name: column for column in given}
    return tuple(by_name[prop.name] for prop in port.contract.table.properties), problems


def _unsound(port: OutputPort, state: PortState | None, binder: Binder) -> list[Diagnostic]:
    """What is wrong with a contract by itself; of one that is published as it stands that is known to be nothing."""
    if state is not None and state.contract == port.contract.data:
        return []
    from weft.contracts.lint import lint

    told = {"WFT-PRJ-028"} if port.status is Status.DEPRECATED else set()  # by loading, which knows whose end it is
    found = lint(port.contract, binder.refusals)
    return [d for d in found if d.severity is not Severity.NOTE and d.code not in told]


def _desired(
    port: OutputPort,
    product: Product,
    known: Mapping[str, Columns],
    bound: Bound,
    sources: Sources,
    registered: Mapping[Address, PortState],
    domain: Domain | None,
    binder: Binder,
) -> Desired:
    models = product.needs(port.model)
    inputs = _read_by(product, models)
    # a port keeps its name when a newer major moves its files to `NAME@MAJOR`: its rows do not move with them
    parts = _parts(product, port.model, port.address.port, sources, registered, binder)
    parts["contract"] = physical_digest(port.contract)
    outputs = {one.model.name for one in product.outputs}
    kept = {
        m.name: _parts(product, m, m.name, sources, registered, binder)
        for m in models
        if not m.kept.whole and m.name not in outputs
    }
    return Desired(
        port,
        product,
        bound.columns[port.model.name],
        models,
        inputs,
        {i.name: tuple(c.name for c in known[i.name]) for i in inputs},
        {m.name: tuple(c.name for c in bound.columns[m.name]) for m in models},
        parts,
        rules_digest(port.contract),
        texts_digest(port.contract.document, product.descriptor.document, *([domain.document] if domain else ())),
        {**known, **bound.columns},
        kept,
        {name: bound.columns[name] for name in kept},
    )


def _read_by(product: Product, models: Sequence[Model]) -> tuple[InputPort, ...]:
    """The input ports that some of the models read."""
    names = {r.name for m in models for r in m.references}
    return tuple(i for i in product.inputs if i.name in names)


def _parts(
    product: Product,
    model: Model,
    name: str,
    sources: Sources,
    registered: Mapping[Address, PortState],
    binder: Binder,
) -> dict[str, str]:
    """What the rows of a model depend on, but for a contract. `name` stands for its own in the digest."""
    models = product.needs(model)
    parts = {"weft": SEMANTICS, "sql": models_digest(models, model, name)}
    if not model.kept.whole:
        parts[TABLE] = json.dumps(model.kept.shape, sort_keys=True)
    if (python := binder.python(models)) is not None:
        parts["python"] = python
    for entry in _read_by(product, models):
        if isinstance(entry.binding, Address):
            state = registered.get(entry.binding)
            parts[f"upstream:{entry.binding}"] = state.snapshot_id if state else PENDING
        elif (product.address, entry.name) in sources:
            parts[f"source:{entry.name}"] = sources[product.address, entry.name].version
    return parts


def models_digest(models: Sequence[Model], of: Model, name: str) -> str:
    """The part of a fingerprint that the texts of models make; `name` stands for that of `of`, which needs them."""
    listed = [(name if m == of else m.name, m.digest, decisive(m)) for m in models]
    return hashlib.sha256(json.dumps(listed, sort_keys=True).encode()).hexdigest()


def decisive(model: Model) -> dict[str, Any]:
    """The settings of a model that decide which rows it gives: limits and the size of batches do not."""
    return {k: v for k, v in model.settings.items() if k not in LIMITS and k not in ("lookback", "batch_size")}


def _input_columns(
    product: Product,
    entry: InputPort,
    mesh: Mesh,
    sources: Sources,
    registered: Mapping[Address, PortState],
    found: Mapping[Address, Desired],
    breaks: Callable[[OutputPort, PortState], bool],
    away: Collection[ProductAddress],
) -> tuple[Columns | None, list[Diagnostic]]:
    binding = entry.binding
    if not isinstance(binding, Address):
        source = sources.get((product.address, entry.name))
        return (source.columns if source else None), []
    state = registered.get(binding)
    declared = mesh.port(binding)
    problems = _version_problems(product, entry, binding, declared, state)
    status = declared.status if declared is not None else state.status if state is not None else ""
    if not open_to(status, binding, product.address.domain):
        problems.append(
            error(
                "WFT-PLN-010",
                f"input port `{entry.name}` of `{product.address}` reads `{binding}`, which is a draft",
                entry.where,
                why=f"a draft is for its own domain, {binding.domain}, and may break without a new major",
                fix="ask its owner to make it `active`",
            )
        )
    if declared is not None:
        if binding.of_product == product.address:
            problems.append(
                error(
                    "WFT-PLN-002",
                    f"`{product.address}` reads its own port `{binding}`",
                    entry.where,
                    why="it could never be built first",
                    fix=f"name the model `{binding.port}` in SQL, and drop the input port",
                )
            )
        if declared.status not in BUILT:
            problems.append(
                error(
                    "WFT-PLN-010",
                    f"input port `{entry.name}` of `{product.address}` reads `{binding}`, which is {declared.status}",
                    entry.where,
                    fix="read another port, or ask its owner for its status",
                )
            )
        if state is not None and breaks(declared, state):
            return state.columns, problems
        wanted = found.get(binding)
        if wanted is None and binding.of_product in away and state is not None and not state.retired:
            return state.columns, problems
        return (wanted.columns if wanted else None), problems
    if state is not None and not state.retired:
        return state.columns, problems
    known = [str(p.address) for p in mesh.ports()] + [str(a) for a, s in registered.items() if not s.retired]
    if state is not None:
        what = f"input port `{entry.name}` of `{product.address}` reads `{binding}`, which is retired"
    else:
        what = f"input port `{entry.name}` of `{product.address}` reads `{binding}`, which does not exist"
    problems.append(
        error(
            "WFT-PLN-003",
            what,
            entry.where,
            why="it is neither declared in this repository nor published in the registry",
            fix=did_you_mean(str(binding), known, otherwise="`weft search` finds ports by words"),
        )
    )
    return None, problems


def _version_problems(
    product: Product, entry: InputPort, binding: Address, declared: OutputPort | None, state: PortState | None
) -> list[Diagnostic]:
    version = declared.contract.version_text if declared else state.version if state else None
    if version is None or entry.version.lstrip("v").split(".")[0] == version.lstrip("v").split(".")[0]:
        return []
    return [
        error(
            "WFT-PLN-007",
            f"input port `{entry.name}` of `{product.address}` says version {entry.version}, "
            f"but `{binding}` has version {version}",
            entry.where,
            why="the version of a bound input port is that of the port it reads",
            fix=f"write `version: {version}`",
        )
    ]


def _in_order(product: Product) -> tuple[Model, ...]:
    ordered: dict[str, Model] = {}
    for model in product.models:
        for needed in product.needs(model):
            ordered.setdefault(needed.name, needed)
    return tuple(ordered.values())


def _files(product: Product, model: Model) -> set[str]:
    """Files of a model and of what it reads. SQL that was refused is not even bound."""
    return {m.file for m in product.needs(model)}


def _reachable(product: Product, model: Model, inputs: Mapping[str, Columns]) -> bool:
    """Whether every input that the model needs has known columns; else its binding would repeat their error."""
    return all(
        product.model(r.name) is not None or r.name in inputs
        for needed in product.needs(model)
        for r in needed.references
    )


def models_of(wanted: Iterable[Desired]) -> tuple[Model, ...]:
    """The models that several ports of one product need together, each once, after what it reads."""
    return tuple({m.name: m for one in wanted for m in one.models}.values())


def as_columns(desired: Desired) -> tuple[Column, ...]:
    """The port's columns with their identity and promises, in the order of the model."""
    columns = []
    for column in desired.columns:
        promised = desired.port.contract.table.property(column.name)
        columns.append(
            Column(
                column.name,
                column.type,
                key=(promised.id if promised and promised.id else column.name),
                required=bool(promised and promised.required),
            )
        )
    return tuple(columns)
