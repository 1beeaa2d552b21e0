"""Which output columns of a query are columns of what it reads, as they are: by name, for telling about them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

EVERY = "*"
"""Stands for all columns of what is read, under their own names."""


def plain_outputs(tree_json: str) -> Mapping[str, str]:
    """By the output's name in lower case the name of the column that it shows; expressions are left out.

    Only the outermost SELECT is looked at. Where it has a `*`, that is told as `EVERY`.
    """
    try:
        statements = json.loads(tree_json).get("statements") or [{}]
    except RecursionError:
        return {}
    node: Any = statements[0].get("node") or {}
    found: dict[str, str] = {}
    for item in node.get("select_list") or ():
        if item.get("class") == "STAR":
            found[EVERY] = EVERY
        elif item.get("class") == "COLUMN_REF" and item.get("column_names"):
            column = str(item["column_names"][-1])
            found[(item.get("alias") or column).lower()] = column
    return found


def shown_by(output: str, outputs: Mapping[str, str]) -> str | None:
    """The column that an output of this name shows as it is; None where it is an expression."""
    return outputs.get(output.lower(), output if EVERY in outputs else None)
