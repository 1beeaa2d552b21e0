"""Where one begins: what waits for somebody, what is new, what there is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from msgspec.json import decode

from weft.access.permissions import Action, Caller, may
from weft.api.catalog import Filters
from weft.api.portal.deprecating import touching
from weft.api.portal.glancing import NOTHING, glances
from weft.catalog.linked import port_page
from weft.catalog.looks import Within
from weft.catalog.search import FACETS
from weft.project.example import DEMO_MARK

if TYPE_CHECKING:
    from weft.api.platform import Platform

Document = dict[str, Any]
_NEW = 12
_PAGE = 100
_TERMS = 3
_WORK = 20
_LONG = 90
_SOON = timedelta(days=14)


def home(platform: Platform, caller: Caller) -> Document:
    """What waits for the caller, the newest publications, and the domains."""
    return {
        "work": sorted(_work(platform, caller), key=lambda one: one["due"] or "")[:_WORK],
        "new": list(_new(platform, caller)),
        "domains": platform.catalog.listed(caller, "domain", Filters(), 60, None)["items"],
        "demo": (platform.rooms.settings.state / DEMO_MARK).is_file(),
    }


def domain(platform: Platform, caller: Caller, name: str) -> Document:
    """A domain with its first products, each with what a glance at it says.

    Raises:
        UsageError: WFT-CAT-001, there is none of that name.
    """
    found = platform.catalog.domain(name)
    return {**found, "products": _glanced(platform, caller, Filters(domain=name), 50, None)}


def products(platform: Platform, caller: Caller, filters: Filters, cursor: str | None) -> Document:
    """A page of the products, each with what a glance at it says.

    Raises:
        UsageError: WFT-SRV-006, the cursor is none of this list.
    """
    return _glanced(platform, caller, filters, _PAGE, cursor)


def _glanced(platform: Platform, caller: Caller, filters: Filters, limit: int, cursor: str | None) -> Document:
    page = platform.catalog.listed(caller, "product", filters, limit, cursor)
    items = [decode(line) for line in page["items"]]
    seen = glances(platform, caller, [one["address"] for one in items])
    return {**page, "items": [{**one, **seen.get(one["address"], NOTHING)} for one in items]}


def search(platform: Platform, caller: Caller, words: str, within: Within, limit: int) -> Document:
    """What the words mean, with what it was asked by; columns stand under their port.

    Raises:
        UsageError: WFT-CAT-001, there is no such domain.
    """
    if within.kind == "term":
        found = platform.glossaries.found(words, within.domain, limit)
    else:
        found = platform.catalog.search(caller, words, within, limit)
    narrowed = {facet: getattr(within, facet) for facet in FACETS}
    results = _described(platform, caller, _gathered(found["results"]))
    meanings = platform.glossaries.meanings(one["address"] for one in results if one["kind"] == "term")
    results = [{**one, "about": one["about"] or meanings.get(one["address"])} for one in results]
    terms = platform.glossaries.called(words, _TERMS) if not any(narrowed.values()) else []
    return {**found, "results": results, "terms": terms, "words": words, "narrowed": narrowed}


def _gathered(hits: list[Document]) -> list[Document]:
    """Hits with the columns of each port under the best hit among them, in the order of these."""
    heads: dict[str, Document] = {}
    for hit in hits:
        of = ".".join(hit["address"].split(".")[:3]) if hit["kind"] == "column" else hit["address"]
        head = heads.setdefault(of, {**hit, "address": of, "kind": "port", "columns": []})
        if hit["kind"] == "column":
            name = hit["address"].removeprefix(f"{of}.")
            head["columns"].append({"name": name, "address": hit["address"], "title": hit["title"], "why": hit["why"]})
        else:
            head.update(hit)
    for of, head in heads.items():
        if head["columns"] and head["title"] == head["columns"][0]["title"]:
            head["title"] = of  # the port itself was not among the hits
    return list(heads.values())


def _described(platform: Platform, caller: Caller, results: list[Document]) -> list[Document]:
    """Results with what they are for, who answers for them and how they stand; a port with its product."""
    of = {one["address"]: ".".join(one["address"].split(".")[:2]) for one in results if one["kind"] == "port"}
    named = {one["address"] for one in results if one["kind"] != "term"}  # a term may have a domain's name
    lines = platform.catalog.lines(caller, {*of.values(), *named})
    seen = glances(platform, caller, of.keys() | {one["address"] for one in results if one["kind"] == "product"})
    described = []
    for one in results:
        line = lines.get(one["address"], {}) if one["kind"] != "term" else {}
        product = lines.get(of.get(one["address"], ""), {})
        about = line if one["kind"] != "port" else product
        title = line.get("title") if one["title"] == one["address"] else one["title"]
        described.append(
            {
                **one,
                "title": title or one["title"],
                "product": product.get("title"),
                "status": line.get("status"),
                "owner": line.get("owner"),
                "about": about.get("purpose") or about.get("description"),
                **seen.get(one["address"], NOTHING),
            }
        )
    return described


def _work(platform: Platform, caller: Caller) -> Iterator[Document]:
    """Lines of the caller's own list: what kind, which page, by when."""
    for request in platform.access_lists.to_decide(caller, _WORK)["items"]:
        title = f"{request['reader']} asks for {', '.join(port['address'] for port in request['ports'])}"
        yield _line("request", "accent", title, f"/access/requests/{request['request_id']}", request["at"])
    for approval in platform.approvals.listed(caller, state="waiting")["items"]:
        if may(caller, Action.DECIDE_POLICY, approval["product"].partition(".")[0]):
            title = f"{approval['product']} waits for an approval"
            yield _line("approval", "accent", title, f"/governance/approvals/{approval['approval_id']}", None)
    soon = (platform.rooms.now() + _SOON).isoformat()
    for one in platform.governance.violations(caller, mine=True, limit=_WORK)["items"]:
        if one["state"] in ("open", "overdue") and one["due"] < soon:
            title = f"{one['subject']}: {one['title']}"
            yield _line("violation", "warn", title, f"/governance/violations/{one['violation_id']}", one["due"])
    for one in platform.feedback.waiting(caller, _WORK):
        title = one["text"] if len(one["text"]) <= _LONG else f"{one['text'][:_LONG]}…"
        path = f"/products/{one['product'].replace('.', '/')}?tab=questions#{one['question_id']}"
        yield _line(one["kind"], "accent", title, path, one["asked_at"])
    for incident in platform.incidents.shown_to(caller):
        if incident["subject"].partition(".")[0] in caller.domains:
            yield _line(
                "incident", "bad", _incident(incident), f"/incidents/{incident['incident_id']}", incident["opened_at"]
            )
    yield from map(_deprecation, touching(platform, caller))


def _deprecation(one: Document) -> Document:
    left = one["days"]
    ends = "" if left is None else ", until today" if left == 0 else f", {left} day{'' if left == 1 else 's'} left"
    return _line("deprecation", "warn", f"{one['title']}{ends}", port_page("", one["address"]), one["end"])


def _incident(incident: Document) -> str:
    return f"{incident['subject']}: {incident['what']}"


def _line(kind: str, tone: str, title: str, path: str, due: str | None) -> Document:
    return {"kind": kind, "tone": tone, "title": title, "path": path, "due": due}


def _new(platform: Platform, caller: Caller) -> Iterator[Document]:
    """Ports that were published last, each once."""
    found = list(_published(platform, caller))
    lines = platform.catalog.lines(caller, [one["address"] for one in found])
    for one in found:
        yield {**one, "title": lines.get(one["address"], {}).get("title") or one["address"]}


def _published(platform: Platform, caller: Caller) -> Iterator[Document]:
    seen = set[str]()
    for run in platform.records.runs(caller, None, 4 * _NEW, None)["items"]:
        for port in run["ports"]:
            if port["outcome"] != "published" or port["address"] in seen or len(seen) >= _NEW:
                continue
            seen.add(port["address"])
            yield {"address": port["address"], "what": "published", "at": run["finished_at"]}
