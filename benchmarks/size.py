"""Measures what a company's size costs, against targets: whole processes, CPU seconds, medians of interleaved runs.

    python benchmarks/size.py [--models N …] [--runs N] [--build-up-to N] [--weft COMMAND]

For each size a mesh of `layered.py`. Each case is run once to warm up, then rounds go through all cases in turn. What a
case needs (a mesh without cache, a leaf with other SQL) is made ready outside the measured time. First builds, weft's
and the one by hand in `bare/layered_build.py`, are measured up to `--build-up-to` models. Writes
results/size-DATE-COMMIT.json (every run) and RESULTS-size.md; a target that is missed is printed as MISSED.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import shlex
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import machine
from layered import IN_DOMAIN, IN_PRODUCT, generate
from run import HERE, Case, compile_all, measure, wait_for_quiet
from targets import Target

COLD_LOAD = "cold load"
EVERYTHING = "cold, everything of every column"
CHECK = "`weft check`, cold"
WARM_LOAD = "warm load"
WARM_CHECK = "`weft check`, warm"
LINEAGE = "lineage of all columns, cold"
LINEAGE_KNOWN = "lineage of all columns, from the cache"
NOTHING = "`weft apply`, nothing to do"
LEAF = "`weft apply`, one leaf changed"
FIRST = "`weft apply`, first"
BARE = "the same by hand"

LIMITS: dict[str, dict[int, float]] = {
    COLD_LOAD: {1_000: 1.2, 5_000: 4.5, 10_000: 9},
    EVERYTHING: {1_000: 4.5, 5_000: 22, 10_000: 45},
    WARM_LOAD: {1_000: 0.25, 5_000: 0.45, 10_000: 0.8},
    NOTHING: {1_000: 0.6},
    LEAF: {1_000: 0.9},
    LINEAGE_KNOWN: {1_000: 0.6},
    LINEAGE: {1_000: 2.0},
}
"""What each case is to reach, in CPU seconds, by the number of models."""

BUILD_LIMIT = (1_000, 1.3)
"""The first build against the one by hand, and for how many models."""

MEMORY_LIMIT = (5_000, 200.0)
"""Peak memory of a cold load in MB, and for how many models."""

WHAT = {
    COLD_LOAD: "`stages.py load`, no cache: read, validate, parse, references, and the allow-list walk that gives them",
    EVERYTHING: "`stages.py everything`, no cache: the same with types and lineage of every column",
    CHECK: "no cache: the same without lineage",
    WARM_LOAD: "`stages.py load`, nothing changed",
    WARM_CHECK: "nothing changed",
    LINEAGE: "`stages.py everything` where `weft check` has run and no lineage is known",
    LINEAGE_KNOWN: "`stages.py everything`, nothing changed",
    NOTHING: "nothing changed",
    LEAF: "the SQL of one port that nobody reads is another one",
    FIRST: "no `.weft` folder",
    BARE: "`bare/layered_build.py`: DuckDB on a file, no weft",
}


def cases(weft: Sequence[str], folder: Path, models: int, *, build: bool) -> dict[str, Case]:
    """All cases of one size; `folder` is theirs to write in."""
    mesh, checked, applied = folder / "mesh", folder / "checked", folder / "applied"
    generate(mesh, models)
    leaf = _leaf(applied, models)
    versions = iter(range(1, 10**6))

    def stage(name: str, of: Path) -> list[str]:
        return [sys.executable, str(HERE / "stages.py"), name, str(of)]

    def cold(words: Sequence[str]) -> Callable[[], Sequence[str]]:
        def ready() -> Sequence[str]:
            shutil.rmtree(mesh / ".weft", ignore_errors=True)
            return words

        return ready

    def no_lineage() -> Sequence[str]:
        shutil.rmtree(mesh / ".weft", ignore_errors=True)
        shutil.copytree(checked, mesh / ".weft")
        return stage("everything", mesh)

    def other_leaf() -> Sequence[str]:
        text = leaf.read_text(encoding="utf-8").partition("select * ")[0]
        changed = f"select * replace (g + {next(versions)} as g) from joined\n"
        leaf.write_text(f"{text}{changed}", encoding="utf-8")
        return [*weft, "-C", str(applied), "apply"]

    found = [
        Case(COLD_LOAD, cold(stage("load", mesh))),
        Case(WARM_LOAD, lambda: stage("load", mesh)),
        Case(CHECK, cold([*weft, "-C", str(mesh), "check"])),
        Case(WARM_CHECK, lambda: [*weft, "-C", str(mesh), "check"]),
        Case(EVERYTHING, cold(stage("everything", mesh))),
        Case(LINEAGE, no_lineage),
        Case(LINEAGE_KNOWN, lambda: stage("everything", mesh)),
    ]
    measure([*weft, "-C", str(mesh), "check"])
    shutil.copytree(mesh / ".weft", checked)
    if build:
        by_hand = [sys.executable, str(HERE / "bare" / "layered_build.py"), str(mesh), str(folder / "bare.db")]
        shutil.copytree(mesh, applied, ignore=shutil.ignore_patterns(".weft"))
        measure([*weft, "-C", str(applied), "apply"])
        found += [
            Case(BARE, lambda: by_hand),
            Case(FIRST, cold([*weft, "-C", str(mesh), "apply"])),
            Case(NOTHING, lambda: [*weft, "-C", str(applied), "apply"]),
            Case(LEAF, other_leaf),
        ]
    return {case.name: case for case in found}


def _leaf(mesh: Path, models: int) -> Path:
    """The SQL of the last product's port: no product reads it."""
    last = models // IN_PRODUCT - 1
    return mesh / "domains" / f"d{last // IN_DOMAIN:03}" / f"p{last:04}" / "models" / "out.sql"


def targets(sizes: dict[int, dict[str, Case]]) -> list[Target]:
    """The figures that have a limit, and what they are to reach."""
    found = [
        Target(f"{name}, {models:,} models", of[name].cpu_s, LIMITS[name][models], " s")
        for name in LIMITS
        for models, of in sizes.items()
        if name in of and models in LIMITS[name]
    ]
    models, limit = BUILD_LIMIT
    of = sizes.get(models, {})
    if FIRST in of:
        found.append(Target(f"{FIRST}, {models:,} models, {BARE}", of[FIRST].cpu_s / of[BARE].cpu_s, limit, " ×"))
    models, limit = MEMORY_LIMIT
    if models in sizes:
        found.append(Target(f"peak memory of a cold load, {models:,} models", _peak(sizes[models]), limit, " MB"))
    return found


def _peak(of: dict[str, Case]) -> float:
    return of[COLD_LOAD].peak_mb


def report(sizes: dict[int, dict[str, Case]], reached: list[Target], about: dict[str, str]) -> str:
    """The page of results."""
    runs = len(next(iter(next(iter(sizes.values())).values())).runs)
    lines = [
        "# Results: the size of a company",
        "",
        f"Measured by `python benchmarks/size.py` on {about['date']} at commit {about['commit']}: medians of {runs} "
        "interleaved runs after one to warm up, whole processes, processor time of user and system with children, "
        f"compiled bytecode. Every run stands in `results/{about['file']}`. The meshes are those of `layered.py`: "
        "models of 8 columns, 1 to 3 parents, 20 a product, of which one is a port with rules.",
        "",
        "| target | to reach | measured | |",
        "|---|---|---|---|",
        *(f"| {t.text} | ≤ {t.limit:g}{t.unit} | {t.figure:.2f}{t.unit} | {t.verdict} |" for t in reached),
    ]
    for models, of in sizes.items():
        lines += [
            "",
            f"## {models:,} models",
            "",
            "| case | what is run | CPU s | from | to | ms a model | peak MB |",
            "|---|---|---|---|---|---|---|",
        ]
        for case in of.values():
            seconds = [run.cpu_s for run in case.runs]
            lines.append(
                f"| {case.name} | {WHAT[case.name]} | {case.cpu_s:.2f} | {min(seconds):.2f} | {max(seconds):.2f} | "
                f"{case.cpu_s / models * 1000:.2f} | {case.peak_mb:.0f} |"
            )
    lines += ["", "## The machine", "", "| | |", "|---|---|"]
    lines += [f"| {key} | {value} |" for key, value in machine.description().items()]
    return "\n".join([*lines, f"| load before and after the runs | {about['load']}, {about['load_after']} |", ""])


def write(sizes: dict[int, dict[str, Case]], reached: list[Target], load: float) -> None:
    """Writes every run and the page of results: after each size, as the larger ones take long."""
    today, commit = datetime.datetime.now(datetime.UTC).date().isoformat(), machine.commit()
    about = {"date": today, "commit": commit, "file": f"size-{today}-{commit.rstrip('+')}.json"}
    about |= {"load": f"{load:.2f}", "load_after": f"{os.getloadavg()[0]:.2f}"}
    raw = {
        **about,
        "machine": machine.description(),
        "targets": [{"text": t.text, "figure": t.figure, "limit": t.limit, "verdict": t.verdict} for t in reached],
        "models": {
            str(models): {c.name: [{"cpu_s": r.cpu_s, "peak_mb": r.peak_mb} for r in c.runs] for c in of.values()}
            for models, of in sizes.items()
        },
    }
    (HERE / "results").mkdir(exist_ok=True)
    (HERE / "results" / about["file"]).write_text(json.dumps(raw, indent=1) + "\n", encoding="utf-8")
    (HERE / "RESULTS-size.md").write_text(report(sizes, reached, about), encoding="utf-8")


def main() -> None:
    """Measures, prints and writes the results."""
    parser = argparse.ArgumentParser(description="Measure what a company's size costs.")
    parser.add_argument("--models", type=int, nargs="+", default=[1_000], help="sizes: 100 1000 5000 10000")
    parser.add_argument("--runs", type=int, default=5, help="rounds through all cases of a size")
    parser.add_argument("--build-up-to", type=int, default=1_000, help="measure first builds up to so many models")
    parser.add_argument("--weft", default=None, help="the command to measure; this environment's weft if not given")
    parser.add_argument("--quiet-load", type=float, default=1.0, help="wait until the load is below this")
    parser.add_argument("--wait", type=float, default=300.0, help="but at most so many seconds")
    arguments = parser.parse_args()
    script = Path(sys.executable).with_name("weft")
    own = [str(script)] if script.exists() else [sys.executable, "-m", "weft.cli.main"]
    weft = shlex.split(arguments.weft) if arguments.weft else own
    compile_all()
    load = wait_for_quiet(arguments.quiet_load, arguments.wait)
    sizes: dict[int, dict[str, Case]] = {}
    for models in arguments.models:
        with tempfile.TemporaryDirectory() as scratch:
            of = sizes[models] = cases(weft, Path(scratch), models, build=models <= arguments.build_up_to)
            for number in range(arguments.runs + 1):
                for case in of.values():
                    run = measure(case.command())
                    if number:
                        case.runs.append(run)
                print(f"{models:,} models: round {number} done", file=sys.stderr)
        write(sizes, targets(sizes), load)
    for target in targets(sizes):
        print(f"{target.verdict:8} {target.figure:7.2f}{target.unit}  (≤ {target.limit:g})  {target.text}")


if __name__ == "__main__":
    main()
