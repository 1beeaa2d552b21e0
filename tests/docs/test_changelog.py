"""Fragments of the change log: numbered once each, of a known kind, one paragraph."""

from __future__ import annotations

import re
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "changelog.d"
FRAGMENTS = sorted(path for path in FOLDER.iterdir() if path.name != "README.md")


def test_every_fragment_has_a_number_of_its_own_and_a_kind() -> None:
    names = [re.fullmatch(r"(\d{4})-[a-z0-9-]+\.(added|changed|fixed|removed)\.md", path.name) for path in FRAGMENTS]

    assert FRAGMENTS and all(names), [path.name for path, name in zip(FRAGMENTS, names, strict=True) if not name]
    numbers = [name[1] for name in names if name]
    assert len(set(numbers)) == len(numbers), sorted({n for n in numbers if numbers.count(n) > 1})


def test_every_fragment_is_one_paragraph() -> None:
    texts = {path.name: path.read_text(encoding="utf-8").strip() for path in FRAGMENTS}

    assert [name for name, text in texts.items() if not text or "\n\n" in text] == []
