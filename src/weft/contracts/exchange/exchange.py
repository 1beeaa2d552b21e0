"""From a source to an ODCS document, and from a contract to another kind of document: the way that all kinds share."""

from __future__ import annotations

import itertools
from typing import Any

from msgspec import Struct

from weft.contracts.exchange.documents import MOST_FIELDS, malformed, unwritable
from weft.contracts.exchange.kinds import Header, Kind, Read, Written, module_of
from weft.contracts.exchange.notes import Notes
from weft.contracts.exchange.odcs import document_of, tables_of
from weft.model.odcs import Contract, every_property
from weft.model.shape import below

_SHOWS_ALL = ("markdown", "html")


class Made(Struct, frozen=True):
    """A contract that was made: the ODCS document, and what its source says that a contract cannot."""

    document: dict[str, Any]
    notes: tuple[str, ...] = ()
    text: str = ""
    """The document as YAML, when somebody has asked for it."""


def contract_of(read: Read, *, name: str, contract_id: str) -> Made:
    """The ODCS document of what a source says.

    Raises:
        SourceError: WFT-IMP-003, it describes more fields than anybody has.
    """
    every = (place for table in read.tables for field in table.fields for place, _ in below(field, ""))
    if next(itertools.islice(every, MOST_FIELDS, None), None) is not None:
        raise malformed(name, "a description of a table", f"it describes more than {MOST_FIELDS} fields")
    notes = Notes()
    document = document_of(read.tables, name=name, contract_id=contract_id, purpose=read.purpose, notes=notes)
    return Made(document, (*read.notes, *notes.lines))


def document_from(contract: Contract, kind: Kind, **options: str | None) -> Written:
    """A contract as another kind of document, with notes on everything that the kind cannot say.

    Raises:
        UsageError: WFT-IMP-006, it cannot be written as this kind.
    """
    if not contract.objects:
        name = contract.name or contract.id
        raise unwritable(name, f"written as {kind.name}", "the contract has no table under `schema`")
    notes = Notes()
    header = Header(
        contract.name or contract.id,
        contract.version_text,
        contract.status,
        contract.description.get("purpose"),
        contract.data,
    )
    tables = tables_of(contract, notes)
    given = {k: v for k, v in options.items() if k in kind.exporting and v is not None}
    written: Written = module_of(kind).exported(tables, header, **given)
    if kind.name not in _SHOWS_ALL:
        _beyond(contract, notes)
    return Written(written.text, (*notes.lines, *written.notes), written.value)


def _beyond(contract: Contract, notes: Notes) -> None:
    """Notes on what none of the kinds for programs can say."""
    several = len(contract.objects) > 1
    for table in contract.objects:
        for prop in every_property(table.properties):
            place = f"{table.name}.{'.'.join(prop.path)}" if several else ".".join(prop.path)
            rules = [r for r in prop.quality if r.get("metric") != "invalidValues" or r.get("mustBe") != 0]
            if rules:
                notes.add(place, f"{len(rules)} quality rule{'s' if len(rules) > 1 else ''} cannot be written")
            if prop.data.get("classification"):
                notes.add(place, f"the classification {prop.data['classification']} cannot be written")
        rules = [r for r in table.quality if r.get("metric") != "duplicateValues" or r.get("mustBe") != 0]
        if rules:
            notes.add(table.name, f"{len(rules)} quality rule{'s' if len(rules) > 1 else ''} cannot be written")
    if contract.slas:
        notes.add(contract.name or contract.id, "service levels cannot be written")
