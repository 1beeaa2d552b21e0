"""Only in the wheel of the client: says what is missing where something of the whole of weft is asked for."""

from __future__ import annotations

import sys
from importlib.abc import MetaPathFinder
from typing import Any


class _Whole(MetaPathFinder):
    """Asked last, for modules that nobody else has found."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        """Finds nothing, and says where it is."""
        if name.startswith("weft."):
            what = f"weft-client reads what a server gives and has no `{name}`: `pip install weft` has the whole"
            raise ModuleNotFoundError(what, name=name)


sys.meta_path.append(_Whole())
