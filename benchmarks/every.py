"""Measures what a company asks of weft beside its size: each benchmark as a process of its own, one after another.

    python benchmarks/every.py [SUBJECT …] [--quiet-load L] [--wait S]

Subjects are those of `SUBJECTS`; all of them take about 40 minutes, of which access has 15. Every benchmark says itself
what it measures and how; what it is to reach comes from there. A figure that is missed is printed as MISSED and stays.
Writes RESULTS-company.md, in which subjects that were not asked for keep the figures that they had.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

import machine
from run import compile_all, wait_for_quiet
from targets import KEPT_AT, Target, kept

HERE = Path(__file__).resolve().parent
PAGE, FIGURES = HERE / "RESULTS-company.md", HERE / "results" / "company.json"

SUBJECTS: dict[str, list[list[str]]] = {
    "building": [["lineage.py", "{folder}"], ["sources.py"]],
    "platform": [["server.py", "--folder", "{folder}"], ["publishing.py"], ["publishing.py", "--postgres"]],
    "access": [["governed.py", "--folder", "{folder}", "--parts", "tpch", "latency", "stream", "crowd"]],
    "governance": [
        ["gate.py", "--folder", "{folder}"],
        ["policies.py", "--amiss", "12"],
        ["propagation.py"],
        ["detection.py"],
    ],
    "serving": [["data_api.py", "--folder", "{folder}"], ["flight.py"]],
    "finding": [["searching.py", "--write"]],
    "portal": [["portal.py", "--folder", "{folder}", "--write"], ["paints.py", "--write"]],
}
"""The benchmarks of each subject; `{folder}` is one of their own, which goes with them."""


def measured(subject: str) -> list[Target]:
    """The figures of one subject.

    Raises:
        SystemExit: a benchmark failed.
    """
    found: list[Target] = []
    for script, *words in SUBJECTS[subject]:
        with tempfile.TemporaryDirectory() as scratch:
            folder, figures = Path(scratch) / "own", Path(scratch) / "figures"
            folder.mkdir()
            told = [word.format(folder=folder) for word in words]
            print(f"\n{subject}: {script} {' '.join(words)}", flush=True)
            environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
            began = time.perf_counter()
            done = subprocess.run(
                [sys.executable, str(HERE / script), *told],
                env={**environment, KEPT_AT: str(figures)},
                stderr=subprocess.PIPE,
                text=True,
                check=False,
            )
            if done.returncode != 0:
                raise SystemExit(f"{script} ended with {done.returncode}:\n{done.stderr[-4000:]}")
            print(f"{time.perf_counter() - began:.0f} s", flush=True)
            found += kept(figures)
    return found


def page(subjects: dict[str, dict[str, object]]) -> str:
    """The page of results."""
    lines = [
        "# Results: what a company asks",
        "",
        "Measured by `python benchmarks/every.py`: each subject's benchmarks one after another, compiled bytecode. "
        "What each of them does stands in its file. Latencies are those of whole requests on loopback, whose client "
        "shares the machine.",
    ]
    for subject in (name for name in SUBJECTS if name in subjects):
        about = subjects[subject]
        lines += [
            "",
            f"## {subject.capitalize()}",
            "",
            f"{about['date']}, commit {about['commit']}, load of the machine before it {about['load']}.",
            "",
            "| target | to reach | measured | |",
            "|---|---|---|---|",
        ]
        for one in about["targets"]:  # type: ignore[attr-defined]
            target = Target(**one)
            lines.append(f"| {target.text} | {target.bound} | {target.figure:.2f}{target.unit} | {target.verdict} |")
    lines += ["", "## The machine", "", "| | |", "|---|---|"]
    return "\n".join([*lines, *(f"| {key} | {value} |" for key, value in machine.description().items()), ""])


def main() -> None:
    """Measures, prints and writes the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("subjects", nargs="*", choices=[*SUBJECTS, []], metavar="SUBJECT", help=", ".join(SUBJECTS))
    parser.add_argument("--quiet-load", type=float, default=1.0, help="wait until the load is below this")
    parser.add_argument("--wait", type=float, default=120.0, help="but at most so many seconds")
    asked = parser.parse_args()
    compile_all()
    subjects = json.loads(FIGURES.read_text(encoding="utf-8")) if FIGURES.exists() else {}
    missed = 0
    for subject in asked.subjects or SUBJECTS:
        load = wait_for_quiet(asked.quiet_load, asked.wait)
        found = measured(subject)
        missed += sum(target.verdict == "MISSED" for target in found)
        subjects[subject] = {
            "date": dt.datetime.now(dt.UTC).date().isoformat(),
            "commit": machine.commit(),
            "load": f"{load:.2f}",
            "targets": [asdict(target) for target in found],
        }
        FIGURES.write_text(json.dumps(subjects, indent=1) + "\n", encoding="utf-8")
        PAGE.write_text(page(subjects), encoding="utf-8")
    print(f"\n{missed} missed" if missed else "\nall reached")


if __name__ == "__main__":
    main()
