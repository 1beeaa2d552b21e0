"""Access: asking for it, deciding on it, and who has it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from typing import TYPE_CHECKING, Any

from weft.access.permissions import Action, Caller, domains_of, may
from weft.api.catalog import Filters
from weft.errors import AccessDenied, Diagnostic, UsageError
from weft.model.address import Address, parse_address

if TYPE_CHECKING:
    from weft.api.platform import Platform

Document = dict[str, Any]
_PRODUCTS = 100
_PORTS = 20
"""How many ports one form asks for."""


def own(platform: Platform, caller: Caller) -> Document:
    """What the caller has asked for and may read."""
    return {
        **_tabs(caller),
        "requests": platform.access_lists.requests(caller),
        "grants": platform.access_lists.own(caller),
    }


def inbox(platform: Platform, caller: Caller, limit: int, cursor: str | None) -> Document:
    """A page of what the caller may decide now.

    Raises:
        UsageError: WFT-SRV-006, the cursor belongs to another list.
    """
    found = platform.access_lists.to_decide(caller, limit, cursor)
    return {**_tabs(caller), "requests": found["items"], "next": found["next"]}


def readers(platform: Platform, caller: Caller, port: str | None, limit: int, cursor: str | None) -> Document:
    """Who may read the ports on which the caller decides.

    Raises:
        UsageError: WFT-ACC-001, there is no such port.
    """
    return {**_tabs(caller), "port": port, **platform.access_lists.readers(caller, port, limit, cursor)}


def review(platform: Platform, caller: Caller) -> Document:
    """Grants that somebody has to look at again."""
    return {**_tabs(caller), "grants": platform.access.review(caller)}


def request(platform: Platform, caller: Caller, request_id: str) -> Document:
    """A request with its history, and with what it would show where it waits.

    Raises:
        UsageError: WFT-ACC-034, there is none, or none that the caller may know of.
    """
    found = platform.access.one(caller, request_id)
    for port in found["ports"]:
        port["foreseen"] = None
        if port["state"] == "waiting":
            port["foreseen"] = _or_none(
                lambda port=port: platform.access.foreseen(caller, request_id, port["address"])  # type: ignore[misc]
            )
    longest = [platform.access_lists.terms(parse_address(port["address"]))["longest_days"] for port in found["ports"]]
    return {
        **found,
        "can_decide": any(port["can_decide"] for port in found["ports"]),
        "can_withdraw": found["asked_by"] == caller.name and any(p["state"] == "waiting" for p in found["ports"]),
        "longest_days": min((days for days in longest if days is not None), default=None),
        "beside": platform.access_lists.beside(caller, request_id),
        "history": platform.access_lists.history(caller, request_id),
    }


def form(
    platform: Platform, caller: Caller, addresses: Sequence[str], written: Document, wrong: Sequence[Diagnostic] = ()
) -> Document:
    """What can be asked for of some ports, with what was written so far.

    Args:
        wrong: why what was written could not be asked for.
    """
    ports, problems = [], list(wrong)
    for address in dict.fromkeys(addresses[:_PORTS]):
        try:
            ports.append(_wanted(platform, caller, parse_address(address)))
        except UsageError as e:
            problems += e.diagnostics
    return {
        "ports": ports,
        "columns": _in_all([[c["name"] for c in port["columns"]] for port in ports]),
        "roles": _in_all([port["roles"] for port in ports]),
        "longest_days": min((p["longest_days"] for p in ports if p["longest_days"] is not None), default=None),
        "teams": sorted(platform.access.principal_of(caller).teams),
        "products": sorted(_products(platform, caller)),
        "written": written,
        "diagnostics": [{"why": None, "fix": None, **d.as_json()} for d in problems],
    }


def _wanted(platform: Platform, caller: Caller, port: Address) -> Document:
    page = platform.catalog.port(caller, port)
    pinned = parse_address(page["address"])
    seen = platform.access.would_see(caller, page["address"])
    levels = {column["name"]: column["classification"] for column in page["columns"]}
    return {
        "address": page["address"],
        "title": page["title"],
        "description": page["description"],
        "status": page["status"],
        "columns": [{**column, "classification": levels.get(column["name"])} for column in seen["columns"]],
        "allowed": seen["allowed"],
        "reason": seen["reason"],
        "filtered": seen["filtered"],
        "rules": seen["rules"],
        "stands": platform.access_lists.readable(caller, str(pinned)),
        **platform.access_lists.terms(pinned),
    }


def _products(platform: Platform, caller: Caller) -> list[str]:
    """Products for which the caller may ask, as far as a form can offer them."""
    import msgspec

    domains = domains_of(caller, Action.PUBLISH)
    return [
        msgspec.json.decode(one)["address"]
        for domain in sorted(domains or ())
        for one in platform.catalog.listed(caller, "product", Filters(domain=domain), _PRODUCTS, None)["items"]
    ]


def _in_all(lists: Sequence[Sequence[str]]) -> list[str]:
    """What every list has, in the order of the first."""
    if not lists:
        return []
    common = reduce(lambda known, more: known & set(more), lists[1:], set(lists[0]))
    return [name for name in lists[0] if name in common]


def _or_none(find: Callable[[], Document]) -> Document | None:
    """What is found; None where it is not for the caller, or where the port is gone meanwhile."""
    try:
        return find()
    except (AccessDenied, UsageError):
        return None


def _tabs(caller: Caller) -> Document:
    return {"decides": may(caller, Action.APPROVE)}
