"""Requests, grants and decisions for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from weft.cli.text import table

_Shown = Mapping[str, Any]


def request_page(request: _Shown) -> str:
    """A request with how each of its ports stands."""
    reader = _reader(request["kind"], request["reader"])
    until = f", until {_last_day(request['until'])}" if request["until"] else ""
    lines = [f"{request['request_id']}: {reader} wants to read{until}, asked for by {request['asked_by']}"]
    lines.append(f"purpose: {request['purpose'] if request['purpose'] is not None else '(erased)'}")
    if request["columns"] is not None:
        lines.append(f"columns: {', '.join(request['columns'])}")
    if request["roles"]:
        lines.append(f"roles: {', '.join(request['roles'])}")
    rows = [[port["address"], port["state"], _how(port)] for port in request["ports"]]
    return "\n".join([*lines, "", table(["port", "state", ""], rows)])


def requests_table(requests: Sequence[_Shown]) -> str:
    """Requests, a line for each."""
    rows = [
        [
            one["request_id"],
            one["at"][:10],
            _reader(one["kind"], one["reader"]),
            ", ".join(sorted({port["state"] for port in one["ports"]})),
            _some([port["address"] for port in one["ports"]]),
            one["purpose"] or "(erased)",
        ]
        for one in requests
    ]
    return table(["request", "asked", "reader", "state", "ports", "purpose"], rows)


def grants_table(grants: Sequence[_Shown]) -> str:
    """Grants, a line for each."""
    rows = [
        [
            one["grant_id"],
            one["address"],
            _reader(one["kind"], one["consumer"]),
            _some(one["columns"]) if one["columns"] is not None else "all",
            _end(one),
            one["given_by"] or one["basis"],
            one["purpose"] or "",
        ]
        for one in grants
    ]
    return table(["grant", "port", "reader", "columns", "until", "given by", "purpose"], rows)


def review_table(grants: Sequence[_Shown]) -> str:
    """Grants that somebody has to look at, with why."""
    rows = [
        [one["grant_id"], one["address"], _reader(one["kind"], one["consumer"]), one["review"], one["purpose"] or ""]
        for one in grants
    ]
    return table(["grant", "port", "reader", "why", "purpose"], rows)


def explanation_page(found: _Shown) -> str:
    """What somebody sees of a port, with the rule behind each column, mask and filter."""
    who = _reader(found["kind"], found["principal"])
    if not found["allowed"]:
        lines = [f"{who} may not read {found['address']}", f"why: {found['reason']}"]
        return "\n".join([*lines, *_rules(found["rules"])])
    lines = [f"{who} reads {found['address']}"]
    lines += [f"why: {account}" for account in found["accounts"]]
    rows = []
    for column in found["columns"]:
        shown = column["shown"] if column["mask"] is None else _mask(column["mask"])
        why = [f"{_about(one, column['name'])}{one['sentence']} ({_rule(one)})" for one in column["why"]]
        rows.append([column["name"], column["type"], shown, "; ".join(dict.fromkeys(why))])
    lines += ["", table(["column", "type", "shown", "why"], rows), ""]
    if not found["filtered"]:
        lines.append("rows: all")
    else:
        lines.append(f"rows: those with {found['filter']}" if found["filter"] else "rows: not all")
        lines += _rules(found["rules"])
    return "\n".join(lines)


def _rules(rules: Sequence[_Shown]) -> list[str]:
    return [f"  {one['sentence']} ({_rule(one)})" for one in rules]


def _rule(one: _Shown) -> str:
    return f"{one['rule']}, {one['file']}" if one["file"] else str(one["rule"])


def _about(one: _Shown, column: str) -> str:
    return "" if one["about"] == column else f"{one['about']}: "


def _mask(mask: _Shown) -> str:
    if mask["kind"] == "inside":
        return f"inside ({', '.join(f'{name}: {_mask(part)}' for name, part in mask['parts'].items())})"
    size = mask.get("count") or mask.get("size")
    return f"{mask['kind']} {size}" if size else str(mask["kind"])


def _how(port: _Shown) -> str:
    if port["state"] == "waiting":
        return f"waits for {', '.join(port['waits_for'])}"
    by = f"by {port['decided_by']}" if port["decided_by"] else ""
    grant = f", grant {port['grant_id']}" if port["grant_id"] else ""
    return f"{by}{grant}{': ' + port['reason'] if port['reason'] else ''}"


def _end(grant: _Shown) -> str:
    if not grant["holds"]:
        return f"ended {grant['ends_at'][:10]}" if grant["ends_at"] else "not yet"
    return _last_day(grant["ends_at"]) if grant["ends_at"] else ""


def _last_day(end: str) -> str:
    """The last day before an end."""
    from datetime import datetime, timedelta

    return f"{datetime.fromisoformat(end) - timedelta(microseconds=1):%Y-%m-%d}"


def _reader(kind: str, name: str) -> str:
    return name if kind in ("user", "product", "owner") else f"{kind} {name}"


def _some(names: Sequence[str], most: int = 3) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
