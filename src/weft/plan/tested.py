"""Which unit tests a command means."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from weft.model.address import Address
from weft.model.mesh import Mesh
from weft.model.unit_test import UnitTest


def chosen(
    tests: Sequence[UnitTest], arguments: Sequence[str], mesh: Mesh, ports: Callable[[str], Iterable[Address]]
) -> tuple[UnitTest, ...]:
    """The tests of the models that the arguments mean together; all of them without arguments.

    Args:
        ports: what an argument that names no model means among ports; raises when it means nothing.
    """
    if not arguments:
        return tuple(tests)
    models: set[str] = set()
    for argument in arguments:
        named = _named(argument, mesh)
        models |= named or _needed(ports(argument), mesh)
    return tuple(t for t in tests if t.address in models)


def _named(argument: str, mesh: Mesh) -> set[str]:
    """Models whose names are the argument, or begin with it."""
    return {
        f"{product.address}.{model.name}"
        for product in mesh.products.values()
        for model in product.models
        if f"{product.address}.{model.name}.".startswith(f"{argument}.")
    }


def _needed(ports: Iterable[Address], mesh: Mesh) -> set[str]:
    """The models that ports are made from, in their own products."""
    found: set[str] = set()
    for address in ports:
        port, product = mesh.port(address), mesh.products.get(address.of_product)
        if port is not None and product is not None:
            found |= {f"{product.address}.{m.name}" for m in product.needs(port.model)}
    return found
