"""What `weft check` has to say."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from weft.errors import Diagnostic, has_errors


class CheckReport(Struct, frozen=True):
    """Everything that can be said from the files."""

    diagnostics: tuple[Diagnostic, ...]

    @property
    def exit_code(self) -> int:
        """0 when nothing is wrong, else 2."""
        return 2 if has_errors(self.diagnostics) else 0

    def as_json(self) -> dict[str, Any]:
        """The shape of `weft check --format json`."""
        return {"diagnostics": [d.as_json() for d in self.diagnostics]}
