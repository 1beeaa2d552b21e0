"""The same rules in other tools, where they are installed: what each would run, for one table of results.

A tool is looked for in an environment of its own, `.venv-peers/<distribution>` beside the repository's `.venv`, and
then in the environment that runs the benchmark (`pip install "weft[bench]"`; datacontract-cli holds DuckDB below 2 and
needs its own). The rules stand in `peers/rules.py`.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
ENVIRONMENTS = HERE.parent / ".venv-peers"


@dataclass(frozen=True, slots=True)
class Peer:
    """A tool: the distribution that brings it, the module to look for, and what runs (`script` or `command`)."""

    distribution: str
    module: str
    words: tuple[str, ...]

    def command(self, **places: str) -> Sequence[str] | None:
        """The words to run; None where the tool is not installed."""
        own = ENVIRONMENTS / self.distribution / "bin" / "python"
        if own.exists():
            python = str(own)
        elif importlib.util.find_spec(self.module) is not None:
            python = sys.executable
        else:
            return None
        return [python, *(word.format(peers=HERE / "peers", **places) for word in self.words)]


PEERS = (
    Peer("pandera", "pandera", ("{peers}/with_pandera.py", "{parquet}")),
    Peer("soda-duckdb", "soda_duckdb", ("{peers}/with_soda.py", "{folder}")),
    Peer("datacontract-cli", "datacontract", ("{peers}/with_datacontract.py", "{folder}")),
    Peer("great_expectations", "great_expectations", ("{peers}/with_great_expectations.py", "{parquet}")),
)


def prepare(folder: Path, parquet: Path) -> None:
    """Writes the rules as documents, and a DuckDB file with a view of the table."""
    subprocess.run([sys.executable, str(HERE / "peers" / "documents.py"), str(folder), str(parquet)], check=True)
    view = "import duckdb, sys; duckdb.connect(sys.argv[1]).execute(f\"CREATE VIEW flights AS FROM '{sys.argv[2]}'\")"
    subprocess.run([sys.executable, "-c", view, str(folder / "flights.duckdb"), str(parquet)], check=True)


def commands(weft: Sequence[str], folder: Path, parquet: Path) -> dict[str, Sequence[str]]:
    """What to run, by the name that the table shows: by hand, weft, and each tool that is installed."""
    found: dict[str, Sequence[str]] = {
        "by hand": [sys.executable, str(HERE / "peers" / "by_hand.py"), str(parquet)],
        "weft": [*weft, "verify", str(folder / "flights.odcs.yaml"), "--data", str(parquet)],
    }
    for peer in PEERS:
        words = peer.command(folder=str(folder), parquet=str(parquet))
        if words is not None:
            found[peer.distribution] = words
    return found
