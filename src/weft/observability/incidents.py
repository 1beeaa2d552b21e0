"""What opens an incident and what closes it: one for each cause, named by lineage. A pure function of what is known."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from weft.registry.incidents import Incident


class Standing(Struct, frozen=True):
    """A served port, as far as incidents care.

    Attributes:
        upstream: ports that its rows were made from.
        late_from: from then on it breaks its promise; None: never.
        promise: what was promised, in words.
    """

    port: str
    product: str
    upstream: tuple[str, ...]
    published_at: datetime
    late_from: datetime | None = None
    promise: str = ""

    def is_late(self, now: datetime) -> bool:
        """Whether it breaks its promise by now."""
        return self.late_from is not None and now > self.late_from


class Failed(Struct, frozen=True):
    """That a product failed in a run.

    Attributes:
        cause: `check_failed` or `run_failed`.
        text: what failed, without a value of a row.
        skipped: ports that were not built since something failed.
        title: what is told of it in a few words; empty: that it failed, or broke its contract.
    """

    product: str
    run_id: str
    cause: str
    text: str
    skipped: tuple[str, ...] = ()
    title: str = ""


class Good(Struct, frozen=True):
    """That a product was published, or that there was nothing to publish: `how` says so."""

    product: str
    run_id: str
    how: str | None = None


class Open(Struct, frozen=True):
    """An incident begins."""

    key: str
    cause: str
    subject: str
    title: str
    what: str
    affected: tuple[str, ...] = ()


class Again(Struct, frozen=True):
    """What was wrong went wrong again: a line of the timeline, and no more."""

    key: str
    text: str


class Close(Struct, frozen=True):
    """An incident ends."""

    key: str
    text: str


class Affect(Struct, frozen=True):
    """Ports suffer from an incident."""

    key: str
    ports: tuple[str, ...]


class Link(Struct, frozen=True):
    """An incident comes from another one."""

    key: str
    root: str
    text: str


Change = Open | Again | Close | Affect | Link


def changes(
    ports: Mapping[str, Standing],
    open_ones: Mapping[str, Incident],
    recent: Collection[Incident],
    happened: Sequence[Failed | Good],
    now: datetime,
    *,
    dismissed: Collection[str] = (),
) -> list[Change]:
    """What is to be done with incidents.

    Args:
        ports: everything that is served.
        open_ones: open incidents by their keys.
        recent: incidents that ended so lately that what they made late may still be late.
        happened: what runs did since the last time, in their order.
        dismissed: ports whose lateness still lasts, and was named in an incident that somebody has closed by hand:
            they are known and not told of again. What they make late and nobody has heard of yet is told.
    """
    found: list[Change] = []
    standing = {key: incident.subject for key, incident in open_ones.items()}
    skipped: dict[str, list[str]] = {}
    for one in happened:
        key = failed_key(one.product)
        if isinstance(one, Good):
            if standing.pop(key, None) is not None:
                found.append(Close(key, one.how or f"run {one.run_id} published {one.product}"))
            continue
        if key in standing:
            found.append(Again(key, one.text))
        else:
            standing[key] = one.product
            title = one.title or ("broke its contract" if one.cause == "check_failed" else "failed")
            found.append(Open(key, one.cause, one.product, title, one.text))
        skipped.setdefault(key, []).extend(one.skipped)
    late = {p for p, one in ports.items() if one.is_late(now)}
    for key, subject in standing.items():
        if key == late_key(subject) and subject not in late:
            served = ports.get(subject)
            found.append(Close(key, _well(served) if served else f"`{subject}` is not served any more"))
    failed = {subject for key, subject in standing.items() if key == failed_key(subject)}
    roots = _Roots(ports, late.difference(dismissed), failed)
    ending = [open_ones[one.key] for one in found if isinstance(one, Close) and one.key in open_ones]
    spared = {port for incident in (*recent, *ending) for port in incident.affected}
    affected: dict[str, set[str]] = {}
    opening: list[Change] = []
    for port in sorted(late):
        key, causes = late_key(port), roots.of(port)
        if causes == {key}:
            if key not in standing and port not in spared:
                opening.append(_late(ports[port]))
            continue
        others = sorted(causes - {key})
        for cause in others:
            affected.setdefault(cause, set()).add(port)
        if others and key in standing and not _linked(open_ones, key, others[0]):
            opening.append(Link(key, others[0], f"late because {in_words(others[0])}"))
    for cause, names in skipped.items():
        affected.setdefault(cause, set()).update(p for p in names if cause in (roots.of(p) or {cause}))
    new = {cause: names.difference(_known(open_ones, cause)) for cause, names in affected.items()}
    return _with_affected([*found, *opening], {cause: names for cause, names in new.items() if names})


def late_key(port: str) -> str:
    """The cause that a port is late."""
    return f"late:{port}"


def failed_key(product: str) -> str:
    """The cause that a product fails."""
    return f"failed:{product}"


def in_words(key: str) -> str:
    """A cause, as timelines name it.

    >>> in_words("late:fleet.aircraft.planes@1")
    '`fleet.aircraft.planes@1` is late'
    """
    kind, _, subject = key.partition(":")
    return f"`{subject}` {'is late' if kind == 'late' else 'failed'}"


def _known(open_ones: Mapping[str, Incident], key: str) -> tuple[str, ...]:
    """What an open incident names as affected already."""
    return open_ones[key].affected if key in open_ones else ()


def _linked(open_ones: Mapping[str, Incident], key: str, root: str) -> bool:
    """Whether one open incident names another one as its root already."""
    return key in open_ones and root in open_ones and open_ones[key].root == open_ones[root].incident_id


class _Roots:
    """Why a port is late: the farthest things wrong upstream of it."""

    def __init__(self, ports: Mapping[str, Standing], late: Collection[str], failed: Collection[str]) -> None:
        self._ports = ports
        self._late = late
        self._failed = failed
        self._above: dict[str, frozenset[str]] = {}

    def of(self, port: str) -> frozenset[str]:
        """The causes of a port: its product's failure, else what is upstream of it, else itself."""
        self._upstream(port)
        return self._known(port)

    def _upstream(self, port: str) -> None:
        """Finds the causes upstream of a port, also behind ports that are well; lineage may be longer than a stack."""
        waiting = [port]
        while waiting:
            one = waiting[-1]
            standing = self._ports.get(one)
            above = standing.upstream if standing is not None else ()
            if one not in self._above:
                self._above[one] = frozenset()  # what is registered in a circle must not hang
                waiting += [other for other in above if other not in self._above]
                continue
            waiting.pop()
            self._above[one] = frozenset(cause for other in above for cause in self._known(other))

    def _known(self, port: str) -> frozenset[str]:
        """The causes of a port whose upstream has been looked at."""
        product = _product(port)
        if product in self._failed:
            return frozenset({failed_key(product)})
        return self._above[port] or (frozenset({late_key(port)}) if port in self._late else frozenset())


def _with_affected(found: Iterable[Change], affected: dict[str, set[str]]) -> list[Change]:
    """Changes in which an incident that begins knows already what suffers from it."""
    told: list[Change] = []
    for change in found:
        if isinstance(change, Open) and change.key in affected:
            change = replace(change, affected=tuple(sorted(affected.pop(change.key))))
        told.append(change)
    return [*told, *(Affect(cause, tuple(sorted(names))) for cause, names in sorted(affected.items()))]


def _late(one: Standing) -> Open:
    what = f"`{one.port}` is late: published {one.published_at:%Y-%m-%d %H:%M} UTC, promised {one.promise}"
    return Open(late_key(one.port), "late", one.port, "is late", what)


def _well(one: Standing) -> str:
    return f"`{one.port}` was published {one.published_at:%Y-%m-%d %H:%M} UTC"


def _product(port: str) -> str:
    return ".".join(port.split(".")[:2])
