"""Pages of domains, products and ports as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from weft.catalog.pages import Page
from weft.cli.render.checks import counts_text
from weft.cli.render.marks import incidents_text, quarantine_text
from weft.cli.text import ago, counted, number, size_text, table, when
from weft.model.checks import CheckCounts


def page_text(page: Page, now: datetime, *, columns_wide: int | None = None) -> str:
    """A page for reading: title and figures first, then its parts."""
    render = {"domain": _domain, "product": _product, "port": _port}[page.kind]
    return "\n".join(_joined([[f"{page.title}  ({page.kind} {page.address})"], *render(page.body, now, columns_wide)]))


def _domain(body: Mapping[str, Any], now: datetime, columns_wide: int | None) -> list[list[str]]:
    products = [
        line
        for product in body["products"]
        for line in (
            f"{product['address']}  {product['title']}",
            *("  " + line for line in _ports(product["ports"], now, columns_wide)),
        )
    ]
    return [
        _texts([body["description"]]),
        _fields(
            {
                "incidents": incidents_text(body.get("incidents", ())),
                "kind": body["domain_kind"],
                "owner": _owner(body["owner"]),
                "members": ", ".join(f"{m['user']} ({', '.join(m['roles'])})" for m in body["members"]),
                "cost centre": body["cost_center"],
                "tags": ", ".join(body["tags"]),
            }
        ),
        products,
    ]


def _product(body: Mapping[str, Any], now: datetime, columns_wide: int | None) -> list[list[str]]:
    described = body["description"]
    return [
        _texts([described["purpose"], described["usage"], described["limitations"]]),
        _fields(
            {
                "incidents": incidents_text(body.get("incidents", ())),
                "status": body["status"],
                "version": body["version"],
                "owner": _owner(body["owner"]),
                "tags": ", ".join(body["tags"]),
                "reads": ", ".join([*body["reads"], *(f"{s['name']} (source)" for s in body["sources"])]),
                "ending": "; ".join(f"{d['address']} is {_standing(d['status'], d)}" for d in body["deprecated_reads"]),
                "read by": ", ".join(body["consumers"]),
                "last run": _run(body["last_run"], now),
            }
        ),
        _ports(body["ports"], now, columns_wide),
    ]


def _port(body: Mapping[str, Any], now: datetime, columns_wide: int | None) -> list[list[str]]:
    described = body["description"]
    size = f", {size_text(body['size_bytes'])}" if body["size_bytes"] is not None else ""
    default = "" if body["default"] else ", not the default major"
    majors = [m for m in body["majors"] if m["version"] != body["version"]]
    return [
        _texts([described["purpose"], described["usage"], described["limitations"]]),
        _fields(
            {
                "incidents": incidents_text(body.get("incidents", ())),
                "status": _standing(body["status"], body["end_of_life"]),
                "version": f"{body['version']}{default}",
                "other majors": ", ".join(f"{m['address']} {_ending(m['status'], m['end_of_life'])}" for m in majors),
                "owner": _owner(body["owner"]),
                "rows": f"{number(body['rows'])}{size}",
                "lives in": body.get("lives_in"),
                "published": f"{when(body['published_at'], now)} by {body['published_by']}, "
                f"snapshot {body['snapshot_id']}",
                "pinned": body["pinned"],
                "quarantine": quarantine_text(body["quarantine"]),
                "override": _override(body["override"]),
                "checks": _checks(body),
                "freshness": _freshness(body["freshness"]),
                "scheduled": "; ".join(_schedule(s) for s in body["contract"]["schedules"]),
                "key": ", ".join(body["contract"]["key"]),
                "tags": ", ".join(body["tags"]),
                "made from": ", ".join([*body["upstream"], *(f"{s} (source)" for s in body["sources"])]),
                "read by": ", ".join(body["downstream"]),
                "last run": _run(body["last_run"], now),
            }
        ),
        table(
            ["column", "type", "", "classified", "description"],
            [
                [c["name"], c["type"] or "", _promises(c), c["classification"] or "", c["description"] or ""]
                for c in body["columns"]
            ],
            columns=columns_wide,
        ).splitlines(),
        _notable_rules(body["contract"]["rules"]),
    ]


def _ports(ports: Sequence[Mapping[str, Any]], now: datetime, columns_wide: int | None) -> list[str]:
    if not ports:
        return ["no port is published"]
    rows = [
        [
            p["address"],
            _ending(p["status"], p["end_of_life"]),
            p["version"],
            number(p["rows"]),
            counts_text(CheckCounts(**p["checks"])),
            ago(datetime.fromisoformat(p["published_at"]), now),
        ]
        for p in ports
    ]
    header = ["port", "status", "version", "rows", "checks", "published"]
    return table(header, rows, right=[3], columns=columns_wide).splitlines()


def _standing(status: str, end: Mapping[str, Any] | None) -> str:
    """A status with its end and what takes its place."""
    ending = _ending(status, end)
    return f"{ending}; its successor is {end['successor']}" if end and end["successor"] else ending


def _ending(status: str, end: Mapping[str, Any] | None) -> str:
    """A status with its end: `deprecated until 2026-12-31 (40 days left)`."""
    if status == "retired" or end is None or end["date"] is None:
        return status
    if end["passed"]:
        return f"{status}, ended {end['date']}"
    return f"{status} until {end['date']} ({counted(end['days_left'], 'day')} left)"


def _override(found: Mapping[str, Any] | None) -> str:
    if found is None:
        return ""
    return f"{found['mark']}{' (ENDED: the next apply checks it again)' if found['ended'] else ''}"


def _checks(body: Mapping[str, Any]) -> str:
    text = counts_text(CheckCounts(**body["quality"]["checks"]))
    if body["quality"]["newest_failed"]:
        text += "; the newest run was refused, the rows of the run before are served"
    return text


def _schedule(found: Mapping[str, Any]) -> str:
    return f"{found['of']} {found['schedule']}{' (' + found['scheduler'] + ')' if found['scheduler'] else ''}"


def _freshness(found: Mapping[str, Any]) -> str:
    if found["state"] == "not_promised":
        return ""
    as_of = f", as of {found['reference_time']}" if found["reference_time"] else ""
    reason = f" ({found['reason']})" if found["state"] == "late" and found["reason"] else ""
    return f"{found['state']}{reason}: {found['promise']}{as_of}"


def _promises(column: Mapping[str, Any]) -> str:
    words = ["key"] if column["key"] else ["required"] if column["required"] else []
    return " ".join([*words, *(["unique"] if column["unique"] and not column["key"] else [])])


def _notable_rules(rules: Sequence[Mapping[str, Any]]) -> list[str]:
    lines = [
        f"{r['result'].replace('_', ' ')}  {r['id']}"
        + (f"  {counted(r['failed_rows'], 'row')}" if r["failed_rows"] is not None else "")
        + (f"  expected: {r['expected']}" if r["expected"] else "")
        for r in rules
        if r["result"] != "passed"
    ]
    return ["rules that did not pass:", *("  " + line for line in lines)] if lines else []


def _run(run: Mapping[str, Any] | None, now: datetime) -> str:
    if run is None:
        return ""
    return f"{run['run_id']} {run['outcome'] or run['state']} {when(run['finished_at'] or run['started_at'], now)}"


def _owner(owner: Mapping[str, Any]) -> str:
    return " ".join(filter(None, (owner["team"], f"<{owner['contact']}>" if owner["contact"] else "")))


def _fields(fields: Mapping[str, Any]) -> list[str]:
    shown = {name: str(value) for name, value in fields.items() if value}
    widest = max((len(name) for name in shown), default=0)
    return [f"{name:<{widest}}  {value}" for name, value in shown.items()]


def _texts(texts: Sequence[str | None]) -> list[str]:
    return [" ".join(str(t).split()) for t in texts if t]


def _joined(parts: Sequence[Sequence[str]]) -> list[str]:
    lines: list[str] = []
    for part in parts:
        if part:
            lines += [*([""] if lines else []), *part]
    return lines
