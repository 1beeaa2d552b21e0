"""The verbs on contract files, which need no mesh."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from weft.config import Settings, find_root, load_settings
from weft.errors import ProjectError, UsageError, error, has_errors
from weft.wiring import Rooms

if TYPE_CHECKING:
    from weft.model.odcs import Contract
    from weft.runs.results import Verification


def is_file(target: str) -> bool:
    """Whether the target of `verify` names a contract file, and no address."""
    return target.endswith((".yaml", ".yml", ".json"))


def verify(contract: str | Path, *, data: Sequence[str] = (), sample_limit: int = 5) -> Verification:
    """A contract file against files, in a mesh or anywhere else.

    Args:
        contract: path of an ODCS document.
        data: `TABLE=PATH`, a path alone, or a folder that holds a file for each table; without any, the local servers
            that the contract names.
        sample_limit: failing rows to show for each check.

    Raises:
        UsageError: WFT-PRJ-001, there is no such contract; WFT-CLI-001, it is not clear what to verify.
        ProjectError: the contract is wrong; all problems at once.
    """
    from weft.runs.verify import verify_files

    described = _contract_file(contract)
    root = find_root(Path.cwd())
    with tempfile.TemporaryDirectory(prefix="weft-") as scratch:
        # what is unpacked or spilled outside a mesh leaves nothing behind
        settings = load_settings(root) if root else Settings(root=Path(scratch))
        rooms = Rooms(replace(settings, root=Path(scratch)))
        try:
            name = described.name or described.document.file
            return verify_files(described, name, data, rooms.foreign_files(), rooms.engine, rooms.now(), sample_limit)
        finally:
            rooms.close()


def _contract_file(target: str | Path) -> Contract:
    from weft.model.odcs import contract
    from weft.project.documents import parse

    path = Path(target)
    if not path.is_file():
        raise UsageError(error("WFT-PRJ-001", f"`{target}` is missing", fix="name a contract file or an address"))
    found = parse(path.read_bytes(), str(target), "contract")
    if found.document is None or has_errors(found.problems):
        raise ProjectError(*found.problems)
    return contract(found.document)
