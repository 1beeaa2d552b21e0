"""`weft approvals list` and `weft approvals show`."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import click

from weft.cli.options import examples, format_option
from weft.cli.output import print_json, print_text
from weft.cli.text import counted, table, utc_minute


@click.command(
    "list",
    help="List approvals, newest first; without --state those that wait.",
    epilog=examples("weft approvals list", "weft approvals list --state declined"),
)
@click.option(
    "--state",
    type=click.Choice(("waiting", "approved", "declined", "all")),
    default="waiting",
    show_default=True,
    help="Those in a state.",
)
@click.option("--limit", type=click.IntRange(1, 100_000), default=200, show_default=True, help="How many.")
@format_option()
def list_(state: str, limit: int, form: str) -> int:
    from weft.api.verbs import open_verbs

    with closing(open_verbs()) as verbs:
        found = verbs.governance.approvals(state=None if state == "all" else state, limit=limit)
    if form == "json":
        print_json(found)
        return 0
    rows = [
        [one["approval_id"], _state(one), one["product"], one["policy"], " or ".join(one["roles"]), one["asked_by"]]
        for one in found["items"]
    ]
    heads = ["approval", "state", "product", "policy", "for", "asked by"]
    print_text(table(heads, rows) if rows else "nothing waits for anybody")
    return 0


@click.command("show", help="Show an approval.", epilog=examples("weft approvals show p-0f3a99c2b1d4"))
@click.argument("approval", metavar="ID")
@format_option()
def show(approval: str, form: str) -> int:
    from weft.api.verbs import open_verbs

    with closing(open_verbs()) as verbs:
        one = verbs.governance.approval(approval)
    if form == "json":
        print_json(one)
    else:
        print_text(_page(one))
    return 0


def _state(one: dict[str, Any]) -> str:
    return "superseded" if one["state"] == "waiting" and one.get("superseded_by") else str(one["state"])


def _page(one: dict[str, Any]) -> str:
    lines = [
        f"{one['product']}: {_state(one)}  ({one['approval_id']})",
        f"policy: {one['policy']}  {one['why'] or ''}".rstrip(),
        f"content: {one['digest'][:16]}",
        f"asked by {one['asked_by']}, {utc_minute(one['asked_at'])}, of {' or '.join(one['roles'])}",
    ]
    if _state(one) == "superseded":
        lines.append(f"other content was asked for since: {one['superseded_by']}")
    lines += [line for port in one.get("content") or [] for line in _port(port)]
    if one["decided_at"] is not None:
        reason = one["reason"] if one["reason"] is not None else "the reason was erased"
        lines.append(f"{one['state']} by {one['decided_by']}, {utc_minute(one['decided_at'])}: {reason}")
    return "\n".join(lines)


def _port(port: dict[str, Any]) -> list[str]:
    """What a port would become."""
    if port["what"] == "changed":
        of = f", {port['verdict']}" if port["verdict"] != "none" else ""
        lines = [f"{port['port']}: {port['before']} -> {port['version']}{of}"]
        lines += [f"  {c['path']}: {c['kind']}" for c in port["changes"]]
        lines += [f"  and {counted(port['more'], 'more change')}"] if port["more"] else []
        return lines + [f"  model {name} is computed otherwise" for name in port["models"]]
    return [f"{port['port']}: {'new, ' + port['version'] if port['what'] == 'new' else 'retired'}"]
