"""A mesh of two products with two ports each, written by tests: small enough to kill a hundred times."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from dataclasses import dataclass
from pathlib import Path

from tests.command_server import command_server, starts_alike

ROWS = 2_000


@dataclass
class TestMesh:
    """A mesh in a folder, and the command line in a process of its own."""

    __test__ = False
    root: Path

    def path(self, relative: str) -> Path:
        return self.root / relative

    def write(self, relative: str, text: str) -> Path:
        path = self.path(relative)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def edit(self, relative: str, old: str, new: str) -> None:
        text = self.path(relative).read_text(encoding="utf-8")
        assert old in text, f"{old!r} is not in {relative}"
        self.path(relative).write_text(text.replace(old, new), encoding="utf-8")

    def weft(self, *words: str, today: str | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
        """Runs a command; `today` is the day that its clock shows, at noon UTC."""
        env = {**os.environ, "NO_COLOR": "1", **environment}
        if starts_alike(env):
            return command_server().run(words, cwd=self.root, env=env, timeout=120, today=today)
        return subprocess.run(
            command(*words, today=today),
            cwd=self.root,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            env=env,
        )

    def json(self, *words: str, expect: int = 0, today: str | None = None) -> dict:
        done = self.weft(*words, "--format", "json", today=today)
        assert done.returncode == expect, done.stdout + done.stderr
        return json.loads(done.stdout)

    def rows(self, port: str) -> list[list]:
        return self.json("query", f"select * from {port} order by 1")["rows"]


def command(*words: str, today: str | None = None) -> list[str]:
    """The command line of this checkout, on the machine's clock or one that shows noon of a day."""
    clock = f"import datetime, weft.wiring as w; w.clock = lambda: datetime.datetime.fromisoformat('{today}T12:00Z'); "
    return [sys.executable, "-c", f"{clock if today else ''}from weft.cli.main import main; main()", *words]


def number(name: str) -> str:
    """The same id for the same name."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, name))


def descriptor(domain: str, product: str, inputs: list[dict], outputs: list[str]) -> str:
    """A product's descriptor; JSON is YAML."""
    return json.dumps(
        {
            "apiVersion": "v1.0.0",
            "kind": "DataProduct",
            "id": number(f"{domain}.{product}"),
            "name": product,
            "status": "active",
            "inputPorts": inputs,
            "outputPorts": [
                {"name": o, "version": "1.0.0", "contractId": number(f"{domain}.{product}.{o}")} for o in outputs
            ],
        },
        indent=2,
    )


def source(name: str, **fields: object) -> dict:
    """An input port bound to a file."""
    return {
        "name": name,
        "version": "1.0.0",
        "contractId": "none",
        "customProperties": [{"property": "weft.source", "value": fields}],
    }


def port(name: str, address: str) -> dict:
    """An input port bound to another product's port."""
    return {
        "name": name,
        "version": "1.0.0",
        "contractId": number(address.partition("@")[0]),
        "customProperties": [{"property": "weft.port", "value": address}],
    }


def contract(address: str, properties: list[dict], **fields: object) -> str:
    """A port's contract, a field to a line."""
    return json.dumps(
        {
            "apiVersion": "v3.1.0",
            "kind": "DataContract",
            "id": number(address),
            "version": "1.0.0",
            "status": "active",
            "schema": [{"name": address.rpartition(".")[2], "properties": properties}],
            **fields,
        },
        indent=2,
    )


def two_products(root: Path, batch: int = 1) -> TestMesh:
    """`sales.orders` with ports `orders` and `totals`, and `report.daily` with `big` and `small` built from them.

    Every row of every port carries the batch, so that a reader sees which rows belong together.
    """
    mesh = TestMesh(root)
    mesh.write("weft.toml", '[mesh]\nname = "two"\n')
    source_rows(mesh, batch)
    for domain in ("sales", "report"):
        text = json.dumps({"name": domain, "kind": "source-aligned", "owner": {"team": domain.title()}}, indent=2)
        mesh.write(f"domains/{domain}/domain.yaml", text)
    mesh.write(
        "domains/sales/orders/product.odps.yaml",
        descriptor("sales", "orders", [source("raw", file="data/orders.csv")], ["orders", "totals"]),
    )
    key = {"name": "id", "id": "id", "logicalType": "integer", "primaryKey": True, "required": True}
    batch_column = {"name": "batch", "id": "batch", "logicalType": "integer", "required": True}
    amount = {
        "name": "amount",
        "id": "amount",
        "logicalType": "integer",
        "logicalTypeOptions": {"minimum": 0},
    }
    day = {"name": "day", "id": "day", "logicalType": "integer", "primaryKey": True, "required": True}
    mesh.write(
        "domains/sales/orders/contracts/orders.odcs.yaml",
        contract("sales.orders.orders", [key, batch_column, amount, {**day, "primaryKey": False}]),
    )
    mesh.write(
        "domains/sales/orders/contracts/totals.odcs.yaml",
        contract("sales.orders.totals", [day, batch_column, amount]),
    )
    mesh.write(
        "domains/sales/orders/models/orders.sql",
        "select\n    id::integer as id,\n    batch::integer as batch,\n    amount::integer as amount,\n"
        "    day::integer as day\nfrom raw\n",
    )
    mesh.write(
        "domains/sales/orders/models/totals.sql",
        "select day, max(batch)::integer as batch, sum(amount)::integer as amount\nfrom orders\ngroup by day\n",
    )
    mesh.write(
        "domains/report/daily/product.odps.yaml",
        descriptor(
            "report",
            "daily",
            [port("orders", "sales.orders.orders@1"), port("totals", "sales.orders.totals@1")],
            ["big", "small"],
        ),
    )
    for name, sign in (("big", ">="), ("small", "<")):
        mesh.write(
            f"domains/report/daily/contracts/{name}.odcs.yaml",
            contract(f"report.daily.{name}", [key, batch_column, amount]),
        )
        mesh.write(
            f"domains/report/daily/models/{name}.sql",
            f"select o.id, o.batch, o.amount\nfrom orders o join totals t using (day)\nwhere o.amount {sign} 50\n",
        )
    return mesh


def source_rows(mesh: TestMesh, batch: int, rows: int = ROWS) -> None:
    """The source's file, every row of one batch."""
    lines = [f"{i},{batch},{(i * 7 + batch) % 100},{i % 10}" for i in range(rows)]
    temporary = mesh.write("data/orders.csv.new", "id,batch,amount,day\n" + "\n".join(lines) + "\n")
    temporary.replace(mesh.path("data/orders.csv"))


def with_model_by_time(root: Path, product: str) -> None:
    """Has a product whose files lie in a folder a private model that is built by time; makes the files it lacks."""
    domain, _, name = product.partition(".")
    for file in (f"domains/{domain}/domain.yaml", f"domains/{domain}/{name}/product.odps.yaml"):
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        if not (root / file).exists():
            (root / file).write_text("{}\n")
    model = root / f"domains/{domain}/{name}/models/by_day.sql"
    model.parent.mkdir(exist_ok=True)
    model.write_text("/* weft\nmaterialized: incremental\ntime_column: day\n*/\nselect date '2026-01-01' as day\n")
