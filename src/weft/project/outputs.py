"""A product's output ports: descriptor, contract and model of each, and whether they agree."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from weft.errors import Diagnostic, Where, did_you_mean, error
from weft.model.address import Address, ProductAddress, is_slug
from weft.model.mesh import Model, OutputPort, Status
from weft.model.odcs import Contract
from weft.model.odps import Descriptor, OutputPortEntry
from weft.model.remote import Remote
from weft.model.version import parse_version
from weft.project.live_ports import live_model, live_table, two_origins

CONTRACT_ENDING = ".odcs.yaml"
_LIFECYCLE = list(Status)


def output_ports(
    product: ProductAddress,
    described: Descriptor,
    product_status: Status,
    contracts: Mapping[str, Contract],
    models: Mapping[str, Model],
    home: Path,
    problems: list[Diagnostic],
) -> tuple[OutputPort, ...]:
    """The output ports that have all that belongs to them.

    Args:
        home: the product's folder; of a file that is there and cannot be read, something else is told already.
        contracts, models: by file stem, `flights` or for an older major `flights@1`.
        problems: gets what the others lack, and where contract and descriptor disagree.
    """
    found: list[OutputPort] = []
    used: set[str] = set()
    entries = described.outputs
    listed: set[tuple[str, int | None]] = set()
    for entry in entries:
        where = described.where(entry.pointer)
        if (entry.name, major_of(entry.version)) in listed:
            problems.append(
                error(
                    "WFT-PRJ-015",
                    f"two output ports are `{entry.name}@{major_of(entry.version)}`",
                    where,
                    why="each major of a port is one table",
                    fix="drop one of them, or give it the version of another major",
                )
            )
            continue
        listed.add((entry.name, major_of(entry.version)))
        if not is_slug(entry.name):
            problems.append(
                error("WFT-PRJ-008", f"`{entry.name}` cannot be part of an address", where, fix="use a-z, 0-9 and _")
            )
            continue
        majors = {major_of(e.version) for e in entries if e.name == entry.name}
        newest = max((m for m in majors if m is not None), default=None)
        major = major_of(entry.version)
        stem = entry.name if major == newest else f"{entry.name}@{major}"
        used.add(stem)
        promised, model = contracts.get(stem), models.get(stem)
        if promised is None and not (home / "contracts" / f"{stem}{CONTRACT_ENDING}").is_file():
            problems.append(_missing("WFT-PRJ-011", entry, f"contract `contracts/{stem}.odcs.yaml`", product, where))
        written = [home / "models" / f"{stem}.{ending}" for ending in ("sql", "py")]
        live: Remote | None = None
        if "weft.source" in entry.custom:
            live = live_table(entry, where, problems)
            if model is not None or any(file.is_file() for file in written):
                problems.append(two_origins(entry, stem, where))
                continue
            model = live_model(stem, live, promised, where) if live is not None and promised is not None else None
        elif model is None and not any(file.is_file() for file in written):
            problems.append(_missing("WFT-PRJ-013", entry, f"model `models/{stem}.sql`", product, where))
        if promised is None or model is None:
            continue
        problems += _agreement(entry, promised, where)
        status = status_of(promised.status, promised.where(("status",)), problems)
        if promised.version is None:
            problems.append(
                error(
                    "WFT-CON-007",
                    f"`{promised.version_text}` is not a semantic version",
                    promised.where(("version",)),
                    fix="write it like 1.0.0",
                )
            )
            continue
        address = Address(product.domain, product.product, entry.name, promised.version.major)
        lower = min(status, product_status, key=_rank)
        if lower is Status.DEPRECATED:
            problems += _end(address, promised, described, where)
        found.append(
            OutputPort(address, promised, model, entry.description, entry.type, lower, major == newest, where, live)
        )
    for stem, promised in contracts.items():
        if stem not in used:
            names = [e.name for e in entries]
            problems.append(
                error(
                    "WFT-PRJ-012",
                    f"contract `{stem}` belongs to no output port",
                    promised.where(),
                    fix=_listed(stem, promised)
                    if "@" in stem
                    else did_you_mean(stem, names, otherwise=f"list `{stem}` under outputPorts in product.odps.yaml"),
                )
            )
    return tuple(found)


def _end(address: Address, promised: Contract, described: Descriptor, where: Where) -> list[Diagnostic]:
    """What nobody can understand of the end of a deprecated port."""
    from weft.model.lifecycle import faults  # most meshes have no deprecated port

    return [
        error(
            "WFT-PRJ-028",
            fault.what,
            promised.where(fault.pointer) if fault.document == "contract" else where,
            why="readers are told how many days are left and what to read instead",
            fix=fault.fix,
        )
        for fault in faults(promised.data, described.document.data, address)
    ]


def _listed(stem: str, promised: Contract) -> str:
    """How the contract of an older major gets its output port, beside that of the newest."""
    entry = f"{{name: {stem.partition('@')[0]}, version: {promised.version_text}, contractId: {promised.id}}}"
    return f"list it under outputPorts in product.odps.yaml: `{entry}`"


def _rank(status: Status) -> int:
    """The lower of two statuses holds: retired before everything, then proposed, draft, deprecated, active."""
    order = (Status.RETIRED, Status.PROPOSED, Status.DRAFT, Status.DEPRECATED, Status.ACTIVE)
    return order.index(status)


def _missing(code: str, entry: OutputPortEntry, what: str, product: ProductAddress, where: Where) -> Diagnostic:
    sync = f"`weft contract sync {product}.{entry.name}` drafts it"
    fill = "write the SELECT that fills the port, or say with `weft.source` in which table it lives"
    drafts = f"write it; `weft contract import postgres … --out contracts/{entry.name}.odcs.yaml` drafts it"
    fix = (drafts if "weft.source" in entry.custom else sync) if code == "WFT-PRJ-011" else fill
    return error(code, f"output port `{entry.name}` has no {what}", where, fix=fix)


def _agreement(entry: OutputPortEntry, promised: Contract, where: Where) -> list[Diagnostic]:
    found = []
    if entry.version.lstrip("v") != promised.version_text.lstrip("v"):
        what = f"output port `{entry.name}` says version {entry.version}, its contract {promised.version_text}"
        found.append(error("WFT-PRJ-016", what, where, fix=f"write `version: {promised.version_text}`"))
    if entry.contract_id is None:
        found.append(
            error(
                "WFT-PRJ-007",
                f"output port `{entry.name}` lacks `contractId`",
                where,
                fix=f"add `contractId: {promised.id}`",
            )
        )
    elif entry.contract_id != promised.id:
        what = f"output port `{entry.name}` names contract {entry.contract_id}, its file has id {promised.id}"
        found.append(error("WFT-PRJ-016", what, where, fix=f"write `contractId: {promised.id}`"))
    return found


def status_of(text: str, where: Where, problems: list[Diagnostic]) -> Status:
    """The status that a document names; `proposed`, which builds nothing, when it is none."""
    try:
        return Status(text)
    except ValueError:
        problems.append(
            error(
                "WFT-PRJ-022",
                f"unknown status `{text}`",
                where,
                why=f"the lifecycle is {', '.join(_LIFECYCLE)}",
                fix=did_you_mean(text, [str(s) for s in _LIFECYCLE]),
            )
        )
        return Status.PROPOSED


def major_of(version: str) -> int | None:
    """The first number of a version; None when it is no version."""
    found = parse_version(version.partition(".")[0])
    return found.major if found else None
