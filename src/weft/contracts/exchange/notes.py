"""Notes: what a kind of document cannot say, one line for each, naming the column."""

from __future__ import annotations

from weft.model.shape import Field

VALUE_LIMITS = (
    "minLength",
    "maxLength",
    "pattern",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
)
"""The limits of `logicalTypeOptions` that say something of one plain value."""
LIMITS = (*VALUE_LIMITS, "minItems", "maxItems", "uniqueItems")
"""The limits of `logicalTypeOptions` that say something of values."""


class Notes:
    """Collects notes in order; none stands twice."""

    def __init__(self) -> None:
        self._found: dict[str, None] = {}

    def add(self, place: str, text: str) -> None:
        """Adds one about a place: a column, a field below it, or a table."""
        self._found[f"`{place}`: {text}"] = None

    def lost(self, place: str, field: Field, target: str, *names: str) -> None:
        """Adds one that names which of the given properties and limits the field has, if any."""
        found = [n for n in names if _has(field, n)]
        if found:
            self.add(place, f"{target} cannot say {', '.join(found)}")

    @property
    def lines(self) -> tuple[str, ...]:
        """All of them."""
        return tuple(self._found)


def _has(field: Field, name: str) -> bool:
    from weft.model.shape import UNSET

    told = {
        "required": field.required,
        "unique": field.unique,
        "primary key": field.key_position > 0,
        "description": field.description is not None,
        "default": field.default is not UNSET,
        "values": bool(field.values) and field.type != "ENUM",
        "format": field.type == "VARCHAR" and bool(field.options.get("format")),
    }
    return bool(told[name]) if name in told else field.options.get(name) not in (None, False)
