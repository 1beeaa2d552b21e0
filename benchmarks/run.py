"""Measures weft against its targets: whole processes, CPU seconds, medians of interleaved runs.

    python benchmarks/run.py [--runs N] [--weft COMMAND] [--quiet-load L] [--wait S]

Each case is run once to warm up, then N rounds go through all cases in turn, so that a change of the machine's mood
meets them all. Counted is the processor time (user and system) and the peak memory of the process and its children.
A fresh copy of the example is made for each first apply, outside the measured time. A target that is missed is printed
as MISSED with its figure. Writes results/DATE-COMMIT.json (every run) and RESULTS.md.
"""

from __future__ import annotations

import argparse
import compileall
import datetime
import importlib.util
import json
import os
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import comparison
import machine
from targets import Target

HERE = Path(__file__).resolve().parent
EXAMPLE = HERE.parent / "examples" / "flights"
SAME_RULES = "same rules, "
"""How cases begin that are compared with other tools."""


@dataclass(frozen=True, slots=True)
class Run:
    """What one process took."""

    cpu_s: float
    peak_mb: float


@dataclass(slots=True)
class Case:
    """A command to measure. `command` makes ready what it needs and returns the words to run."""

    name: str
    command: Callable[[], Sequence[str]]
    runs: list[Run] = field(default_factory=list)

    @property
    def cpu_s(self) -> float:
        """Median processor time."""
        return statistics.median(run.cpu_s for run in self.runs)

    @property
    def peak_mb(self) -> float:
        """Median peak memory."""
        return statistics.median(run.peak_mb for run in self.runs)


def measure(words: Sequence[str], good: Collection[int] = (0,)) -> Run:
    """Runs a process to its end, which is one of the exit codes `good`.

    Raises:
        SystemExit: it failed; what it said on standard error is shown.
    """
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=errors, env=environment)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode not in good:
            errors.seek(0)
            raise SystemExit(f"{shlex.join(words)} ended with {process.returncode}:\n{errors.read().decode()}")
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return Run(usage.ru_utime + usage.ru_stime, usage.ru_maxrss / unit)


def wait_for_quiet(load: float, seconds: float) -> float:
    """Waits until the machine's load is below `load`, at most so long; returns the load then."""
    end = time.monotonic() + seconds
    while os.getloadavg()[0] >= load and time.monotonic() < end:
        time.sleep(2)
    return os.getloadavg()[0]


def compile_all() -> None:
    """Compiles weft, so that no run pays for it."""
    spec = importlib.util.find_spec("weft")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit("weft is not installed")
    compileall.compile_dir(spec.submodule_search_locations[0], quiet=2)
    compileall.compile_dir(HERE, quiet=2)


def cases(weft: Sequence[str], folder: Path) -> dict[str, Case]:
    """All cases; `folder` is theirs to write in."""
    copies = iter(range(10**6))
    applied, bare = folder / "applied", folder / "bare"

    def fresh() -> Sequence[str]:
        for former in folder.glob("mesh-*"):
            shutil.rmtree(former)
        mesh = folder / f"mesh-{next(copies)}"
        shutil.copytree(EXAMPLE, mesh, ignore=shutil.ignore_patterns(".weft", "__pycache__"))
        return [*weft, "-C", str(mesh), "apply"]

    by_hand = [sys.executable, str(HERE / "bare" / "first_apply.py"), "--out", str(bare)]
    found = [
        Case("version", lambda: [*weft, "--version"]),
        Case("help", lambda: [*weft, "--help"]),
        Case("schema", lambda: [*weft, "schema", "domain"]),
        Case("first apply, bare", lambda: by_hand),
        Case("first apply", fresh),
        Case("second apply", lambda: [*weft, "-C", str(applied), "apply"]),
        Case("verify, bare", lambda: [sys.executable, str(HERE / "bare" / "verify_flights.py"), str(bare)]),
        Case("verify", lambda: [*weft, "-C", str(applied), "verify", "operations.on_time.flights"]),
    ]
    compared = comparison.commands(weft, folder, bare / "flights.parquet")
    found += [Case(f"{SAME_RULES}{name}", lambda words=words: words) for name, words in compared.items()]
    return {case.name: case for case in found}


def targets(of: dict[str, Case]) -> list[Target]:
    """The figures and what they are to reach."""
    first, bare = of["first apply"], of["first apply, bare"]
    return [
        Target("`weft --version`", of["version"].cpu_s, 0.06, " s"),
        Target("`weft --help`", of["help"].cpu_s, 0.12, " s"),
        Target("`weft schema`, opens no registry", of["schema"].cpu_s, 0.15, " s"),
        Target("first `weft apply` against the bare script", first.cpu_s / bare.cpu_s, 1.3, " ×"),
        Target("the same, peak memory", first.peak_mb / bare.peak_mb, 1.5, " ×"),
        Target("second `weft apply`, nothing changed", of["second apply"].cpu_s, 0.4, " s"),
        Target(
            "`weft verify` of one contract against queries by hand",
            of["verify"].cpu_s / of["verify, bare"].cpu_s,
            1.25,
            " ×",
        ),
        Target(
            "`weft verify` of a file against queries by hand",
            of[f"{SAME_RULES}weft"].cpu_s / of[f"{SAME_RULES}by hand"].cpu_s,
            1.25,
            " ×",
        ),
    ]


def compared(of: dict[str, Case]) -> list[str]:
    """The table of other tools: the same rules over the same 336,776 rows, each as a whole process."""
    floor = of[f"{SAME_RULES}by hand"].cpu_s
    tools = {name.removeprefix(SAME_RULES): case for name, case in of.items() if name.startswith(SAME_RULES)}
    missing = [peer.distribution for peer in comparison.PEERS if peer.distribution not in tools]
    return [
        "",
        "## The same rules in other tools",
        "",
        "52 rules over the flights in one Parquet file (`peers/rules.py`), each tool as a whole process.",
        *(f"Not installed where this was measured: {name}." for name in missing),
        "",
        "| | CPU s | against by hand | peak MB |",
        "|---|---|---|---|",
        *(f"| {name} | {c.cpu_s:.2f} | {c.cpu_s / floor:.2f} × | {c.peak_mb:.0f} |" for name, c in tools.items()),
    ]


def report(found: dict[str, Case], reached: list[Target], about: dict[str, str]) -> str:
    """The page of results."""
    runs = len(next(iter(found.values())).runs)
    lines = [
        "# Results",
        "",
        f"Measured by `make bench` on {about['date']} at commit {about['commit']}: medians of {runs} interleaved runs "
        "after one to warm up, whole processes, processor time of user and system, compiled bytecode. "
        f"Every run stands in `results/{about['file']}`. What the bare scripts do is in `bare/`; "
        f"rows of weft and of the bare script compared by hash: {about['rows']}. "
        "Beside this page: [the size of a company](RESULTS-size.md), [what a company asks](RESULTS-company.md), "
        "[search: MRR and nDCG@10 of the judged set](RESULTS-search.md), [sources](RESULTS-sources.md), "
        "[20 million rows](RESULTS-large.md).",
        "",
        "| target | to reach | measured | |",
        "|---|---|---|---|",
        *(f"| {t.text} | ≤ {t.limit:g}{t.unit} | {t.figure:.3f}{t.unit} | {t.verdict} |" for t in reached),
        "",
        "| case | CPU s | from | to | peak MB |",
        "|---|---|---|---|---|",
    ]
    for case in found.values():
        seconds = [run.cpu_s for run in case.runs]
        lines.append(
            f"| {case.name} | {case.cpu_s:.3f} | {min(seconds):.3f} | {max(seconds):.3f} | {case.peak_mb:.0f} |"
        )
    lines += compared(found)
    lines += ["", "## The machine", "", "| | |", "|---|---|"]
    lines += [f"| {key} | {value} |" for key, value in machine.description().items()]
    return "\n".join([*lines, f"| load before and after the runs | {about['load']}, {about['load_after']} |", ""])


def main() -> None:
    """Measures, prints and writes the results."""
    parser = argparse.ArgumentParser(description="Measure weft against its targets.")
    parser.add_argument("--runs", type=int, default=7, help="rounds through all cases, at least 5")
    parser.add_argument("--weft", default=None, help="the command to measure; this environment's weft if not given")
    parser.add_argument("--quiet-load", type=float, default=1.0, help="wait until the load is below this")
    parser.add_argument("--wait", type=float, default=300.0, help="but at most so many seconds")
    arguments = parser.parse_args()
    script = Path(sys.executable).with_name("weft")
    own = [str(script)] if script.exists() else [sys.executable, "-m", "weft.cli.main"]
    weft = shlex.split(arguments.weft) if arguments.weft else own
    compile_all()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        found = cases(weft, folder)
        shutil.copytree(EXAMPLE, folder / "applied", ignore=shutil.ignore_patterns(".weft", "__pycache__"))
        measure([*weft, "-C", str(folder / "applied"), "apply"])
        measure([sys.executable, str(HERE / "bare" / "first_apply.py"), "--out", str(folder / "bare")])
        comparison.prepare(folder, folder / "bare" / "flights.parquet")
        load = wait_for_quiet(arguments.quiet_load, arguments.wait)
        for case in found.values():
            measure(case.command())
        # Apart, because the peak memory of a process counts from that of the one which starts it: this one stays small.
        compare = [sys.executable, str(HERE / "equal.py"), str(folder / "applied"), str(folder / "bare"), *weft]
        rows = subprocess.run(compare, capture_output=True, text=True, check=False).stdout.strip()
        for number in range(max(5, arguments.runs)):
            for case in found.values():
                case.runs.append(measure(case.command()))
            print(f"round {number + 1} done", file=sys.stderr)
    load_after = os.getloadavg()[0]
    reached = targets(found)
    for target in reached:
        print(f"{target.verdict:8} {target.figure:7.3f}{target.unit}  (≤ {target.limit:g})  {target.text}")
    print(rows)
    today, commit = datetime.datetime.now(datetime.UTC).date().isoformat(), machine.commit()
    about = {"date": today, "commit": commit, "load": f"{load:.2f}", "file": f"{today}-{commit.rstrip('+')}.json"}
    about["load_after"] = f"{load_after:.2f}"
    about["rows"] = "; ".join(rows.splitlines())
    raw = {
        **about,
        "machine": machine.description(),
        "targets": [{"text": t.text, "figure": t.figure, "limit": t.limit, "verdict": t.verdict} for t in reached],
        "cases": {c.name: [{"cpu_s": r.cpu_s, "peak_mb": r.peak_mb} for r in c.runs] for c in found.values()},
    }
    (HERE / "results").mkdir(exist_ok=True)
    (HERE / "results" / about["file"]).write_text(json.dumps(raw, indent=1) + "\n", encoding="utf-8")
    (HERE / "RESULTS.md").write_text(report(found, reached, about), encoding="utf-8")


if __name__ == "__main__":
    main()
