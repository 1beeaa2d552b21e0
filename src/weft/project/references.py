"""Names in the SQL of a product: which mean one thing, and which a model may read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from weft.errors import Diagnostic, did_you_mean, error
from weft.model.mesh import InputPort, Model, Reference


def clashes(inputs: tuple[InputPort, ...], models: Mapping[str, Model]) -> list[Diagnostic]:
    """Input ports and models of one name: they share a namespace in SQL."""
    problems: list[Diagnostic] = []
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
    return problems


def reference_problems(
    inputs: tuple[InputPort, ...], models: Mapping[str, Model], declared: Sequence[str] = ()
) -> list[Diagnostic]:
    """What is wrong with what models read: tables that are not there, circles.

    Args:
        declared: names of all input ports, those too that something is wrong with: that is told at the port alone.
    """
    problems: list[Diagnostic] = []
    names = [*dict.fromkeys([*(i.name for i in inputs), *declared, *models])]
    for model in models.values():
        unknown = _unknown_table if model.python is None else _unknown_argument
        problems += [unknown(r, names) for r in model.references if r.name not in names]
    return problems + _cycles(models)


def _unknown_table(reference: Reference, names: list[str]) -> Diagnostic:
    return error(
        "WFT-SQL-003",
        f"unknown table `{reference.name}`",
        reference.where,
        why="a model reads the other models of its product and the product's input ports",
        fix=did_you_mean(reference.name, names, otherwise="declare an input port of that name in product.odps.yaml"),
    )


def _unknown_argument(reference: Reference, names: list[str]) -> Diagnostic:
    return error(
        "WFT-PYM-003",
        f"argument `{reference.name}` is no input",
        reference.where,
        why="the arguments of a Python model are named like models of its product and the product's input ports",
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
