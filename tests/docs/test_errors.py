"""Error codes and docs/reference/errors.md say the same."""

from __future__ import annotations

import ast
import re

from tests.docs.pages import REFERENCE, ROOT
from weft.errors_catalogue import CODES

TEXT = (REFERENCE / "errors.md").read_text(encoding="utf-8")
ENTRY = re.compile(r"^### (?P<code>WFT-[A-Z]{3}-\d{3})\n\n(?P<body>.*?)(?=^#|\Z)", re.MULTILINE | re.DOTALL)
ENTRIES = {match["code"]: match["body"] for match in ENTRY.finditer(TEXT)}


def test_every_code_has_an_entry_and_every_entry_a_code() -> None:
    assert ENTRIES.keys() - CODES.keys() == set(), "entries of codes that do not exist"
    assert CODES.keys() - ENTRIES.keys() == set(), "codes without an entry"


def test_entries_stand_once_and_in_the_order_of_the_catalogue() -> None:
    assert re.findall(r"^### (WFT-\S+)$", TEXT, re.MULTILINE) == list(CODES)


def test_an_entry_says_what_the_catalogue_says_then_the_cause_and_what_to_do() -> None:
    for code, body in ENTRIES.items():
        assert body.lower().startswith(f"**{CODES[code].lower()}.**"), f"{code}: {CODES[code]}"
        assert "\n*Mend:*" in body, f"{code} says nothing of what to do"


def test_the_code_raises_only_codes_of_the_catalogue() -> None:
    raised = {
        code
        for path in (ROOT / "src" / "weft").rglob("*.py")
        if path.name != "errors_catalogue.py"
        for code in re.findall(r"WFT-[A-Z]{3}-\d{3}", path.read_text(encoding="utf-8"))
    }

    assert raised - CODES.keys() == set()


def test_every_code_of_the_catalogue_is_given_somewhere() -> None:
    given = {
        node.value
        for path in (ROOT / "src" / "weft").rglob("*.py")
        if path.name != "errors_catalogue.py"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }

    assert CODES.keys() - given == set()
