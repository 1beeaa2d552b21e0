"""The verbs on contract files, which need no mesh."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from weft.config import Settings, find_root, load_settings
from weft.errors import Diagnostic, ProjectError, UsageError, error, has_errors
from weft.wiring import Rooms

if TYPE_CHECKING:
    from weft.contracts.compatibility import Comparison
    from weft.model.odcs import Contract
    from weft.runs.results import Verification


def is_file(target: str) -> bool:
    """Whether the target of `verify` names a contract file, and no address."""
    return target.endswith((".yaml", ".yml", ".json"))


def verify(
    contract: str | Path | Contract, data: object = None, *, server: str | None = None, sample_limit: int = 5
) -> Verification:
    """A contract against data, in a mesh or anywhere else.

    Args:
        contract: an ODCS document, or the path of one.
        data: the URL of a database (`postgresql://…`, `mysql://…`, `duckdb:///…`); `TABLE=PATH`, a path alone, or a
            folder that holds a file for each table; an Arrow table, dataset or reader, a pandas or Polars data frame;
            a sequence of texts, or a mapping from tables to any of these. Without it, a server of the contract says
            where the data is.
        server: the name or the environment of that server, where it has several.
        sample_limit: failing rows to show for each check.

    Raises:
        UsageError: WFT-PRJ-001, there is no such contract; WFT-CLI-001, it is not clear what to verify.
        ProjectError: the contract is wrong; all problems at once.
    """
    from weft.model.odcs import Contract
    from weft.runs.verify import verify_data

    described = contract if isinstance(contract, Contract) else contract_file(contract)
    with _rooms() as rooms:
        name = described.name or described.document.file
        return verify_data(described, name, data, server, rooms.ways(os.environ), rooms.now(), sample_limit)


class Bumped(Struct, frozen=True):
    """What became of a contract's version."""

    path: Path
    published: str
    before: str
    after: str
    comparison: Comparison

    def as_json(self) -> dict[str, Any]:
        """The shape of `weft contract bump --format json`."""
        return {
            "path": str(self.path),
            "published": self.published,
            "from": self.before,
            "to": self.after,
            "verdict": self.comparison.verdict,
        }


def contract_file(target: str | Path) -> Contract:
    """The contract that a file holds.

    Raises:
        UsageError: WFT-PRJ-001, there is no such file.
        ProjectError: it holds no contract, or one that violates its schema; all problems at once.
    """
    found, described = _read(Path(target), str(target))
    if described is None or has_errors(found):
        raise ProjectError(*found)
    return described


def _read(path: Path, name: str) -> tuple[tuple[Diagnostic, ...], Contract | None]:
    from weft.model.odcs import contract
    from weft.project.documents import parse

    if not path.is_file():
        raise UsageError(error("WFT-PRJ-001", f"`{name}` is missing", fix="name a contract file or an address"))
    read = parse(path.read_bytes(), name, "contract")
    return read.problems, contract(read.document) if read.document is not None else None


def contract_lint(files: Sequence[str | Path]) -> tuple[Diagnostic, ...]:
    """Everything that is wrong with contracts by themselves: schema, types, rules that cannot be kept, SQL.

    Raises:
        UsageError: WFT-PRJ-001, a file is missing.
    """
    from weft.contracts.lint import lint
    from weft.runs.verification import admitted_by

    found: dict[Diagnostic, None] = {}
    with _rooms() as rooms:
        for file in files:
            problems, described = _read(Path(file), str(file))
            found |= dict.fromkeys(problems)
            if described is not None:
                found |= dict.fromkeys(lint(described, lambda sql: admitted_by(rooms.parser, sql)))
    return tuple(found)


def contract_diff(old: str | Path | Contract, new: str | Path | Contract, *, view: str = "consumer") -> Comparison:
    """Every difference between two contracts, with its verdict and the version that it requires.

    Args:
        old: a contract, a contract file, or the address of a port, whose published contract is meant.
        view: `consumer`, who reads the data, or `producer`, who has to keep the promises.

    Raises:
        UsageError: WFT-PRJ-001 or WFT-ACC-001, there is no such file or published port.
        ProjectError: a file holds no contract.
    """
    from weft.contracts.compatibility import changes, for_producers

    before, after = _named(old), _named(new)
    return changes(before, after) if view == "consumer" else for_producers(before, after)


def contract_bump(file: str | Path, old: str | Path | None = None, *, write: bool = True) -> Bumped:
    """Writes the version that a contract's changes require into its file; everything else there stays as it is.

    Args:
        old: what it is compared with: a file or an address; by default the published contract of the same id.

    Raises:
        UsageError: WFT-PRJ-001 or WFT-ACC-001, there is nothing to compare with.
    """
    from weft.project.edit import write_whole, written_field

    described = contract_file(file)
    before = _named(old) if old is not None else _published(described)
    comparison = contract_diff(before, described)
    version = str(comparison.required_version)
    if (
        described.version is not None
        and before.version is not None
        and described.version >= comparison.required_version
    ):
        version = described.version_text
    path = Path(file)
    if write and version != described.version_text:
        write_whole(path, written_field(path.read_text(encoding="utf-8"), "version", version))
    return Bumped(path, before.version_text, described.version_text, version, comparison)


def _named(target: str | Path | Contract) -> Contract:
    from weft.model.odcs import Contract

    if isinstance(target, Contract):
        return target
    if is_file(str(target)):
        return contract_file(target)
    from weft.model.odcs import published_contract

    with closing(Rooms(load_settings(Path.cwd()))) as rooms:
        return published_contract(rooms.published(str(target)))


def _published(described: Contract) -> Contract:
    """The newest published contract of the same id.

    Raises:
        UsageError: WFT-ACC-001, there is none.
    """
    from weft.model.odcs import published_contract

    with closing(Rooms(load_settings(Path.cwd()))) as rooms:
        found = [s for s in rooms.registry.ports().values() if s.contract.get("id") == described.id]
    if not found:
        what = f"no published port has the contract `{described.id}`"
        raise UsageError(error("WFT-ACC-001", what, fix="say what to compare with: `--against FILE_OR_ADDRESS`"))
    return published_contract(max(found, key=lambda s: s.address.major or 0))


@contextmanager
def _rooms() -> Iterator[Rooms]:
    """Rooms that leave nothing behind, with the settings of the mesh around, if there is one."""
    import tempfile

    root = find_root(Path.cwd())
    with tempfile.TemporaryDirectory(prefix="weft-") as scratch:
        settings = load_settings(root) if root else Settings(root=Path(scratch))
        with closing(Rooms(replace(settings, root=Path(scratch)))) as rooms:
            yield rooms
