"""One product's folder: descriptor, contracts, models, and how they belong together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from weft.errors import Diagnostic, UsageError, Where, did_you_mean, error, warning
from weft.model.address import Address, ProductAddress, is_slug, parse_address
from weft.model.document import words
from weft.model.mesh import InputPort, Model, OutputPort, Product, Reference, Source, Status
from weft.model.odcs import Contract, column_named_twice, contract
from weft.model.odps import Descriptor, InputPortEntry, OutputPortEntry, descriptor
from weft.model.version import parse_version
from weft.project import documents
from weft.project.cache import Cache
from weft.project.models import Parse, read_model

_CONTRACT_ENDING = ".odcs.yaml"
_SOURCE_KEYS = ("file", "format", "nulls", "delimiter", "header", "encoding")
_SOURCE_WORDS = {
    "format": "must be text",
    "nulls": "must be a list of texts",
    "delimiter": "must be one character",
    "header": "must be true or false",
    "encoding": "must be text",
}
_SOURCE_SHAPES: dict[str, Callable[[Any], bool]] = {
    "format": lambda v: isinstance(v, str),
    "nulls": lambda v: isinstance(v, str) or (isinstance(v, list) and not any(isinstance(n, list | dict) for n in v)),
    "delimiter": lambda v: isinstance(v, str) and len(v) == 1 and v not in '"\r\n\0',
    "header": lambda v: isinstance(v, bool),
    "encoding": lambda v: isinstance(v, str),
}
_OTHER_SOURCES = ("connection", "table", "query")
_LIFECYCLE = list(Status)


class Folder(Struct, frozen=True):
    """Where a product lies."""

    path: Path
    root: Path
    domain: str

    def relative(self, path: Path) -> str:
        """A path below the mesh's root, with forward slashes."""
        return path.relative_to(self.root).as_posix()


def read_product(
    folder: Folder, parse: Parse, cache: Cache, files: dict[str, str], problems: list[Diagnostic]
) -> Product | None:
    """The product of a folder; None when its descriptor cannot be made sense of."""
    from weft.project.load import PRODUCT_FILE, slug_of

    path = folder.path / PRODUCT_FILE
    if not path.is_file():
        problems.append(
            error(
                "WFT-PRJ-001",
                f"`{folder.relative(path)}` is missing",
                Where(folder.relative(folder.path)),
                why="every folder in a domain is a product, and declares itself there",
                fix=f"`weft new product {folder.domain}.{folder.path.name}` makes one",
            )
        )
        return None
    found = documents.read(path, folder.root, "product", cache)
    problems += found.problems
    if found.document is None:
        return None
    files[found.document.file] = found.document.digest
    slug = slug_of(folder.path.name, found.document, problems)
    if slug is None:
        return None
    described = descriptor(found.document)
    address = ProductAddress(folder.domain, slug)
    contracts = _contracts(folder, folder.path / "contracts", cache, files, problems)
    sources = _contracts(folder, folder.path / "contracts" / "sources", cache, files, problems)
    models = _models(folder, parse, cache, files, problems)
    inputs = _inputs(described, sources, problems)
    _check_names(inputs, models, described, problems)
    _check_references(inputs, models, problems)
    status = _status(described.status, described.where(("status",)), problems)
    outputs = _outputs(address, described, status, contracts, models, folder, problems)
    product = Product(address, described.name or slug, status, described, inputs, outputs, tuple(models.values()))
    _check_needed(product, problems)
    return product


def _contracts(
    folder: Folder, path: Path, cache: Cache, files: dict[str, str], problems: list[Diagnostic]
) -> dict[str, Contract]:
    """The contracts of a folder by file stem: `flights`, `flights@1`."""
    found: dict[str, Contract] = {}
    for file in sorted(path.glob(f"*{_CONTRACT_ENDING}")) if path.is_dir() else ():
        read = documents.read(file, folder.root, "contract", cache)
        problems += read.problems
        if read.document is None:
            continue
        files[read.document.file] = read.document.digest
        one = contract(read.document)
        if len(one.objects) != 1:
            problems.append(
                error(
                    "WFT-PRJ-019",
                    f"a port's contract describes one table, this one describes {len(one.objects)}",
                    read.document.where(("schema",)),
                    fix="keep one entry under `schema`; give each other table a port of its own",
                )
            )
            continue
        twice = column_named_twice(one, one.objects[0])
        if twice is not None:
            problems.append(twice)
            continue
        found[file.name.removesuffix(_CONTRACT_ENDING)] = one
    return found


def _models(
    folder: Folder, parse: Parse, cache: Cache, files: dict[str, str], problems: list[Diagnostic]
) -> dict[str, Model]:
    found: dict[str, Model] = {}
    for file in sorted((folder.path / "models").glob("*.sql")):
        name = file.stem
        base, at, major = name.partition("@")
        if not is_slug(base) or (at and _major(major) is None):
            problems.append(
                error(
                    "WFT-PRJ-008",
                    f"`{file.name}` is no name of a model",
                    Where(folder.relative(file)),
                    why="models are named in SQL: a-z, 0-9 and _, for an older major with `@1` behind",
                    fix="rename the file",
                )
            )
            continue
        read = read_model(file, name, folder.root, parse, cache)
        problems += read.problems
        if read.model is not None:
            files[read.model.file] = read.model.file_digest
            found[name] = read.model
    return found


def _inputs(
    described: Descriptor, sources: Mapping[str, Contract], problems: list[Diagnostic]
) -> tuple[InputPort, ...]:
    by_id = {c.id: c for c in sources.values()}
    found = []
    for entry in described.inputs:
        where = described.where(entry.pointer)
        binding = _binding(entry, by_id, where, problems)
        if binding is not None:
            found.append(InputPort(entry.name, entry.version, entry.contract_id, binding, where))
    return tuple(found)


def _binding(
    entry: InputPortEntry, by_id: Mapping[str, Contract], where: Where, problems: list[Diagnostic]
) -> Address | Source | None:
    if not is_slug(entry.name):
        problems.append(error("WFT-PRJ-008", f"`{entry.name}` cannot be named in SQL", where, fix="use a-z, 0-9 and _"))
        return None
    if "weft.port" in entry.custom:
        return _bound_port(entry, where, problems)
    source = entry.custom.get("weft.source")
    if isinstance(source, Mapping):
        return _source(entry, source, by_id, where, problems)
    problems.append(
        error(
            "WFT-PRJ-014",
            f"input port `{entry.name}` is bound to nothing",
            where,
            why="a model could name it, and nobody knows where its rows come from",
            fix="give it the custom property `weft.port` (a port's address) or `weft.source` (a file)",
        )
    )
    return None


def _bound_port(entry: InputPortEntry, where: Where, problems: list[Diagnostic]) -> Address | None:
    text = str(entry.custom["weft.port"])
    try:
        address = parse_address(text)
    except UsageError as e:
        problems += [Diagnostic(d.code, d.severity, d.what, where, d.why, d.fix) for d in e.diagnostics]
        return None
    if address.major is None:
        problems.append(
            error(
                "WFT-PRJ-014",
                f"input port `{entry.name}` binds `{text}` without a major version",
                where,
                why="a product is built on one major, and moves to the next when it chooses to",
                fix=f"write `{text}@{entry.version.lstrip('v').partition('.')[0] or 1}`",
            )
        )
        return None
    return address


def _source(
    entry: InputPortEntry,
    source: Mapping[str, Any],
    by_id: Mapping[str, Contract],
    where: Where,
    problems: list[Diagnostic],
) -> Source | None:
    if any(key in source for key in _OTHER_SOURCES):
        problems.append(error("WFT-SRC-009", f"input port `{entry.name}`: this version of weft reads files", where))
        return None
    unknown = [key for key in source if key not in _SOURCE_KEYS]
    problems += [
        error("WFT-PRJ-014", f"unknown field `{k}` in `weft.source`", where, fix=did_you_mean(k, _SOURCE_KEYS))
        for k in unknown
    ]
    if not isinstance(source.get("file"), str):
        problems.append(error("WFT-PRJ-014", f"input port `{entry.name}` names no `file`", where))
        return None
    misshapen = [key for key, fits in _SOURCE_SHAPES.items() if source.get(key) is not None and not fits(source[key])]
    problems += [
        error("WFT-PRJ-014", f"`{key}` in `weft.source` of input port `{entry.name}` {_SOURCE_WORDS[key]}", where)
        for key in misshapen
    ]
    if misshapen:
        return None
    return Source(
        file=source["file"],
        format=source.get("format"),
        nulls=(source["nulls"],) if isinstance(source.get("nulls"), str) else words(source, "nulls"),
        delimiter=source.get("delimiter"),
        header=source.get("header") is not False,
        encoding=source.get("encoding"),
        contract=by_id.get(entry.contract_id or ""),
    )


def _check_names(
    inputs: tuple[InputPort, ...], models: Mapping[str, Model], described: Descriptor, problems: list[Diagnostic]
) -> None:
    seen: set[str] = set()
    for port in inputs:
        if port.name in models:
            what = f"`{port.name}` is an input port and a model"
            problems.append(
                error(
                    "WFT-PRJ-015", what, port.where, why="in SQL the name could mean either", fix="rename one of them"
                )
            )
        elif port.name in seen:
            problems.append(
                error("WFT-PRJ-015", f"two input ports are named `{port.name}`", port.where, fix="rename one of them")
            )
        seen.add(port.name)


def _check_references(inputs: tuple[InputPort, ...], models: Mapping[str, Model], problems: list[Diagnostic]) -> None:
    names = [i.name for i in inputs] + list(models)
    for model in models.values():
        problems += [_unknown_table(r, names) for r in model.references if r.name not in names]
    problems += _cycles(models)


def _unknown_table(reference: Reference, names: list[str]) -> Diagnostic:
    return error(
        "WFT-SQL-003",
        f"unknown table `{reference.name}`",
        reference.where,
        why="a model reads the other models of its product and the product's input ports",
        fix=did_you_mean(reference.name, names, otherwise="declare an input port of that name in product.odps.yaml"),
    )


def _cycles(models: Mapping[str, Model]) -> list[Diagnostic]:
    found: list[Diagnostic] = []
    done: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> None:
        if name in path:
            circle = [*path[path.index(name) :], name]
            where = next(r.where for r in models[path[-1]].references if r.name == name)
            what = f"models read each other in a circle: {' → '.join(circle)}"
            found.append(error("WFT-SQL-011", what, where, fix="take one of the references away"))
            return
        if name in done or name not in models:
            return
        for reference in models[name].references:
            visit(reference.name, (*path, name))
        done.add(name)

    for name in models:
        visit(name, ())
    return found


def _outputs(
    product: ProductAddress,
    described: Descriptor,
    product_status: Status,
    contracts: Mapping[str, Contract],
    models: Mapping[str, Model],
    folder: Folder,
    problems: list[Diagnostic],
) -> tuple[OutputPort, ...]:
    found: list[OutputPort] = []
    used: set[str] = set()
    entries = described.outputs
    listed: set[tuple[str, int | None]] = set()
    for entry in entries:
        where = described.where(entry.pointer)
        if (entry.name, _major(entry.version)) in listed:
            problems.append(
                error(
                    "WFT-PRJ-015",
                    f"two output ports are `{entry.name}@{_major(entry.version)}`",
                    where,
                    why="each major of a port is one table",
                    fix="drop one of them, or give it the version of another major",
                )
            )
            continue
        listed.add((entry.name, _major(entry.version)))
        if not is_slug(entry.name):
            problems.append(
                error("WFT-PRJ-008", f"`{entry.name}` cannot be part of an address", where, fix="use a-z, 0-9 and _")
            )
            continue
        majors = {_major(e.version) for e in entries if e.name == entry.name}
        newest = max((m for m in majors if m is not None), default=None)
        major = _major(entry.version)
        stem = entry.name if major == newest else f"{entry.name}@{major}"
        used.add(stem)
        promised, model = contracts.get(stem), models.get(stem)
        if promised is None and not (folder.path / "contracts" / f"{stem}{_CONTRACT_ENDING}").is_file():
            problems.append(_missing("WFT-PRJ-011", entry, f"contract `contracts/{stem}.odcs.yaml`", product, where))
        if model is None and not (folder.path / "models" / f"{stem}.sql").is_file():
            problems.append(_missing("WFT-PRJ-013", entry, f"model `models/{stem}.sql`", product, where))
        if promised is None or model is None:
            continue
        problems += _agreement(entry, promised, where)
        status = _status(promised.status, promised.where(("status",)), problems)
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
        found.append(OutputPort(address, promised, model, entry.description, entry.type, lower, major == newest, where))
    for stem, promised in contracts.items():
        if stem not in used:
            names = [e.name for e in entries]
            problems.append(
                error(
                    "WFT-PRJ-012",
                    f"contract `{stem}` belongs to no output port",
                    promised.where(),
                    fix=did_you_mean(stem, names, otherwise=f"list `{stem}` under outputPorts in product.odps.yaml"),
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


def _rank(status: Status) -> int:
    """The lower of two statuses holds: retired before everything, then proposed, draft, deprecated, active."""
    order = (Status.RETIRED, Status.PROPOSED, Status.DRAFT, Status.DEPRECATED, Status.ACTIVE)
    return order.index(status)


def _missing(code: str, entry: OutputPortEntry, what: str, product: ProductAddress, where: Where) -> Diagnostic:
    sync = f"`weft contract sync {product}.{entry.name}` drafts it"
    fix = sync if code == "WFT-PRJ-011" else "write the SELECT that fills the port"
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


def _status(text: str, where: Where, problems: list[Diagnostic]) -> Status:
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


def _major(version: str) -> int | None:
    found = parse_version(version.partition(".")[0])
    return found.major if found else None


def _check_needed(product: Product, problems: list[Diagnostic]) -> None:
    needed = {m.name for p in product.outputs for m in product.needs(p.model)}
    filled = {p.model.name for p in product.outputs}
    problems += [
        warning(
            "WFT-PRJ-026",
            f"no port needs model `{m.name}`",
            m.where(),
            fix="delete it, or name it in another model",
        )
        for m in product.models
        if m.name not in needed | filled and len(product.outputs) == len(product.descriptor.outputs)
    ]
