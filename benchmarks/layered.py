"""A mesh of many small models in layers, to measure what a company's size costs.

    python benchmarks/layered.py FOLDER [--models N]

Twenty models make a product: nineteen private ones and its output port; ten products make a domain. Each model has
8 columns and one to three parents: earlier models of its product, for the first ones the ports of earlier products, for
the very first product a file of 1,000 rows. Every fifth model has a rule, which stands in its product's contract. The
same N gives the same files.
"""

from __future__ import annotations

import argparse
import json
import random
import uuid
from pathlib import Path

IN_PRODUCT = 20
IN_DOMAIN = 10
ROWS = 1_000
_SOURCE = -1_000_000_000
NUMBERS = ("a", "b", "c", "d", "e", "f", "g")
EXPRESSIONS = (
    "{t}.{x} + {u}.{y}",
    "coalesce({t}.{x}, {u}.{y})",
    "case when {t}.{x} > 500 then {t}.{x} else {u}.{y} end",
    "{t}.{x} * 2 - {u}.{y} % 7",
    "greatest({t}.{x}, {u}.{y})",
)


def contract_id(product: int) -> str:
    """The id of the contract of a product's port."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"layered/{product}"))


def address(product: int) -> str:
    """Domain and product."""
    return f"d{product // IN_DOMAIN:03}.p{product:04}"


def model(name: str, parents: list[str], chance: random.Random) -> str:
    """The SQL of a model: its parents joined by `id`, seven numbers made of theirs, the fifth model grouped."""
    tables = [f"{parent} as t{i}" for i, parent in enumerate(parents)]
    joins = "".join(f"\nleft join {table} using (id)" for table in tables[1:])

    def one(column: str) -> str:
        t, u = (f"t{chance.randrange(len(parents))}" for _ in range(2))
        x, y = chance.choice(NUMBERS), chance.choice(NUMBERS)
        return f"    {chance.choice(EXPRESSIONS).format(t=t, u=u, x=x, y=y)} % 100000 as {column}"

    columns = ",\n".join(one(column) for column in NUMBERS)
    joined = f"select\n    id,\n{columns}\nfrom {tables[0]}{joins}"
    return f"-- {name}\nwith joined as (\n{joined}\n)\n\nselect * from joined\n"


def contract(product: int) -> dict[str, object]:
    """The contract of a product's port: a key, and a rule for each fifth model."""
    numbers = [
        {"name": name, "logicalType": "integer", "physicalType": "BIGINT", "required": i < 4}
        for i, name in enumerate(NUMBERS)
    ]
    key = {"name": "id", "logicalType": "integer", "physicalType": "BIGINT", "primaryKey": True, "required": True}
    table = {"name": "out", "properties": [key, *numbers], "quality": [{"metric": "rowCount", "mustBe": ROWS}]}
    head = {"apiVersion": "v3.1.0", "kind": "DataContract", "id": contract_id(product), "version": "1.0.0"}
    return {**head, "name": f"p{product:04}", "status": "active", "schema": [table]}


def source() -> dict[str, object]:
    """The contract of the file that the first product reads."""
    columns = [{"name": n, "logicalType": "integer", "physicalType": "BIGINT"} for n in ("id", *NUMBERS)]
    head = {"apiVersion": "v3.1.0", "kind": "DataContract", "id": contract_id(_SOURCE), "version": "1.0.0"}
    return {**head, "name": "first", "status": "active", "schema": [{"name": "first", "properties": columns}]}


def generate(folder: Path, models: int) -> None:
    """Writes the mesh."""
    chance = random.Random(models)
    (folder / "data").mkdir(parents=True)
    (folder / "weft.toml").write_text('[mesh]\nname = "layered"\n', encoding="utf-8")
    lines = [",".join(("id", *NUMBERS)), *(",".join(str((i * k) % 997) for k in range(1, 9)) for i in range(ROWS))]
    lines[1:] = [f"{i},{line.split(',', 1)[1]}" for i, line in enumerate(lines[1:])]
    (folder / "data" / "first.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    for product in range(models // IN_PRODUCT):
        domain = folder / "domains" / f"d{product // IN_DOMAIN:03}"
        home = domain / f"p{product:04}"
        (home / "contracts" / "sources").mkdir(parents=True)
        (home / "models").mkdir()
        if not (domain / "domain.yaml").exists():
            owner = {"team": domain.name, "contact": f"{domain.name}@example.com"}
            told = {"name": domain.name, "title": domain.name, "kind": "source-aligned", "owner": owner}
            members = [{"user": "ada@example.com", "roles": ["owner"]}]
            (domain / "domain.yaml").write_text(json.dumps({**told, "members": members}, indent=1), encoding="utf-8")
        before = sorted(chance.sample(range(product), min(product, chance.randint(1, 3))))
        inputs = [_input(earlier) for earlier in before] or [_of_source()]
        names = [str(port["name"]) for port in inputs]
        unused = list(names)
        for number in range(IN_PRODUCT):
            name = "out" if number == IN_PRODUCT - 1 else f"m{number:02}"
            wide = 3 if name == "out" or len(unused) > 3 else chance.randint(1, 3)
            known = [n for n in names[-6:] if n not in unused]
            parents = [*unused[:wide], *chance.sample(known, min(len(known), max(0, wide - len(unused))))]
            unused = [*unused[wide:], name]
            (home / "models" / f"{name}.sql").write_text(model(name, parents, chance), encoding="utf-8")
            names.append(name)
        if not before:
            (home / "contracts" / "sources" / "first.odcs.yaml").write_text(json.dumps(source()), encoding="utf-8")
        (home / "contracts" / "out.odcs.yaml").write_text(json.dumps(contract(product), indent=1), encoding="utf-8")
        output = {"name": "out", "type": "table", "version": "1.0.0", "contractId": contract_id(product)}
        head = {"apiVersion": "v1.0.0", "kind": "DataProduct", "id": contract_id(-product - 1), "version": "1.0.0"}
        told = {**head, "name": home.name, "status": "active", "domain": domain.name}
        descriptor = {**told, "inputPorts": inputs, "outputPorts": [output]}
        (home / "product.odps.yaml").write_text(json.dumps(descriptor, indent=1), encoding="utf-8")


def _input(earlier: int) -> dict[str, object]:
    bound = [{"property": "weft.port", "value": f"{address(earlier)}.out@1"}]
    port = {"name": f"i{earlier:04}", "version": "1.0.0", "contractId": contract_id(earlier)}
    return {**port, "customProperties": bound}


def _of_source() -> dict[str, object]:
    bound = [{"property": "weft.source", "value": {"file": "data/first.csv"}}]
    return {"name": "first", "version": "1.0.0", "contractId": contract_id(_SOURCE), "customProperties": bound}


def main() -> None:
    """Writes the mesh that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--models", type=int, default=1_000)
    arguments = parser.parse_args()
    generate(arguments.folder, arguments.models)


if __name__ == "__main__":
    main()
