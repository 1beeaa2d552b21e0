"""Compliance: scores and trends, folded from events alone."""

from __future__ import annotations

import csv
import datetime as dt
import io
import random
from typing import Any
from xml.etree import ElementTree

import pytest

from weft.governance.compliance import Report, report
from weft.governance.compliance_ledger import PRODUCTS, SCOPE, Happened, Ledger, Line, rounded
from weft.governance.compliance_texts import as_csv, as_html, as_json

DAY0 = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
MESH = "flights"


def day(number: float) -> dt.datetime:
    return DAY0 + dt.timedelta(days=number)


class Log:
    """Events as a mesh writes them."""

    def __init__(self) -> None:
        self.events: list[Happened] = []

    def add(self, at: float, kind: str, **body: Any) -> None:
        self.events.append(Happened(len(self.events) + 1, day(at), kind, body))

    def violation(self, at: float, number: str, policy: str, subject: str, state: str) -> None:
        parts = subject.split(".")
        product = ".".join(parts[:2]) if len(parts) > 1 else None
        domain = parts[0] if not subject.startswith("policy:") else None
        body = {"violation": number, "policy": policy, "subject": subject, "state": state}
        self.add(at, f"violation.{state}", **body, product=None if domain is None else product, domain=domain)

    def report(self, at: float, **more: Any) -> Report:
        found = report(self.events, MESH, day(at), **more)
        assert found is not None
        return found


@pytest.fixture
def log() -> Log:
    """Two domains with three products; `owner` asks of all, `basis` of two of them."""
    made = Log()
    made.add(0, PRODUCTS, added=["sales.orders", "sales.returns", "crew.roster"], removed=[])
    made.add(0, SCOPE, policy="owner", title="Owner <named>", regulations=["gdpr:art-30", "sox"], **{"except": []})
    made.add(
        0, SCOPE, policy="basis", title="Legal basis", regulations=["gdpr:art-6"], only=["sales.orders", "crew.roster"]
    )
    return made


def counts(line: Line) -> tuple[int, int, int, int, int]:
    return line.kept, line.waived, line.baseline, line.violated, line.unknown


def named(found: Report, section: str) -> dict[str, Line]:
    return {line.name: line for line in found.sections[section]}


def test_the_score_is_the_share_of_pairs_without_an_open_violation_and_what_is_let_off_is_shown_apart(log):
    log.violation(1, "v1", "owner", "sales.orders", "open")
    log.violation(1, "v2", "basis", "sales.orders.orders@1.email", "waived")
    log.violation(1, "v3", "basis", "crew.roster.assignments@1", "known")

    found = log.report(2)

    assert counts(found.total) == (2, 1, 1, 1, 0)
    assert found.total.score == 4 / 5
    assert {n: counts(line) for n, line in named(found, "domain").items()} == {
        "sales": (1, 1, 0, 1, 0),
        "crew": (1, 0, 1, 0, 0),
    }
    assert [line.name for line in found.sections["product"]] == ["sales.orders", "crew.roster", "sales.returns"]
    assert {n: line.score for n, line in named(found, "policy").items()} == {"owner": 2 / 3, "basis": 1.0}
    assert {n: counts(line) for n, line in named(found, "regulation").items()} == {
        "gdpr": (2, 1, 1, 1, 0),
        "sox": (2, 0, 0, 1, 0),
    }


def test_of_several_violations_of_a_pair_the_worst_counts_and_it_counts_once(log):
    for number, state in enumerate(["open", "waived", "overdue", "known"]):
        log.violation(1, f"v{number}", "owner", f"sales.orders.orders@1.c{number}", state)

    assert counts(log.report(2).total) == (4, 0, 0, 1, 0)


def test_what_is_resolved_counts_no_more_and_what_comes_back_counts_again(log):
    log.violation(1, "v", "owner", "sales.orders", "open")
    log.violation(3, "v", "owner", "sales.orders", "resolved")
    log.violation(5, "v", "owner", "sales.orders", "overdue")

    assert [log.report(at).total.violated for at in (0.5, 2, 4, 6)] == [0, 1, 0, 1]


def test_a_violation_of_a_domain_counts_for_each_of_its_products(log):
    log.violation(1, "v", "owner", "sales", "open")

    assert {n: line.violated for n, line in named(log.report(2), "product").items()} == {
        "sales.orders": 1,
        "sales.returns": 1,
        "crew.roster": 0,
    }


def test_a_policy_that_cannot_be_asked_is_kept_by_nobody(log):
    log.violation(1, "v", "basis", "policy:basis", "open")

    found = log.report(2)

    assert counts(named(found, "policy")["basis"]) == (0, 0, 0, 0, 2)
    assert named(found, "policy")["basis"].score == 0.0
    assert counts(found.total) == (3, 0, 0, 0, 2)


def test_a_report_of_a_past_day_is_the_same_whenever_it_is_made(log):
    log.violation(1, "v", "owner", "sales.orders", "open")
    then = log.report(2)
    log.violation(3, "v", "owner", "sales.orders", "resolved")
    log.add(4, SCOPE, policy="owner", ended=True)
    log.add(4, PRODUCTS, added=["new.product"], removed=["sales.orders"])

    assert as_json(log.report(2)) == as_json(then)
    assert as_html(log.report(2)) == as_html(then)
    assert counts(log.report(5).total) == (1, 0, 0, 0, 0)


def test_a_new_product_is_asked_what_all_but_some_are_asked_and_a_policy_that_ends_asks_nobody(log):
    log.add(1, PRODUCTS, added=["sales.loans"], removed=["sales.returns"])

    assert {n: line.pairs for n, line in named(log.report(2), "product").items()} == {
        "sales.loans": 1,
        "sales.orders": 2,
        "crew.roster": 2,
    }
    log.add(3, SCOPE, policy="owner", ended=True)
    assert set(named(log.report(4), "policy")) == {"basis"}


def test_the_trend_begins_with_the_first_scan_and_tells_the_change_since(log):
    log.violation(10, "v", "owner", "sales.orders", "open")
    log.violation(20, "v2", "basis", "sales.orders", "open")

    found = log.report(30, days=60, points=13)

    assert [(p.at, p.pairs) for p in found.trend][::3] == [(day(n), 5) for n in (0, 15, 30)]
    assert [p.score for p in found.trend] == [1.0, 1.0, 0.8, 0.8, 0.6, 0.6, 0.6]
    assert (found.since, found.total.before) == (day(0), 1.0)
    assert [p.score for p in found.trends["domain"]["crew"]] == [1.0] * 7
    assert named(found, "policy")["basis"].before == 1.0


def test_a_report_of_one_regulation_or_of_some_domains_has_these_alone(log):
    log.violation(1, "v", "owner", "sales.orders", "open")

    sox = log.report(2, regulation="sox")
    crew = log.report(2, domains=frozenset({"crew"}))

    assert (counts(sox.total), set(named(sox, "policy"))) == ((2, 0, 0, 1, 0), {"owner"})
    assert (counts(crew.total), set(named(crew, "domain"))) == ((2, 0, 0, 0, 0), {"crew"})
    assert set(named(crew, "product")) == {"crew.roster"}


def test_before_the_first_scan_there_is_nothing_to_report(log):
    assert report(log.events, MESH, day(-1)) is None
    assert report([], MESH, day(1)) is None


def test_a_score_of_nearly_all_is_not_printed_as_all():
    assert rounded(99_999 / 100_000) == 0.9999
    assert (rounded(1.0), rounded(None), rounded(0.29)) == (1.0, None, 0.29)


def test_the_table_has_a_row_for_each_line_and_no_formula(log):
    log.add(1, SCOPE, policy="evil", title='=HYPERLINK("x")', regulations=[], only=["crew.roster"])

    rows = list(csv.DictReader(io.StringIO(as_csv(log.report(2)))))

    assert [r["section"] for r in rows] == [
        "all",
        *["domain"] * 2,
        *["product"] * 3,
        *["policy"] * 3,
        *["regulation"] * 2,
    ]
    assert rows[0]["score"] == "1.0"
    assert [r["title"] for r in rows if r["name"] == "evil"] == ['\'=HYPERLINK("x")']


def test_the_page_stands_alone_draws_the_trend_and_escapes_what_people_wrote(log):
    log.violation(1, "v", "owner", "sales.orders", "open")
    page = as_html(log.report(40, days=40))

    assert "Owner &lt;named&gt;" in page and "<named>" not in page
    assert all(word not in page for word in ("http:", "https:", "<script", "<link", "src="))
    drawing = page[page.index("<svg") : page.index("</svg>") + 6]
    (line,) = ElementTree.fromstring(drawing).iter("polyline")
    points = [tuple(map(float, p.split(","))) for p in line.get("points", "").split()]
    assert len(points) == 30
    assert points[0][0] < points[-1][0] and points[0][1] < points[-1][1]  # down on the page is less


def test_what_is_folded_event_by_event_is_what_counting_anew_gives():
    """Pairs are counted from the events; here they are counted from what these events say at the end."""
    for seed in range(30):
        draw, log = random.Random(seed), Log()
        products = [f"d{n % 3}.p{n}" for n in range(8)]
        log.add(0, PRODUCTS, added=products, removed=[])
        scopes = {f"r{n}": set(draw.sample(products, draw.randrange(9))) for n in range(4)}
        for policy, scope in scopes.items():
            log.add(0, SCOPE, policy=policy, title=policy, regulations=[], only=sorted(scope))
        states: dict[tuple[str, str], str] = {}
        for _ in range(60):
            policy, product = draw.choice(sorted(scopes)), draw.choice(products)
            state = draw.choice(["open", "overdue", "waived", "known", "resolved"])
            states[policy, product] = state
            log.violation(1, f"{policy} {product}", policy, product, state)

        expected = [
            {"open": "violated", "overdue": "violated", "waived": "waived", "known": "baseline"}.get(
                states.get((policy, product), ""), "kept"
            )
            for policy, scope in scopes.items()
            for product in scope
        ]
        words = ("kept", "waived", "baseline", "violated", "unknown")
        ledger = Ledger()
        for event in log.events:
            ledger.take(event)
        assert counts(ledger.lines()[""][""]) == tuple(expected.count(word) for word in words)


def random_log(draw: random.Random) -> Log:
    """A mesh in which products come and go, policies change and end, and domains and policies themselves violate."""
    log, products = Log(), [f"d{n % 3}.p{n}" for n in range(9)]
    log.add(0, PRODUCTS, added=products[:5], removed=[])
    policies = ["r0", "r1", "r2", "r3"]
    for at in range(1, 61):
        policy, kind = draw.choice(policies), draw.random()
        if kind < 0.1:
            log.add(at, PRODUCTS, added=draw.sample(products, 2), removed=draw.sample(products, 1))
        elif kind < 0.2:
            scope = {draw.choice(["only", "except"]): draw.sample(products, 4)}
            named = draw.sample(["gdpr:art-6", "sox"], draw.randrange(3))
            log.add(at, SCOPE, policy=policy, title=policy, regulations=named, **scope)
        elif kind < 0.25:
            log.add(at, SCOPE, policy=policy, ended=True)
        else:
            subject = draw.choice([*products, "d0", f"policy:{policy}"])
            state = draw.choice(["open", "overdue", "waived", "known", "resolved"])
            log.violation(at, f"{policy} {subject}", policy, subject, state)
    return log


def test_lines_that_are_kept_up_to_date_are_those_of_a_ledger_that_has_never_been_asked():
    for seed in range(20):
        log, followed = random_log(random.Random(seed)), Ledger()
        for number, event in enumerate(log.events, 1):
            followed.take(event)
            fresh = Ledger()
            for one in log.events[:number]:
                fresh.take(one)
            for regulation, domains in ((None, None), ("gdpr", None), (None, frozenset({"d0"}))):
                lines = followed.lines(regulation, domains)
                assert lines == fresh.lines(regulation, domains)
                assert sum(line.pairs for line in lines["product"].values()) == lines[""][""].pairs
                assert sum(line.violated for line in lines["domain"].values()) == lines[""][""].violated
                assert sum(line.unknown for line in lines["policy"].values()) == lines[""][""].unknown
            assert followed.cells() == fresh.cells()


def test_the_trend_of_a_product_has_the_points_where_it_moves_and_agrees_with_the_report_of_each_moment():
    for seed in range(10):
        log = random_log(random.Random(seed))
        found = log.report(61, days=60, points=21)
        for name, points in found.trends["product"].items():
            assert (points[0].at, points[-1].at) == (found.since, found.at)
            for point in points:
                then = report(log.events, MESH, point.at)
                line = named(then, "product").get(name) if then is not None else None
                assert (point.score, point.pairs) == ((line.score, line.pairs) if line else (None, 0))


def test_a_product_that_never_moves_has_two_points_and_one_that_does_the_one_before_as_well(log):
    log.violation(10, "v", "owner", "sales.orders", "open")

    trends = log.report(30, days=30, points=31).trends["product"]

    assert [(p.at, p.score) for p in trends["crew.roster"]] == [(day(0), 1.0), (day(30), 1.0)]
    assert [(p.at, p.score) for p in trends["sales.orders"]] == [
        (day(0), 1.0),
        (day(9), 1.0),
        (day(10), 0.5),
        (day(30), 0.5),
    ]
