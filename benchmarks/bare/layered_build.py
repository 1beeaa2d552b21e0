"""The models of `layered.py` built by hand: DuckDB on a file, the same SQL, the same rules, no weft.

    python benchmarks/bare/layered_build.py FOLDER DATABASE

A schema for each product, a table for each model, a view for each input port. Of each port the script asks what its
contract promises: the number of rows, the key unique, no nulls in the columns that are required.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import duckdb

_READ = re.compile(r"(?:from|join) (\w+) as t\d")


def ordered(models: dict[str, str], inputs: list[str]) -> list[str]:
    """The models, each after those that it reads."""
    done = list(inputs)
    left = dict(models)
    while left:
        ready = [name for name, sql in left.items() if all(read in done for read in _READ.findall(sql))]
        done += ready
        for name in ready:
            del left[name]
    return done[len(inputs) :]


def broken(connection: duckdb.DuckDBPyConnection, contract: dict[str, Any]) -> list[str]:
    """Rules of a port's contract that its table breaks."""
    table = contract["schema"][0]
    required = [p["name"] for p in table["properties"] if p.get("required")]
    key = next(p["name"] for p in table["properties"] if p.get("primaryKey"))
    nulls = ", ".join(f"count(*) FILTER ({name} IS NULL)" for name in required)
    found = connection.execute(f"SELECT count(*), count(DISTINCT {key}), {nulls} FROM {table['name']}").fetchone()
    assert found is not None, "an aggregate gives a row"
    rows, keys, *missing = found
    wrong = [] if rows == table["quality"][0]["mustBe"] else [f"{rows} rows"]
    wrong += [] if keys == rows else [f"{rows - keys} keys twice"]
    return wrong + [f"{n} nulls in {name}" for name, n in zip(required, missing, strict=True) if n]


def main() -> None:
    """Builds everything; ends with 1 when a rule is broken."""
    root, database = Path(sys.argv[1]), Path(sys.argv[2])
    database.unlink(missing_ok=True)
    connection = duckdb.connect(str(database))
    wrong: list[str] = []
    for home in sorted(root.glob("domains/*/*/")):
        connection.execute(f"CREATE SCHEMA {home.name}; USE {home.name}")
        inputs = []
        for port in json.loads((home / "product.odps.yaml").read_text(encoding="utf-8"))["inputPorts"]:
            bound = port["customProperties"][0]
            if bound["property"] == "weft.port":
                source = f"{bound['value'].split('.')[1]}.out"
            else:
                source = f"read_csv('{root / bound['value']['file']}')"
            connection.execute(f"CREATE VIEW {port['name']} AS SELECT * FROM {source}")
            inputs.append(port["name"])
        models = {path.stem: path.read_text(encoding="utf-8") for path in sorted(home.glob("models/*.sql"))}
        for name in ordered(models, inputs):
            connection.execute(f"CREATE TABLE {name} AS {models[name]}")
        contract = json.loads((home / "contracts" / "out.odcs.yaml").read_text(encoding="utf-8"))
        wrong += [f"{home.name}: {what}" for what in broken(connection, contract)]
    connection.close()
    if wrong:
        raise SystemExit("\n".join(wrong))


if __name__ == "__main__":
    main()
