"""`weft classify --detect`: what samples show, beside what contracts say."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from weft.config import load_settings
from weft.errors import Diagnostic
from weft.model.address import Address
from weft.model.classification import Classification, parse_classification
from weft.model.document import Pointer, text, words
from weft.model.odcs import Contract, every_property, published_contract
from weft.project.property_edits import PropertyEdit, write_edits
from weft.runs.detecting import Detection, Memory, detect
from weft.wiring import Rooms

if TYPE_CHECKING:
    from weft.governance.detection.findings import Finding
    from weft.model.publication import PortState

_CACHED = "detected"


class Suggestion(Struct, frozen=True):
    """A finding beside the contract.

    Attributes:
        declared: the level that the contract writes; None where it writes none, and `internal` counts.
        tags: the tags that the contract writes.
        classification: the level to write; None where the contract's is as high.
        add_tags: the tags to add.
    """

    address: Address
    snapshot: str
    finding: Finding
    declared: str | None
    tags: tuple[str, ...]
    classification: Classification | None
    add_tags: tuple[str, ...]

    @property
    def agreed(self) -> bool:
        """Whether the contract says it already."""
        return self.classification is None and not self.add_tags

    def as_json(self) -> dict[str, Any]:
        """One entry of `weft classify --detect --format json`."""
        return {
            "port": str(self.address),
            "snapshot": self.snapshot,
            **self.finding.as_json(),
            "contract": {"classification": self.declared, "tags": list(self.tags)},
            "suggested": {
                "classification": str(self.classification) if self.classification is not None else None,
                "tags": list(self.add_tags),
            },
        }


class Detected(Struct, frozen=True):
    """What detection suggests for the contracts of several ports.

    Attributes:
        ports: how many were looked at.
        read: how many of them had not been looked at as they are now.
        written: files of contracts that were changed.
    """

    suggestions: tuple[Suggestion, ...]
    ports: int
    read: int
    diagnostics: tuple[Diagnostic, ...] = ()
    written: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The shape of `weft classify --detect --format json`."""
        return {
            "ports": self.ports,
            "read": self.read,
            "columns": [s.as_json() for s in self.suggestions],
            "written": list(self.written),
            "diagnostics": [d.as_json() for d in self.diagnostics],
        }


Agree = Callable[[Sequence[Suggestion]], Sequence[Suggestion]]
"""Is given the suggestions that a contract does not have, and says which of them are written."""


def detected(rooms: Rooms, select: Sequence[str] = (), *, agree: Agree | None = None) -> Detected:
    """Looks for sensitive data in the published ports that the SELECT arguments mean.

    Args:
        agree: None writes nothing. What is published and declared in no file here is not written.

    Raises:
        UsageError: WFT-PLN-008, an argument matches nothing.
    """
    from weft.plan.order import reads
    from weft.plan.selection import select as selected

    mesh = rooms.declared()
    declared = {port.address: port.contract for port in mesh.ports()}
    states = _states(rooms)
    wanted = selected(
        select,
        states,
        reads(mesh),
        tags=lambda a: declared[a].tags if a in declared else (),
        changed=lambda: [a for a in states if a in declared and published_contract(states[a]) != declared[a]],
    )
    found = _looked_for(rooms, [states[address] for address in sorted(wanted, key=str)])
    suggestions = []
    for port in found.ports:
        contract = declared.get(port.address) or published_contract(states[port.address])
        suggestions += suggested(port.address, port.snapshot, port.findings, contract)
    read = sum(1 for port in found.ports if not port.at_once)
    written: tuple[str, ...] = ()
    if agree is not None and (lacking := [s for s in suggestions if not s.agreed and s.address in declared]):
        written = _written(rooms.settings.root, agree(lacking), declared)
    return Detected(tuple(suggestions), len(found.ports), read, found.diagnostics, written)


def found_in(rooms: Rooms, places: Sequence[str] = ()) -> Detection:
    """What samples show of all published ports, or of those of some domains and products."""
    wanted = [
        state
        for address, state in sorted(_states(rooms).items())
        if not places or address.domain in places or str(address.of_product) in places
    ]
    return _looked_for(rooms, wanted)


def _states(rooms: Rooms) -> dict[Address, PortState]:
    return {address: state for address, state in rooms.registry.ports().items() if not state.retired}


def _looked_for(rooms: Rooms, states: Sequence[PortState]) -> Detection:
    return detect(states, rooms.door, rooms.principal(), lambda: rooms.engine, rooms.now().date(), _memory(rooms))


def _written(root: Path, agreed: Sequence[Suggestion], declared: Mapping[Address, Contract]) -> tuple[str, ...]:
    """Writes suggestions into the contracts' files, at the column or the nearest field above; gives the files."""
    by_file: dict[str, dict[Pointer, PropertyEdit]] = {}
    for one in agreed:
        contract = declared[one.address]
        properties = {p.path: p for table in contract.objects[:1] for p in every_property(table.properties)}
        prop = next((properties[path] for path in _prefixes(one.finding.path)[::-1] if path in properties), None)
        if prop is not None:
            edits = by_file.setdefault(contract.document.file, {})
            edits[prop.pointer] = _more(edits.get(prop.pointer, PropertyEdit(prop.pointer)), one)
    write_edits(root, {file: list(edits.values()) for file, edits in by_file.items()})
    return tuple(sorted(by_file))


def detected_here(select: Sequence[str] = (), path: str | Path = ".", *, agree: Agree | None = None) -> Detected:
    """The same in the mesh whose folder holds `path`.

    Raises:
        UsageError: WFT-CFG-001, there is no weft.toml there or above; WFT-PLN-008.
    """
    with closing(Rooms(load_settings(Path(path)))) as rooms:
        return detected(rooms, select, agree=agree)


def suggested(address: Address, snapshot: str, findings: Iterable[Finding], contract: Contract) -> list[Suggestion]:
    """What findings ask of a contract: no lower level, and their tags.

    A level of a column holds for what lies below it.
    """
    properties = {p.path: p for table in contract.objects[:1] for p in every_property(table.properties)}
    said = []
    for finding in findings:
        above = [properties[path] for path in _prefixes(finding.path) if path in properties]
        level = max((p.classification for p in above if text(p.data, "classification")), default=None)
        tags = tuple(dict.fromkeys(tag for p in above for tag in words(p.data, "tags")))
        wanted = {finding.tag, *(f"pii.{kind}" for kind in finding.contains if kind in ("email", "phone", "iban"))}
        said.append(
            Suggestion(
                address,
                snapshot,
                finding,
                str(level) if level is not None else None,
                tags,
                finding.level if level is None or level < finding.level else None,
                tuple(sorted(wanted - set(tags))),
            )
        )
    return said


def _more(edit: PropertyEdit, one: Suggestion) -> PropertyEdit:
    """An edit with what another kind asks of the same property: the higher level, and the tags of both."""
    levels = [parse_classification(edit.classification)] if edit.classification is not None else []
    levels += [one.classification] if one.classification is not None else []
    tags = tuple(dict.fromkeys((*edit.tags, *one.add_tags)))
    return PropertyEdit(edit.pointer, str(max(levels)) if levels else None, tags)


def _prefixes(path: tuple[str, ...]) -> list[tuple[str, ...]]:
    return [path[: i + 1] for i in range(len(path))]


def _memory(rooms: Rooms) -> Memory:
    def known(keys: Iterable[str]) -> Mapping[str, bytes]:
        return rooms.cache.get_many(_CACHED, list(keys))

    def keep(found: Mapping[str, bytes]) -> None:
        rooms.cache.put_many(_CACHED, found)

    return Memory(known, keep)
