"""SELECT arguments: which ports a command means."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from weft.errors import UsageError, did_you_mean, error
from weft.model.address import Address, ProductAddress
from weft.model.mesh import Mesh

Graph = Mapping[ProductAddress, frozenset[ProductAddress]]
"""Which products a product reads."""


def select(
    arguments: Sequence[str],
    ports: Iterable[Address],
    reads: Graph,
    *,
    tags: Callable[[Address], Iterable[str]],
    changed: Callable[[], Iterable[Address]],
) -> frozenset[Address]:
    """The ports that the arguments mean together; all of them without arguments.

    An argument is an address or a prefix of one (`operations`, `operations.on_time`), `+x` with all that x reads,
    `x+` with all that reads x, `tag:NAME`, or `changed`.

    Raises:
        UsageError: WFT-PLN-008, an argument matches nothing; all such arguments at once.
    """
    everything = frozenset(ports)
    if not arguments:
        return everything
    found: set[Address] = set()
    problems = []
    for argument in arguments:
        matched = _one(argument, everything, reads, tags=tags, changed=changed)
        if not matched and argument != "changed":
            name = argument.strip("+")
            fix = did_you_mean(name, _names(everything), otherwise="`weft search` finds ports by words")
            problems.append(error("WFT-PLN-008", f"`{argument}` matches no port of this mesh", fix=fix))
        found |= matched
    if problems:
        raise UsageError(*problems)
    return frozenset(found)


def meant(arguments: Sequence[str], mesh: Mesh, reads: Graph) -> frozenset[ProductAddress] | None:
    """The products that the arguments name, with all that they read; None where that hangs on more than names."""
    found: set[ProductAddress] = set()
    for argument in arguments:
        if argument == "changed" or argument.startswith("tag:"):
            return None
        wanted = argument.strip("+").partition("@")[0].split(".")
        named = {p for p in mesh.products if [p.domain, p.product][: len(wanted[:2])] == wanted[:2]}
        if not named:
            return None
        found |= closure(named, reversed_graph(reads)) if argument.endswith("+") else named
    return closure(found, reads) & mesh.products.keys()


def closure(products: Iterable[ProductAddress], edges: Graph) -> frozenset[ProductAddress]:
    """The products and everything reachable from them along the edges."""
    seen: set[ProductAddress] = set()
    waiting = list(products)
    while waiting:
        product = waiting.pop()
        if product not in seen:
            seen.add(product)
            waiting.extend(edges.get(product, ()))
    return frozenset(seen)


def reversed_graph(edges: Graph) -> Graph:
    """Which products read a product."""
    turned: dict[ProductAddress, set[ProductAddress]] = {}
    for product, inputs in edges.items():
        for upstream in inputs:
            turned.setdefault(upstream, set()).add(product)
    return {product: frozenset(readers) for product, readers in turned.items()}


def _one(
    argument: str,
    everything: frozenset[Address],
    reads: Graph,
    *,
    tags: Callable[[Address], Iterable[str]],
    changed: Callable[[], Iterable[Address]],
) -> frozenset[Address]:
    if argument == "changed":
        return frozenset(changed()) & everything
    if argument.startswith("tag:"):
        return frozenset(a for a in everything if argument[4:] in tags(a))
    name = argument.strip("+")
    matched = frozenset(a for a in everything if _matches(name, a))
    products = {a.of_product for a in matched}
    reached: set[ProductAddress] = set()
    if argument.startswith("+"):
        reached |= closure(products, reads)
    if argument.endswith("+"):
        reached |= closure(products, reversed_graph(reads))
    return matched | frozenset(a for a in everything if a.of_product in reached - products)


def _matches(name: str, address: Address) -> bool:
    if "@" in name or name.count(".") >= 2:
        return name in (str(address), address.unpinned)
    return f"{address.unpinned}.".startswith(f"{name}.")


def _names(ports: Iterable[Address]) -> list[str]:
    names: set[str] = set()
    for address in ports:
        names |= {str(address), address.unpinned, str(address.of_product), address.domain}
    return sorted(names)


def folder_of(argument: str, mesh: Mesh) -> str:
    """The folder of a product, or of a domain, with a slash at its end.

    Raises:
        UsageError: WFT-PLN-008, the mesh has no such domain or product.
    """
    parts = argument.partition("@")[0].split(".")
    for product in mesh.products.values():
        if len(parts) > 1 and (product.address.domain, product.address.product) == (parts[0], parts[1]):
            return product.descriptor.document.file.rpartition("/")[0] + "/"
    if len(parts) == 1 and parts[0] in mesh.domains:
        return mesh.domains[parts[0]].document.file.rpartition("/")[0] + "/"
    known = [str(p) for p in mesh.products] + list(mesh.domains)
    what = f"`{argument}` matches nothing in this mesh"
    raise UsageError(error("WFT-PLN-008", what, fix=did_you_mean(argument, known)))
