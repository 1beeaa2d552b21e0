"""Notices: what an event of the log means for those who want to be told. Never a value of a row, never a secret."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from msgspec import Struct
from msgspec.structs import replace

from weft.model.records import Event
from weft.observability import feedback_notices, policy_notices

KINDS: Mapping[str, str] = {
    "published": "a product has new rows, or shows earlier ones again",
    "contract_changed": "a port has a new version of its contract",
    "deprecated": "a port is deprecated",
    "retired": "a port is not read any more",
    "end_of_life": "a deprecated port ends in 90, 30 or 7 days",
    "check_failed": "rows broke a contract, and were not published or published all the same",
    "run_failed": "a run ended with an error",
    "late": "a port is older than its contract promises",
    "incident_opened": "something is wrong with a product",
    "incident_closed": "it is well again",
    "access_asked": "somebody asks to read a port",
    "access_decided": "somebody may read a port, or may not",
    **policy_notices.KINDS,
    **feedback_notices.KINDS,
}
"""Every kind of notice that one can subscribe to."""

UNASKED = frozenset(KINDS) - {"published"}
"""What owners are told without having asked."""


_READERS = ("user", "team", "service", "product")
GOVERNANCE_LEAD = "governance lead"
"""How those who lead governance are written where an event says who decides."""
_LEAD = ("governance_lead",)


class Notice(Struct, frozen=True):
    """One thing to tell.

    Attributes:
        notice_id: the same however often it is made of the same event.
        kinds: the kind that names it, then others by which one may have subscribed to it.
        subject: an address; `subjects` are all that it is about.
        owners: domains that are told without having asked: by lineage, or since it is theirs.
        people: who is told beside them, where their name is an address of mail.
        roles: whoever holds one, in the mesh or in the subject's domain, is told as well.
        facts: what programs read.
    """

    notice_id: str
    kinds: tuple[str, ...]
    at: datetime
    subject: str
    subjects: tuple[str, ...]
    title: str
    text: str
    owners: tuple[str, ...] = ()
    facts: Mapping[str, Any] = {}
    people: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The notice as receivers get it."""
        return {
            "id": self.notice_id,
            "kind": self.kinds[0],
            "at": self.at.isoformat(),
            "subject": self.subject,
            "title": self.title,
            "text": self.text,
            "facts": dict(self.facts),
        }

    def without(self, hidden: Collection[str]) -> Notice:
        """The notice as it is told to those who may not know of some of the ports that it names beside its subject."""
        subjects = tuple(s for s in self.subjects if s not in hidden)
        if subjects == self.subjects:
            return self
        facts, lines = dict(self.facts), self.text.split("\n")
        if "ports" in facts:
            facts["ports"] = {port: one for port, one in facts["ports"].items() if port not in hidden}
            lines = [line for line in lines if line.partition(": ")[0] not in hidden]
        if "affected" in facts:
            facts["affected"] = [port for port in facts["affected"] if port not in hidden]
            told = _affected(facts["affected"])
            lines = [told if line.startswith(_AFFECTED) else line for line in lines]
        return replace(self, subjects=subjects, facts=facts, text="\n".join(filter(None, lines)))


class Former(Struct, frozen=True):
    """A publication as far as notices compare it with the next one."""

    version: str
    status: str
    contract: Mapping[str, Any]


class Registered(Protocol):
    """What a fold of the log asks about what is registered."""

    def publication(self, port: str, revision: int) -> Former | None:
        """A publication by its number; None when there is none."""
        ...

    def reading_domains(self, port: str) -> Sequence[str]:
        """The domains of the products that read a port."""
        ...


def notices_of(event: Event, registered: Registered) -> list[Notice]:
    """What is to be told of an event; of most events nothing."""
    match event.kind:
        case "product.published":
            return _published(event, registered)
        case "port.rolled_back":
            title = f"{event.subject} shows earlier rows again"
            text = f"{event.actor} rolled {event.subject} back to snapshot {event.body['snapshot']}."
            return [_notice(event, "published", title, text, facts={"snapshot": event.body["snapshot"]})]
        case "port.retired":
            readers = _others(registered.reading_domains(event.subject), event.subject)
            title = f"{event.subject} is retired"
            return [_notice(event, "retired", title, f"{event.subject} is not read any more.", owners=readers)]
        case "port.end_of_life":
            return [_end_of_life(event, registered)]
        case "port.override":
            return [_override(event, registered)]
        case "incident.opened" | "incident.closed":
            return [_incident(event)]
        case kind if kind in _ACCESS:
            return [_access(event)]
    told = policy_notices.told_of(event) or feedback_notices.told_of(event)
    if told is None:
        return []
    id_ = f"n-{event.seq}-{told.kinds[0]}"
    return [
        Notice(
            id_,
            told.kinds,
            event.at,
            told.subject,
            (told.subject,),
            told.title,
            told.text,
            told.owners,
            told.facts,
            told.people,
            told.roles,
        )
    ]


_ACCESS: Mapping[str, tuple[str, str]] = {
    "access.asked": ("access_asked", "is asked for, and waits for"),
    "access.approved_first": ("access_asked", "is approved by the first level, and waits for the second:"),
    "access.reminded": ("access_asked", "is asked for, and still waits for"),
    "access.raised": ("access_asked", "is asked for, and goes on to"),
    "access.review": ("access_asked", "has to be looked at again: a grant is due for review"),
    "access.decided": ("access_decided", ""),
    "access.ended": ("access_decided", "has ended for a reader"),
    "access.expired": ("access_decided", "is over for a reader"),
}
"""What an event about a port means for those who are told: the kind of notice, and words; of a decision it has them."""


def _access(event: Event) -> Notice:
    """What is told of a request or a grant: never a purpose or a reason, which can be erased."""
    kind, words = _ACCESS[event.kind]
    named = event.body.get("to")
    to = tuple(map(str, named)) if isinstance(named, list) else ()
    words = f"{words} {', '.join(to)}" if to else _UNNAMED.get(event.kind, words) or f"is {event.body['decision']}"
    title = f"Access to {event.subject} {words}"
    reader = next((f"{k} {event.body[k]}" for k in _READERS if event.body.get(k)), None)
    text = f"{title}, by {event.actor}." if event.actor != "weft" else f"{title}."
    if reader is not None:
        text += f" Reader: {reader}."
    if event.body.get("why"):
        text += f" Why: {event.body['why']}."
    if event.body.get("request"):
        text += f" `weft access list {event.body['request']}` shows it."
    owners = [event.subject.partition(".")[0]] if kind == "access_asked" else []
    product = event.body.get("product")
    if kind == "access_decided" and product:
        owners.append(str(product).partition(".")[0])
    facts = {name: event.body[name] for name in ("request", "grant", "decision") if event.body.get(name)}
    people, roles = (to, _LEAD if GOVERNANCE_LEAD in to else ()) if kind == "access_asked" else (_parties(event), ())
    return _notice(event, kind, title, text, owners=tuple(owners), facts=facts, people=people, roles=roles)


_UNNAMED: Mapping[str, str] = {
    "access.asked": "is asked for",
    "access.approved_first": "is approved by the first level, and waits for the second",
    "access.reminded": "is asked for, and still waits",
    "access.raised": "is asked for, and goes on to the next level",
}
"""The words where nobody is named who decides: what is granted at once waits for nobody."""


def _parties(event: Event) -> tuple[str, ...]:
    """Who is told what became of their request or grant: who asked, and the person who reads; not whoever did it."""
    asked_by = event.body.get("asked_by")
    at_once = event.actor == "weft" and event.kind == "access.decided"  # who asked was answered
    names = (None if at_once else asked_by, event.body.get("user"))
    found = dict.fromkeys(str(name) for name in names if name)
    return tuple(name for name in found if name != event.actor and not (at_once and name == asked_by))


def _published(event: Event, registered: Registered) -> list[Notice]:
    ports: Mapping[str, Mapping[str, Any]] = event.body["ports"]
    found = []
    if ports:
        lines = [f"{port}: version {one['version']}, {one['rows']:,} rows" for port, one in sorted(ports.items())]
        title = f"{event.subject} is published"
        facts = {
            "run": event.body["run"],
            "ports": {p: {k: one[k] for k in ("version", "rows", "snapshot")} for p, one in sorted(ports.items())},
        }
        text = "\n".join((f"{title}, by {event.actor}.", *lines))
        found.append(_notice(event, "published", title, text, subjects=(event.subject, *sorted(ports)), facts=facts))
    for port, one in sorted(ports.items()):
        before = registered.publication(port, int(one["revision"]) - 1)
        after = registered.publication(port, int(one["revision"]))
        if before is None or after is None:
            continue
        readers = _others(registered.reading_domains(port), port)
        if before.version != after.version or _promises(before.contract) != _promises(after.contract):
            moved = f"version {before.version} became {after.version}"
            moved = moved if before.version != after.version else f"still version {after.version}, with other words"
            found.append(
                _notice(
                    event,
                    "contract_changed",
                    f"The contract of {port} changed",
                    f"The contract of {port} changed: {moved}.",
                    subject=port,
                    owners=readers,
                    facts={"from": before.version, "to": after.version},
                )
            )
        if after.status == "deprecated" != before.status:
            text = f"{port} is deprecated: `weft show {port}` says until when it is read, and what takes its place."
            found.append(_notice(event, "deprecated", f"{port} is deprecated", text, subject=port, owners=readers))
    return found


def _end_of_life(event: Event, registered: Registered) -> Notice:
    left, day, successor = event.body["days_left"], event.body["day"], event.body.get("successor")
    when = "today" if left == 0 else f"in {left} day{'' if left == 1 else 's'}"
    then = f" Read its successor {successor} instead." if successor else ""
    return _notice(
        event,
        "end_of_life",
        f"{event.subject} ends {when}",
        f"The last day of {event.subject} is {day}, {when}.{then}",
        owners=tuple(dict.fromkeys((event.subject.partition(".")[0], *registered.reading_domains(event.subject)))),
        facts={"day": day, "days_left": left, "successor": successor},
    )


def _override(event: Event, registered: Registered) -> Notice:
    checks = ", ".join(sorted(event.body["checks"]))
    text = f"{event.subject} was published by {event.actor} against failed checks: {checks}."
    return _notice(
        event,
        "check_failed",
        f"{event.subject} is published against failed checks",
        text,
        owners=_others(registered.reading_domains(event.subject), event.subject),
        facts={"checks": sorted(event.body["checks"]), "until": event.body["until"]},
    )


def _incident(event: Event) -> Notice:
    body = event.body
    opened = event.kind == "incident.opened"
    subject, affected = str(body["subject"]), tuple(body["affected"])
    kinds = (str(body["cause"]), "incident_opened") if opened else ("incident_closed",)
    text = str(body["what"])
    if affected:
        text += f"\n{_affected(affected)}"
    return Notice(
        f"n-{event.seq}-1",
        kinds,
        event.at,
        subject,
        (subject, *affected),
        f"{subject}: {body['title']}",
        text,
        tuple(dict.fromkeys(a.partition(".")[0] for a in (subject, *affected, *body.get("readers", ())))),
        {"incident": body["incident"], "cause": body["cause"], "affected": list(affected)},
    )


_AFFECTED = "Affected: "


def _affected(ports: Sequence[str]) -> str:
    return f"{_AFFECTED}{', '.join(ports)}." if ports else ""


def _notice(
    event: Event,
    kind: str,
    title: str,
    text: str,
    *,
    subject: str | None = None,
    subjects: tuple[str, ...] = (),
    owners: tuple[str, ...] = (),
    facts: Mapping[str, Any] | None = None,
    people: tuple[str, ...] = (),
    roles: tuple[str, ...] = (),
) -> Notice:
    about = subject or event.subject
    name = kind if subject is None else f"{kind}-{subject}"
    id_ = f"n-{event.seq}-{name}"
    return Notice(id_, (kind,), event.at, about, subjects or (about,), title, text, owners, facts or {}, people, roles)


def _promises(contract: Mapping[str, Any]) -> dict[str, Any]:
    """A contract without what has a notice of its own."""
    return {key: value for key, value in contract.items() if key not in ("status", "version")}


def _others(domains: Sequence[str], address: str) -> tuple[str, ...]:
    """Domains but the one that did it."""
    own = address.partition(".")[0]
    return tuple(dict.fromkeys(d for d in domains if d != own))
