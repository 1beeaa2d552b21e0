"""The order of dependencies between products, across domains."""

from __future__ import annotations

from weft.errors import ProjectError, error
from weft.model.address import Address, ProductAddress
from weft.model.mesh import Mesh, Product
from weft.plan.selection import Graph


def reads(mesh: Mesh) -> Graph:
    """Which products of the mesh each product reads, itself left out."""
    return {
        product.address: frozenset(
            i.binding.of_product
            for i in product.inputs
            if isinstance(i.binding, Address) and i.binding.of_product != product.address
        )
        for product in mesh.products.values()
    }


def build_order(mesh: Mesh) -> tuple[Product, ...]:
    """The products, each after all that it reads; ties by address, so that a plan reads the same every time.

    Raises:
        ProjectError: WFT-PLN-002, products read each other in a circle; the message names the circle.
    """
    edges = reads(mesh)
    ordered: dict[ProductAddress, Product] = {}
    path: list[ProductAddress] = []

    def visit(address: ProductAddress) -> None:
        if address in ordered or address not in mesh.products:
            return
        if address in path:
            raise _cycle(mesh, [*path[path.index(address) :], address])
        path.append(address)
        for upstream in sorted(edges[address]):
            visit(upstream)
        path.pop()
        ordered[address] = mesh.products[address]

    for address in sorted(mesh.products):
        visit(address)
    return tuple(ordered.values())


def _cycle(mesh: Mesh, circle: list[ProductAddress]) -> ProjectError:
    first, second = circle[0], circle[1]
    port = next(
        i for i in mesh.products[first].inputs if isinstance(i.binding, Address) and i.binding.of_product == second
    )
    return ProjectError(
        error(
            "WFT-PLN-002",
            f"products read each other in a circle: {' → '.join(map(str, circle))}",
            port.where,
            why="none of them could be built first",
            fix="move what both need into a product of its own, and let both read that",
        )
    )
