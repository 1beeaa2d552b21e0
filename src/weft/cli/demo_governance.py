"""Governance in the story of `weft demo`: compliance now, what is due, a waiver that ends, where personal data went."""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from weft.cli.output import print_text
from weft.cli.text import counted, indented, table

if TYPE_CHECKING:
    from weft.api.verbs import Verbs
    from weft.governance.book import Book

WAIVED, POLICY, DAYS = "weather.observations", "licence-is-stated", 30
_REASON = "The licence is being agreed with the station's operator"
_SHOWN = 4
_PERSONAL = """
SELECT "column", level_name(level), description FROM columns WHERE level > 1 ORDER BY "column"
"""
_ONWARD = """
SELECT e.source, e.target, coalesce(e.anonymised, e.transformation) FROM column_lineage e
WHERE e.kind = 'direct' AND e.source_port <> e.target_port
  AND EXISTS (SELECT 1 FROM columns c WHERE c."column" = e.source AND c.level > 1) ORDER BY 1, 2
"""


def governed(folder: Path) -> int:
    """Scans the mesh, lets one product off until a day, and follows personal data; returns the exit code."""
    from weft.api.governance.policies import Policies
    from weft.api.verbs import verbs_of
    from weft.config import load_settings
    from weft.wiring import Rooms

    with closing(Rooms(load_settings(folder))) as rooms:
        policies, verbs = Policies(rooms), verbs_of(rooms)
        scanned = policies.scanned()
        asked = counted(scanned["policies"], "policy", "policies")
        print_text(f"{asked} were asked of all products. {_kept(verbs)} of what they ask is kept.")
        due = verbs.governance.violations()["items"]
        print_text(f"\nWhat is due, and who is to mend it (weft -C {folder} violations):\n\n{_due(due)}")
        until = (rooms.now() + timedelta(days=DAYS)).date().isoformat()
        waiver = verbs.governance.waive(POLICY, WAIVED, reason=_REASON, until=until)
        policies.scanned()
        waived = [one["subject"] for one in verbs.governance.violations(states=["waived"])["items"]]
        print_text(
            f"\n{waiver['given_by']} lets {WAIVED} off `{POLICY}` until {waiver['until']}: “{waiver['reason']}”. The "
            f"waiver ends by itself, and stands beside {', '.join(waived)} until then. {_kept(verbs)} is kept now."
        )
        with rooms.governance.book.current() as book:
            print_text(
                f"\nWhere confidential data about people are, and where they went by lineage:\n\n{_personal(book)}"
            )
    return 0 if due and waived and not scanned["refused"] else 5


def _kept(verbs: Verbs) -> str:
    report = verbs.compliance()
    assert isinstance(report, dict), "json is a document"
    return f"{report['total']['score']:.1%}"


def _due(found: list[dict[str, Any]]) -> str:
    rows = [[one["due"][:10], one["severity"], one["policy"], one["subject"], one["owner"]] for one in found[:_SHOWN]]
    more = f"\n… and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return indented(table(["due", "severity", "policy", "subject", "owner"], rows) + more)


def _personal(book: Book) -> str:
    rows = [list(row) for row in book.ours(_PERSONAL)]
    onward = [f"{source} → {target} ({how})" for source, target, how in book.ours(_ONWARD)]
    told = "\n".join(onward) or "None of them was made into a column of another port."
    return indented(f"{table(['column', 'level', 'what it is'], rows)}\n\n{told}")
