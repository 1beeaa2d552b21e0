"""`weft verify` of 20 million rows against queries by hand, once with good keys and once with keys that occur twice.

    python benchmarks/large.py [--runs N]

The rows are the flights of the example sixty times, with three keys. Writes RESULTS-large.md. Takes some minutes and
1 GB of disk.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import duckdb
import machine
from run import HERE, Case, Target, compile_all, measure, wait_for_quiet

COPIES = 60


def prepare(folder: Path) -> None:
    """Writes the files `good.parquet` and `bad.parquet`, and their contract."""
    measure([sys.executable, str(HERE / "bare" / "first_apply.py"), "--out", str(folder / "bare")])
    connection = duckdb.connect()
    connection.execute(f"set memory_limit = '4GB'; set temp_directory = '{folder}'")
    connection.execute(
        f"create table flights as select row_number() over () as rn, * from '{folder / 'bare' / 'flights.parquet'}'"
    )
    rows = (
        "select b::integer as batch, date '2014-01-01' + b::integer as loaded_on, b * 400000 + rn as row_id,"
        " 'F' || lpad((b * 400000 + rn)::varchar, 12, '0') as row_code, flights.* exclude (rn)"
        f" from range({COPIES}) as t(b), flights"
    )
    again = f"select * from ({rows}) where batch = 0 and row_id <= 1000"
    for name, query in (("good", rows), ("bad", f"{rows} union all {again}")):
        connection.execute(f"copy ({query}) to '{folder / name}.parquet' (format parquet, compression zstd)")
    (folder / "flights.odcs.yaml").write_text(json.dumps(document(), indent=1), encoding="utf-8")


def document() -> dict[str, object]:
    """The contract; the bare script says the same in SQL."""

    def column(name: str, kind: str, **fields: object) -> dict[str, object]:
        return {"name": name, "logicalType": kind, **fields}

    def within(low: object, high: object) -> dict[str, object]:
        return {"logicalTypeOptions": {"minimum": low, "maximum": high}}

    def like(pattern: str) -> dict[str, object]:
        return {"logicalTypeOptions": {"pattern": pattern}}

    def few(limit: float) -> dict[str, list[dict[str, object]]]:
        return {"quality": [{"metric": "nullValues", "unit": "percent", "mustBeLessThan": limit}]}

    instant = {"logicalTypeOptions": {"timezone": True}}
    needed = {"required": True}
    known = {"pattern": "^N[1-9][0-9A-Z]{2,5}$"}
    form = {"metric": "invalidValues", "arguments": known, "unit": "percent", "mustBeLessThan": 1}
    columns = [
        column("batch", "integer", **needed, **within(0, COPIES - 1)),
        column("loaded_on", "date", **needed, **within("2014-01-01", "2014-03-01")),
        column("row_id", "integer", **needed, primaryKey=True),
        column("row_code", "string", **needed, unique=True, **like("^F[0-9]{12}$")),
        column("flight_date", "date", **needed, **within("2013-01-01", "2013-12-31")),
        column("carrier", "string", **needed, logicalTypeOptions={"minLength": 2, "maxLength": 2}),
        column("flight", "integer", **needed, **within(1, 8500)),
        column("tailnum", "string", quality=[*few(1)["quality"], form]),
        column("origin", "string", **needed, **like("^(EWR|JFK|LGA)$")),
        column("dest", "string", **needed, **like("^[A-Z]{3}$")),
        column("sched_dep_local", "timestamp"),
        column("sched_dep_utc", "timestamp", **needed, **instant),
        column("dep_local", "timestamp"),
        column("dep_utc", "timestamp", **instant, **few(5)),
        column("sched_arr_local", "timestamp"),
        column("sched_arr_utc", "timestamp", **needed, **instant),
        column("arr_local", "timestamp"),
        column("arr_utc", "timestamp", **instant, **few(5)),
        column("sched_dep_hour_utc", "timestamp", **needed, **instant),
        column("dep_delay", "integer", **within(-60, 1500)),
        column("arr_delay", "integer", **within(-120, 1500)),
        column("air_time", "integer", **within(20, 700), **few(5)),
        column("distance", "integer", **needed, **within(17, 4983)),
        column("cancelled", "boolean", **needed),
    ]
    natural = {"properties": ["batch", "flight_date", "carrier", "flight", "origin"]}
    rules = [
        {"metric": "rowCount", "mustBeGreaterThan": 20_000_000},
        {"metric": "duplicateValues", "mustBe": 0, "arguments": natural},
    ]
    head = {"apiVersion": "v3.1.0", "kind": "DataContract", "id": "large", "version": "1.0.0", "status": "active"}
    return {**head, "schema": [{"name": "flights", "quality": rules, "properties": columns}]}


def main() -> None:
    """Measures, prints and writes the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--prepare", type=Path, help="only write the files, into this folder")
    arguments = parser.parse_args()
    if arguments.prepare:
        prepare(arguments.prepare)
        return
    runs = arguments.runs
    compile_all()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        # Apart, because the peak memory of a process counts from that of the one which starts it.
        subprocess.run([sys.executable, __file__, "--prepare", scratch], check=True)
        contract = folder / "flights.odcs.yaml"
        weft = [str(Path(sys.executable).with_name("weft")), "verify", str(contract), "--data"]
        bare = [sys.executable, str(HERE / "bare" / "verify_large.py")]
        cases = [
            case
            for name in ("good", "bad")
            for case in (
                Case(f"{name} keys, bare", lambda name=name: [*bare, str(folder / f"{name}.parquet")]),
                Case(f"{name} keys", lambda name=name: [*weft, str(folder / f"{name}.parquet")]),
            )
        ]
        load = wait_for_quiet(1.0, 120)
        for number in range(runs):
            for case in cases:
                # that keys which occur twice are found, weft says by ending with 1
                case.runs.append(measure(case.command(), good=(1,) if case.name == "bad keys" else (0,)))
            print(f"round {number + 1} done", file=sys.stderr)
    of = {case.name: case for case in cases}
    targets = [
        Target(
            f"`weft verify`, 20 million rows, {name} keys",
            of[name + " keys"].cpu_s / of[name + " keys, bare"].cpu_s,
            1.1,
            " ×",
        )
        for name in ("good", "bad")
    ] + [
        Target(f"the same, {name} keys, peak memory", of[f"{name} keys"].peak_mb, 1000, " MB")
        for name in ("good", "bad")
    ]
    lines = [
        "# Verifying 20 million rows",
        "",
        f"Measured by `python benchmarks/large.py` at commit {machine.commit()}: medians of {runs} interleaved runs,",
        f"whole processes, processor time. 24 columns, three keys; load before {load:.2f}.",
        "",
        "| target | to reach | measured | |",
        "|---|---|---|---|",
        *(f"| {t.text} | ≤ {t.limit:g}{t.unit} | {t.figure:.3f}{t.unit} | {t.verdict} |" for t in targets),
        "",
        "| case | CPU s | peak MB |",
        "|---|---|---|",
        *(f"| {c.name} | {c.cpu_s:.2f} | {c.peak_mb:.0f} |" for c in cases),
        "",
    ]
    print("\n".join(lines))
    (HERE / "RESULTS-large.md").write_text("\n".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
