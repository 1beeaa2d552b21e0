"""A domain's repository becomes a Mesh: every file is read, and everything that is wrong is collected."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from weft.config import FILE_NAME, Settings
from weft.errors import Diagnostic, Where, error
from weft.model.address import ProductAddress, is_reserved, is_slug, slugify
from weft.model.document import Document, custom_properties, entries, group, text, words
from weft.model.mesh import Domain, Member, Mesh, Product
from weft.project import access, documents, glossary, policies
from weft.project.cache import Cache
from weft.project.members import role_problems
from weft.project.models import Parse, read_models
from weft.project.product import Folder, folder_at, read_product

DOMAIN_FILE, PRODUCT_FILE = "domain.yaml", "product.odps.yaml"


def load_mesh(settings: Settings, parse: Parse, cache: Cache) -> Mesh:
    """The mesh that the files under `settings.root` declare. Content never raises: see `Mesh.diagnostics`."""
    root = settings.root
    problems: list[Diagnostic] = []
    files: dict[str, str] = {FILE_NAME: cache.digest_of(root / FILE_NAME)}
    domains: dict[str, Domain] = {}
    products: dict[ProductAddress, Product] = {}
    places: dict[ProductAddress, str] = {}
    inside: list[Folder] = []
    policy = access.read_mesh_file(root, access.cached(root, cache), problems)
    if policy is not None:
        files[policy.file] = policy.digest
    terms = glossary.read_mesh_file(root, glossary.cached(root, cache), problems)
    if terms is not None:
        files[terms.file] = terms.digest
    platform = policies.of_the_mesh(root, policies.cached(root, cache), problems)
    files.update((one.file, one.digest) for one in platform)
    for folder in _folders(root, settings.mesh.domains, problems):
        domain = _domain(folder, root, cache, files, problems)
        if domain is None:
            continue
        if domain.name in domains:
            problems.append(_twice(f"domain `{domain.name}`", domain.document, domains[domain.name].document.file))
            continue
        domains[domain.name] = domain
        inner = sorted(p for p in folder.iterdir() if p.is_dir() and not p.name.startswith((".", "_")))
        inside += [folder_at(p, root, domain.name) for p in inner if p.name != "policies"]
    in_sql = read_models([file for one in inside for file in one.sql_files], root, parse, cache)
    for one in inside:
        product = read_product(one, in_sql, cache, files, problems)
        if product is None:
            continue
        if product.address in products:
            what = f"product `{product.address}`"
            problems.append(_twice(what, product.descriptor.document, places[product.address]))
            continue
        products[product.address] = product
        places[product.address] = product.descriptor.document.file
    if not domains and not problems:
        problems.append(
            error(
                "WFT-PRJ-023",
                f"no domain lies under {', '.join(settings.mesh.domains)}",
                Where(FILE_NAME),
                fix="`weft new domain NAME` makes one",
            )
        )
    problems += _same_ids(products.values())
    cache.write()
    told = tuple(dict.fromkeys(problems))  # who reads a folder's policies of either kind tells of a file it cannot read
    return Mesh(settings.mesh.name, str(root), domains, products, told, files, policy, platform, terms)


def slug_of(name: str, document: Document, problems: list[Diagnostic]) -> str | None:
    """The slug of a folder or file name, or the document's `weft.slug`; None, with a diagnostic, when it is none."""
    custom = custom_properties(document.data)
    slug = str(custom.get("weft.slug", name))
    if not is_slug(slug):
        problems.append(
            error(
                "WFT-PRJ-008",
                f"`{slug}` cannot be part of an address",
                document.where(),
                why="an address is made of a-z, 0-9 and _, begins with a letter, and has at most 63 characters",
                fix=f"rename it to `{slugify(slug)}`, or set the custom property `weft.slug`",
            )
        )
        return None
    if is_reserved(slug):
        problems.append(
            error(
                "WFT-PRJ-009",
                f"`{slug}` is reserved",
                document.where(),
                why="databases give this name a meaning of their own",
                fix=f"rename it, for example to `{slugify(slug)}`",
            )
        )
        return None
    return slug


def _folders(root: Path, patterns: Iterable[str], problems: list[Diagnostic]) -> list[Path]:
    found: set[Path] = set()
    for pattern in patterns:
        if not pattern.strip() or pattern.startswith("/") or ".." in Path(pattern).parts or "\0" in pattern:
            what = f"`mesh.domains`: `{pattern}` names no folders below the mesh's"
            problems.append(error("WFT-CFG-004", what, Where(FILE_NAME), fix='write globs such as "domains/*"'))
            continue
        found |= {p for p in root.glob(pattern) if p.is_dir() and not p.name.startswith((".", "_"))}
    return sorted(found)


def _domain(folder: Path, root: Path, cache: Cache, files: dict[str, str], problems: list[Diagnostic]) -> Domain | None:
    path = folder / DOMAIN_FILE
    if not path.is_file():
        problems.append(
            error(
                "WFT-PRJ-001",
                f"`{path.relative_to(root).as_posix()}` is missing",
                Where(folder.relative_to(root).as_posix()),
                why="every folder of a domain declares it there",
                fix=f"`weft new domain {folder.name}` makes one",
            )
        )
        return None
    found = documents.read(path, root, "domain", cache)
    problems += found.problems
    document = found.document
    if document is None:
        return None
    files[document.file] = document.digest
    name = slug_of(folder.name, document, problems)
    if name is None:
        return None
    data = document.data
    problems += role_problems(document)
    of_access = access.read_folder(folder, access.cached(root, cache), problems)
    own = policies.inside(folder, policies.cached(root, cache), problems)
    files.update((policy.file, policy.digest) for policy in (*of_access, *own))
    terms = glossary.read_folder(folder, glossary.cached(root, cache), problems)
    if terms is not None:
        files[terms.file] = terms.digest
    owner = group(data, "owner")
    return Domain(
        name=name,
        title=text(data, "title") or name,
        kind=text(data, "kind") or "",
        description=text(data, "description"),
        owner_team=text(owner, "team") or "",
        owner_contact=text(owner, "contact"),
        members=tuple(Member(text(m, "user") or "", words(m, "roles")) for _, m in entries(data, "members")),
        cost_center=text(data, "costCenter"),
        tags=words(data, "tags"),
        document=document,
        access=of_access,
        policies=own,
        glossary=terms,
    )


def _twice(what: str, document: Document, first: str) -> Diagnostic:
    return error(
        "WFT-PRJ-010",
        f"{what} is declared twice",
        document.where(),
        why=f"the first one stands in `{first}`",
        fix="rename one of the folders",
    )


def _same_ids(products: Iterable[Product]) -> list[Diagnostic]:
    """A diagnostic for each contract or product whose id another one has."""
    first: dict[str, str] = {}
    found = []
    for product in products:
        # Majors of one port may share their contract's id: the version tells them apart.
        owned = [(product.descriptor.id, product.descriptor.document, "")]
        owned += [(p.contract.id, p.contract.document, p.address.unpinned) for p in product.outputs]
        for number, document, port in owned:
            known = first.setdefault(number, f"{document.file}\n{port}")
            file, _, known_port = known.partition("\n")
            if number and file != document.file and (not port or port != known_port):
                found.append(
                    error(
                        "WFT-PRJ-020",
                        f"the id `{number}` belongs to `{file}` already",
                        document.where(("id",)),
                        fix="give it an id of its own, a new UUID",
                    )
                )
    return found
