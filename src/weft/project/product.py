"""One product's folder: descriptor, contracts, models, and how they belong together."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from weft.errors import Diagnostic, Where, error, warning
from weft.model.address import ProductAddress, is_slug
from weft.model.mesh import Model, Product
from weft.model.odcs import Contract, column_named_twice, contract
from weft.model.odps import descriptor
from weft.project import documents, policies
from weft.project.cache import Cache
from weft.project.inputs import input_ports
from weft.project.live_ports import live_inputs
from weft.project.models import ReadModel
from weft.project.outputs import CONTRACT_ENDING, major_of, output_ports, status_of
from weft.project.product_schedules import schedule_problems
from weft.project.references import clashes, reference_problems


class Folder(Struct, frozen=True):
    """Where a product lies.

    Attributes:
        models: names of the files that hold its models, sorted.
    """

    path: Path
    root: Path
    domain: str
    models: tuple[str, ...]

    def relative(self, path: Path) -> str:
        """A path below the mesh's root, with forward slashes."""
        return documents.below(path, self.root)

    @property
    def sql_files(self) -> list[str]:
        """The files of its SQL models that have the name of one."""
        below = f"{self.relative(self.path)}/models"
        return [f"{below}/{n}" for n in self.models if n.endswith(".sql") and _is_model(n.removesuffix(".sql"))]


def folder_at(path: Path, root: Path, domain: str) -> Folder:
    """A product's folder as it lies on disk."""
    return Folder(path, root, domain, tuple(sorted(n for n in _listed(path / "models") if _is_written(n))))


def read_product(
    folder: Folder,
    in_sql: Mapping[str, ReadModel],
    cache: Cache,
    files: dict[str, str],
    problems: list[Diagnostic],
) -> Product | None:
    """The product of a folder; None when its descriptor cannot be made sense of.

    Args:
        in_sql: its SQL models by file, and those of other products.
        files: gets the digests of the files that were read.
        problems: gets what is wrong with them.
    """
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
    problems += schedule_problems(described)
    address = ProductAddress(folder.domain, slug)
    contracts = _contracts(folder, folder.path / "contracts", cache, files, problems)
    sources = _contracts(folder, folder.path / "contracts" / "sources", cache, files, problems)
    models = _models(folder, in_sql, cache, files, problems)
    inputs = input_ports(described, sources, problems)
    problems += clashes(inputs, models)
    problems += reference_problems(inputs, models, [e.name for e in described.inputs])
    status = status_of(described.status, described.where(("status",)), problems)
    outputs = output_ports(address, described, status, contracts, models, folder.path, problems)
    inputs += live_inputs(outputs, inputs, problems)
    own = policies.inside(folder.path, policies.cached(folder.root, cache), problems)
    files.update((policy.file, policy.digest) for policy in own)
    product = Product(address, described.name or slug, status, described, inputs, outputs, tuple(models.values()), own)
    _check_needed(product, problems)
    return product


def _contracts(
    folder: Folder, path: Path, cache: Cache, files: dict[str, str], problems: list[Diagnostic]
) -> dict[str, Contract]:
    """The contracts of a folder by file stem: `flights`, `flights@1`."""
    found: dict[str, Contract] = {}
    for file in [path / name for name in sorted(_listed(path)) if name.endswith(CONTRACT_ENDING)]:
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
        found[file.name.removesuffix(CONTRACT_ENDING)] = one
    return found


def _models(
    folder: Folder,
    in_sql: Mapping[str, ReadModel],
    cache: Cache,
    files: dict[str, str],
    problems: list[Diagnostic],
) -> dict[str, Model]:
    below = f"{folder.relative(folder.path)}/models"
    found: dict[str, Model] = {}
    for file in folder.models:
        name, _, ending = file.rpartition(".")
        if not _is_model(name):
            problems.append(
                error(
                    "WFT-PRJ-008",
                    f"`{file}` is no name of a model",
                    Where(f"{below}/{file}"),
                    why="models are named in SQL: a-z, 0-9 and _, for an older major with `@1` behind",
                    fix="rename the file",
                )
            )
            continue
        if name in found:
            problems.append(
                error(
                    "WFT-PRJ-015",
                    f"two models are named `{name}`, one in SQL and one in Python",
                    Where(f"{below}/{file}"),
                    fix="rename one of them",
                )
            )
            continue
        if ending == "py":
            from weft.project.python_models import read_python_model  # most products have none

            read = read_python_model(folder.path / "models" / file, name, folder.root, cache)
        else:
            read = in_sql[f"{below}/{file}"]
        problems += read.problems
        if read.model is not None:
            files[read.model.file] = read.model.file_digest
            found[name] = read.model
    return found


def _is_written(file: str) -> bool:
    """Whether a file holds a model; `__init__.py` and the like do not."""
    return file.endswith(".sql") or (file.endswith(".py") and not file.startswith("_"))


def _is_model(stem: str) -> bool:
    base, at, major = stem.partition("@")
    return is_slug(base) and not (at and major_of(major) is None)


def _listed(folder: Path) -> list[str]:
    """Names of what lies in a folder; nothing where there is none."""
    try:
        return os.listdir(folder)  # noqa: PTH208, making a Path of each name costs more than all else here
    except OSError:
        return []


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
