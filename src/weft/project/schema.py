"""JSON schemas of all files that a repository holds, for validation and for editors."""

from __future__ import annotations

import importlib.util
import json
from functools import cache
from pathlib import Path
from typing import Any

from weft.errors import PlatformError, UsageError, did_you_mean, error

KINDS = ("access", "contract", "domain", "glossary", "mesh", "model", "policy", "product", "python_model", "test")
_FOLDER = Path(__file__).parent / "schemas"


@cache
def json_schema(kind: str) -> dict[str, Any]:
    """The JSON schema of a kind of file: a contract (ODCS), a product (ODPS), or one of our own in `KINDS`.

    Raises:
        UsageError: WFT-CLI-001, there is no such kind.
    """
    if kind not in KINDS:
        raise UsageError(
            error(
                "WFT-CLI-001",
                f"there is no kind of file `{kind}`",
                why=f"there are: {', '.join(KINDS)}",
                fix=did_you_mean(kind, KINDS),
            )
        )
    path = _odcs() if kind == "contract" else _FOLDER / f"{kind}.json"
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    if kind == "contract":
        # Optional since v3.2; before it, and in everything that weft writes, it is there.
        found["required"] = sorted({*found.get("required", ()), "status"})
    if kind == "python_model":
        found["properties"] = {**json_schema("model")["properties"], **found["properties"]}
    return found


def _odcs() -> Path:
    """The schema that the standard's own Python package carries; its models are not imported."""
    spec = importlib.util.find_spec("open_data_contract_standard")
    if spec is None or spec.origin is None:
        raise PlatformError(
            error(
                "WFT-CLI-002",
                "the package `open-data-contract-standard` is not installed",
                fix="pip install open-data-contract-standard",
            )
        )
    return Path(spec.origin).parent / "schema.json"
