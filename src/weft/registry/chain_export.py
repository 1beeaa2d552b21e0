"""Exports of the hash chains as JSON lines: a head, the records as they are, and the anchors at the end.

A record is the row of its chain: what may have to be erased is not in it. The file is whole when its last lines are
the anchors of both chains; whoever keeps these lines elsewhere can hold file and registry to them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from weft.errors import Diagnostic, error
from weft.registry import codec
from weft.registry.chains import TABLES, Anchor, Chains, Stretch, not_reached
from weft.registry.log import BEGINNING, chained

_FORMAT = 1
_FIELDS = ("seq", "at", "kind", "actor", "subject", "body", "previous", "hash")
_WRITTEN = frozenset({"chain", *_FIELDS})


def lines(
    chains: Chains, mesh: str, now: datetime, since: datetime | None, until: datetime | None, shown: Sequence[str]
) -> Iterator[bytes]:
    """The lines of an export, each with its end.

    Args:
        until: the first moment that is not meant any more.
        shown: the chains whose records are told; of others the anchor alone is.
    """
    head = {
        "export": "weft.audit",
        "format": _FORMAT,
        "mesh": mesh,
        "at": codec.time_text(now),
        "from": codec.time_text(since) if since is not None else None,
        "to": codec.time_text(until) if until is not None else None,
    }
    yield _line(head)
    ends: list[dict[str, Any]] = []
    for chain in TABLES:
        stretch = chains.stretch(chain, since, until) if chain in shown else Stretch(1, 0)
        last, number = None, 0
        for row in chains.records(chain, stretch):
            values = dict(zip(_FIELDS, row, strict=True))
            values["seq"], values["body"] = int(values["seq"]), codec.loads(values["body"])
            yield _line({"chain": chain, **values})
            last, number = Anchor(chain, values["seq"], values["hash"]), number + 1
        end = last or chains.head(chain)
        ends.append({"anchor": chain, "seq": end.seq, "hash": end.hash, "records": number, "shown": chain in shown})
    for one in ends:
        yield _line(one)


def verified(text: Iterable[str], anchors: Sequence[Anchor] = ()) -> dict[str, Any]:
    """What an export holds and what is wrong with it; holds one line at a time.

    Returns:
        For each chain how many of its records follow one another unbroken (None: something is wrong), the anchors of
        the file, anchors that were given and lie outside of it, and diagnostics.
    """
    walks = {chain: _Walk(chain, [a for a in anchors if a.chain == chain]) for chain in TABLES}
    problems: list[Diagnostic] = []
    number = 0
    for number, line in enumerate(text, 1):
        data = _parsed(line)
        if number == 1:
            if data is None or data.get("export") != "weft.audit" or data.get("format") != _FORMAT:
                problems.append(_broken(number, "it does not begin as an export of the audit does"))
                break
            continue
        walk = walks.get(str((data or {}).get("chain") or (data or {}).get("anchor")))
        if data is None or walk is None:
            problems.append(_broken(number, "it is neither a record nor an anchor"))
            break
        wrong = walk.end(data) if "anchor" in data else walk.step(data)
        if wrong is not None:
            problems.append(_broken(number, wrong))
            walk.broken = True
            break  # what follows a broken link says nothing
    if not problems and not all(walk.ended for walk in walks.values()):
        problems.append(_broken(number + 1, "it ends before its anchors"))
    for walk in walks.values():
        problems += walk.off
    wrong_chains = {walk.chain for walk in walks.values() if walk.broken or walk.off or not walk.ended}
    return {
        **{chain: None if chain in wrong_chains else walk.records for chain, walk in walks.items()},
        "anchors": [str(walk.last) for walk in walks.values() if walk.ended and walk.last is not None],
        "outside": [str(one) for walk in walks.values() for one in walk.waiting.values()],
        "diagnostics": [d.as_json() for d in problems],
    }


class _Walk:
    """How far one chain of an export has been followed."""

    def __init__(self, chain: str, anchors: Sequence[Anchor]) -> None:
        self.chain = chain
        self.waiting = {a.seq: a for a in anchors}
        self.off: list[Diagnostic] = []
        self.records = 0
        self.last: Anchor | None = None
        self.ended = self.broken = False

    def step(self, data: Mapping[str, Any]) -> str | None:
        """Takes the next record; gives what is wrong with it."""
        try:
            seq, body, previous, hash_ = data["seq"], data["body"], data["previous"], data["hash"]
            expected = chained(previous, seq, data["at"], data["kind"], data["actor"], data["subject"], body)
        except (KeyError, TypeError, ValueError):
            return f"it is no record of the chain `{self.chain}`"
        if not isinstance(seq, int):
            return f"it is no record of the chain `{self.chain}`"
        named = f"record {seq} of the chain `{self.chain}`"
        foreign = sorted(data.keys() - _WRITTEN)
        if foreign:
            return f"{named} was changed: `{foreign[0]}` was put in, which its digest does not cover"
        if self.ended:
            return f"{named} stands behind the anchor"
        if self.last is None and seq == 1 and previous != BEGINNING:
            return f"{named} was changed"
        if self.last is not None and (seq != self.last.seq + 1 or previous != self.last.hash):
            return f"{named} does not follow record {self.last.seq}: one was changed, taken out or put in"
        if hash_ != expected:
            return f"{named} was changed"
        self.last, self.records = Anchor(self.chain, seq, hash_), self.records + 1
        self._compare(self.last)
        return None

    def end(self, data: Mapping[str, Any]) -> str | None:
        """Takes the anchor at the end; gives what is wrong with it."""
        seq = data.get("seq")
        anchor = Anchor(self.chain, seq if isinstance(seq, int) else -1, str(data.get("hash")))
        if self.ended:
            return f"the chain `{self.chain}` has two anchors"
        if data.get("records") != self.records or (self.last is not None and anchor != self.last):
            return f"the chain `{self.chain}` ends before or behind its anchor: records were taken out or put in"
        if self.last is None:
            self._compare(anchor)
        self.ended, self.last = True, anchor
        return None

    def _compare(self, found: Anchor) -> None:
        wanted = self.waiting.pop(found.seq, None)
        if wanted is not None and wanted != found:
            self.off.append(not_reached(wanted, found))


def _line(value: Mapping[str, Any]) -> bytes:
    return f"{codec.dumps(value)}\n".encode()


def _parsed(line: str) -> dict[str, Any] | None:
    try:
        data = json.loads(line, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        return None
    return data if isinstance(data, dict) else None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A group of fields; of one that stands in it twice, others may read the one that no digest covers."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a field stands in it twice")
    return found


def _broken(number: int, why: str) -> Diagnostic:
    return error(
        "WFT-GOV-045",
        f"the export is not whole from line {number} on",
        why=why,
        fix="compare it with the registry, or with another copy",
    )
