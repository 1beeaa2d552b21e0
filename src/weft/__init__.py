"""weft: a data mesh that a company gets with one `pip install`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from weft.release import VERSION

if TYPE_CHECKING:
    from weft.api import (
        Mesh,
        contract_bump,
        contract_diff,
        contract_export,
        contract_import,
        contract_lint,
        init,
        new_domain,
        new_product,
        open,
        schema,
        verify,
    )

__version__ = VERSION

__all__ = [
    "Mesh",
    "__version__",
    "contract_bump",
    "contract_diff",
    "contract_export",
    "contract_import",
    "contract_lint",
    "init",
    "new_domain",
    "new_product",
    "open",
    "schema",
    "verify",
]


def __getattr__(name: str) -> Any:
    """Imports the public names when they are first used: `import weft` alone stays light (PEP 562)."""
    if name in __all__:
        from contextlib import suppress

        with suppress(ModuleNotFoundError):
            __import__("weft.client_only")  # where only the client is installed, it says what is missing
        from weft import api

        return getattr(api, name)
    raise AttributeError(f"module 'weft' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
