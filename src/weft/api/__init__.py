"""The verbs. The command line and every other entrance call only these; each is a few lines over the rooms."""

from weft.api.checking import CheckReport
from weft.api.contracts import (
    contract_bump,
    contract_diff,
    contract_export,
    contract_import,
    contract_lint,
    is_file,
    verify,
    write_export,
    write_text,
)
from weft.api.mesh import Mesh, open
from weft.api.scaffolding import init, new_domain, new_product, schema

__all__ = [
    "CheckReport",
    "Mesh",
    "contract_bump",
    "contract_diff",
    "contract_export",
    "contract_import",
    "contract_lint",
    "init",
    "is_file",
    "new_domain",
    "new_product",
    "open",
    "schema",
    "verify",
    "write_export",
    "write_text",
]
