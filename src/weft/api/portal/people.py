"""Teams, people, tags and terms: what each of them has to do with the mesh."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from weft.access.duties import DUTIES
from weft.api.catalog import Filters
from weft.api.cursors import cursor_of, place_of
from weft.errors import UsageError, error
from weft.model.records import domain_members

if TYPE_CHECKING:
    from weft.access.permissions import Caller
    from weft.api.platform import Platform

Document = dict[str, Any]
_MANY = 100


def team(platform: Platform, caller: Caller, name: str) -> Document:
    """A team: its domains with their people, and its products.

    Raises:
        UsageError: WFT-CAT-001, no domain has it as its owner, and nobody is in it.
    """
    filters = Filters(owner=name)
    domains = platform.catalog.listed(caller, "domain", filters, _MANY, None)["items"]
    records = [platform.rooms.production.domain(d["address"]) for d in _plain(domains)]
    people: dict[str, set[str]] = {}
    for record in records:
        for user, roles in domain_members(record) if record is not None else ():
            people.setdefault(user, set()).update(roles)
    members = platform.identity.users.of_team(name)
    if not records and not members:
        what = f"no team of this mesh is called `{name[:80]}`"
        raise UsageError(error("WFT-CAT-001", what, fix="domains name their teams; `/search` finds them"))
    for member in members:
        people.setdefault(member, set()).add("member")
    products = platform.catalog.listed(caller, "product", filters, _MANY, None)
    return {
        "name": name,
        "contact": next((r.owner_contact for r in records if r is not None and r.owner_contact), None),
        "domains": domains,
        "products": products["items"],
        "more": products["next"] is not None,
        "people": [{"user": user, "roles": sorted(roles)} for user, roles in sorted(people.items())],
    }


def person(platform: Platform, caller: Caller, name: str) -> Document:
    """Somebody: in which domains they are what, what that asks of them, and what they keep for others.

    The log names people as their machine or their provider does, so that a name need not be known here.
    """
    user = platform.identity.users.user(name)
    known = platform.identity.of_user(user) if user is not None else None
    domains = known.domains if known is not None else platform.identity.roles_of(name)
    mesh = known.mesh if known is not None else frozenset()
    roles = sorted({role for held in domains.values() for role in held} | mesh)
    found = {
        "name": name,
        "title": user.title if user is not None else None,
        "me": name == caller.name,
        "known": user is not None or bool(domains) or name == caller.name,
        "teams": list(user.teams) if user is not None else [],
        "mesh": sorted(role.value for role in mesh),
        "domains": [
            {"address": domain, "roles": sorted(role.value for role in held)}
            for domain, held in sorted(domains.items())
        ],
        "duties": [{"title": DUTIES[r].title, "must": list(DUTIES[r].must)} for r in roles if r in DUTIES],
        "queries": platform.saved_queries.listed(caller, name, 20)["items"],
    }
    if name == caller.name:
        found["grants"] = [
            g for g in platform.access.granted(caller, reader=name) if g["holds"] and g["kind"] == "user"
        ]
        found["reads"] = platform.audit.own(caller, 10)["items"]
        found["waiting"] = platform.feedback.waiting(caller)
    return found


def tag(platform: Platform, caller: Caller, name: str) -> Document:
    """What carries a tag: domains, products and ports.

    Raises:
        UsageError: WFT-CAT-001, nothing does.
    """
    filters = Filters(tag=name)
    found = {
        f"{kind}s": platform.catalog.listed(caller, kind, filters, _MANY, None)["items"]
        for kind in ("domain", "product", "port")
    }
    if not any(found.values()):
        what = f"nothing has the tag `{name[:80]}`"
        raise UsageError(error("WFT-CAT-001", what, fix="`/search` finds words of all kinds"))
    return {"name": name, **found}


def terms(platform: Platform, words: str, domain: str | None, cursor: str | None) -> Document:
    """A page of the glossary in the order of names, or the terms that some words mean, best first.

    Raises:
        UsageError: WFT-SRV-006, the cursor belongs to another list.
    """
    every = platform.glossaries.listed(None)["terms"]
    domains = sorted({t["domain"] for t in every if t["domain"] is not None})
    page = {"words": words, "domain": domain, "domains": domains, "all": len(every)}
    if words:
        known = {t["name"]: t for t in every}
        hits = platform.glossaries.found(words, domain, _MANY)
        return {**page, "terms": [known[h["address"]] for h in hits["results"]], "total": hits["total"], "next": None}
    own = [t for t in every if domain is None or t["domain"] == domain]
    of = f"terms {domain}"
    place = place_of(of, cursor, str)
    behind = [t for t in own if place is None or t["name"] > place[0]]
    following = cursor_of(of, [behind[_MANY - 1]["name"]]) if len(behind) > _MANY else None
    return {**page, "terms": behind[:_MANY], "total": len(own), "next": following}


def term(platform: Platform, caller: Caller, name: str) -> Document:
    """A term with those around it and the columns that mean it.

    Raises:
        UsageError: WFT-GOV-042, there is none of that name.
    """
    found = platform.glossaries.shown(caller, name)
    around = platform.glossaries.around(caller, name)
    for one in around["kinds"]:
        one["columns"], one["more"] = one["columns"][:_MANY], max(len(one["columns"]) - _MANY, 0)
    return {
        **found,
        "around": around,
        "more": max(len(found["columns"]) - 5 * _MANY, 0),
        "columns": found["columns"][: 5 * _MANY],
    }


def _plain(lines: list[Any]) -> list[Document]:
    """Lines of a list, which come written, as values."""
    import msgspec

    return [msgspec.json.decode(line) for line in lines]
