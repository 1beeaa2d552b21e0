"""What detection says of a column: a kind, how much of it, how sure. Never a value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from weft.governance.detection.leaves import shown
from weft.model.classification import Classification


class Finding(Struct, frozen=True):
    """One kind of sensitive data in one column. It holds counts and names, and no value of a row.

    Attributes:
        path: names from the column down to a field, as a contract's property has them: `[]` is an item of a list,
            `{key}` a key of a map, `{}` a value.
        kind: id of a kind, as docs/explanation/detection.md lists them.
        tag: the tag to propose, `pii.email`.
        level: the classification to propose.
        matches: values of this kind in the whole column, by pattern, less what validation of the sample turned down.
        values: values that the column has, without nulls and placeholders such as `n/a`.
        confidence: 0 to 1; below one half nothing is reported.
        named: whether the column's name says it too.
        contains: of free text, the kinds that stand in it.
    """

    path: tuple[str, ...]
    kind: str
    tag: str
    level: Classification
    matches: int
    values: int
    confidence: float
    named: bool = False
    contains: tuple[str, ...] = ()

    @property
    def column(self) -> str:
        """The path in one text: `contacts[].email`."""
        return shown(self.path)

    @property
    def share(self) -> float:
        """Of the column's values, 0 to 1."""
        return round(self.matches / self.values, 4) if self.values else 0.0

    def as_json(self) -> dict[str, Any]:
        """The shape of `weft classify --detect --format json`."""
        return {
            "column": self.column,
            "path": list(self.path),
            "kind": self.kind,
            "tag": self.tag,
            "classification": str(self.level),
            "share": self.share,
            "matches": self.matches,
            "values": self.values,
            "confidence": self.confidence,
            "named": self.named,
            "contains": list(self.contains),
        }


def finding_from_json(data: Mapping[str, Any]) -> Finding:
    """The finding that `as_json` wrote."""
    return Finding(
        tuple(data["path"]),
        data["kind"],
        data["tag"],
        Classification[data["classification"].upper()],
        data["matches"],
        data["values"],
        data["confidence"],
        data["named"],
        tuple(data["contains"]),
    )


class Found(Struct, frozen=True):
    """What was found in a table.

    Attributes:
        missing: kinds that were not looked for, since a library is not installed.
        unread: columns, or parts of them, that the engine could not read as values.
    """

    findings: tuple[Finding, ...]
    missing: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Lists of plain values, to be kept."""
        return {
            "findings": [f.as_json() for f in self.findings],
            "missing": list(self.missing),
            "unread": list(self.unread),
        }


def found_from_json(data: Mapping[str, Any]) -> Found:
    """What `Found.as_json` wrote."""
    findings = tuple(finding_from_json(one) for one in data["findings"])
    return Found(findings, tuple(data["missing"]), tuple(data["unread"]))
