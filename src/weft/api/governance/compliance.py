"""Reports of compliance from the registry's log, and what scans write into it for them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from weft.errors import UsageError, did_you_mean, error
from weft.governance.compliance import Report, report
from weft.governance.compliance_ledger import Happened, Ledger
from weft.registry.compliance import ComplianceLog, Record
from weft.registry.database import Database

if TYPE_CHECKING:
    from weft.governance.book import Book
    from weft.governance.policies import PolicySet

DAYS = 90
"""How many days the trend has, where nobody says."""


def write_down(database: Database, book: Book, policies: PolicySet, now: datetime) -> int:
    """Writes into the log what policies ask of which products, where that has changed. For every scan of the mesh.

    Returns:
        How many events it took.
    """
    from weft.governance.compliance_scope import news, scopes

    products, about = scopes(book, policies)

    def new(known: Iterator[Record]) -> Iterator[tuple[str, str, Any]]:
        ledger = Ledger()
        for record in known:
            ledger.take(Happened(*record))
        return news(ledger, products, about)

    return ComplianceLog(database).add(new, now)


def compliance(
    database: Database,
    mesh: str,
    now: datetime,
    *,
    at: str | None = None,
    regulation: str | None = None,
    domains: frozenset[str] | None = None,
    days: int = DAYS,
    products: bool = True,
) -> Report:
    """The report of a time, as the log has it.

    Args:
        at: a day, meant to its end (UTC), or a moment; None: now.
        domains: products of these alone; None: of all.
        products: whether each product has a line and a trend.

    Raises:
        UsageError: WFT-GOV-048, there is nothing to report of that time or regulation; WFT-CLI-001, it is no time.
    """
    moment = moment_of(at, now)
    log = ComplianceLog(database)
    end = log.end(moment)
    if regulation is not None:
        _require_regulation(log, end.seq, moment, regulation)
    events = (Happened(*record) for record in log.records(end.seq))
    found = report(
        events, mesh, moment, anchor=str(end), regulation=regulation, domains=domains, days=days, products=products
    )
    if found is None:
        raise not_written(moment)
    return replace(found, final=_is_over(at, now))


def rendered(found: Report, form: str) -> dict[str, Any] | str:
    """A report as a document, or as the text of a table or page: `csv` or `html`."""
    from weft.governance import compliance_texts as texts

    return {"csv": texts.as_csv, "html": texts.as_html}.get(form, texts.as_json)(found)


def moment_of(at: str | None, now: datetime) -> datetime:
    """The time that is meant: the end of a day, or now where that is not over; None is now.

    Raises:
        UsageError: WFT-GOV-048, it lies in the future; WFT-CLI-001, it is no time.
    """
    from weft.access.versions import parse_time

    if at is None:
        return now
    moment = parse_time(at)
    if len(at) <= len("2026-11-21"):
        moment = min(moment + timedelta(days=1) - timedelta(microseconds=1), max(moment, now))
    if moment > now:
        raise _nothing(f"{at} lies in the future", "a report is of what has happened", "take a day that is over")
    return moment


def _is_over(at: str | None, now: datetime) -> bool:
    """Whether a time that was asked for is over: what is reported of it changes no more."""
    if at is None:
        return False
    from weft.access.versions import parse_time

    return len(at) > len("2026-11-21") or parse_time(at) + timedelta(days=1) <= now


def _require_regulation(log: ComplianceLog, last: int, moment: datetime, regulation: str) -> None:
    ledger = Ledger()
    for record in log.records(last, asked=True):
        if record[1] <= moment:
            ledger.take(Happened(*record))
    require_known(regulation, sorted(ledger.regulations()))


def require_known(regulation: str, known: Sequence[str]) -> None:
    """Refuses a regulation that no policy names.

    Raises:
        UsageError: WFT-GOV-048.
    """
    if regulation not in known:
        listed = f"policies name: {', '.join(known)}" if known else "no policy names a regulation"
        raise _nothing(f"no policy names the regulation `{regulation[:80]}`", listed, did_you_mean(regulation, known))


def not_written(moment: datetime) -> UsageError:
    """That no scan had been there at a time."""
    return _nothing(
        f"nothing is known of compliance on {moment:%Y-%m-%d}",
        "no scan had written down by then what policies ask of which products",
        "`weft policy scan` does it; take a later day",
    )


def _nothing(what: str, why: str, fix: str | None) -> UsageError:
    return UsageError(error("WFT-GOV-048", what, why=why, fix=fix))
