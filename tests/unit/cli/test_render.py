"""Answers as text."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree

from msgspec.structs import replace

from tests.unit.catalog.registered import THEN, flights
from weft.catalog.history import history
from weft.catalog.lineage import lineage
from weft.catalog.pages import page
from weft.catalog.run_pages import RunPage
from weft.catalog.search import search
from weft.cli.progress import finished_text
from weft.cli.render.checks import checks_text, junit, verification_text
from weft.cli.render.hits import hits_text
from weft.cli.render.lineage import lineage_tree
from weft.cli.render.pages import page_text
from weft.cli.render.rows import rows_table
from weft.cli.render.runs import history_table, run_text, runs_table
from weft.cli.text import ago, cut, table, width
from weft.errors import Where
from weft.model.address import parse_address
from weft.model.checks import CheckResult, CheckSeverity, Outcome, Rule

NOW = THEN + timedelta(hours=3)

BROKEN = CheckResult(
    "distance.range",
    Rule.RANGE,
    "distance",
    "conformity",
    CheckSeverity.ERROR,
    Outcome.FAILED,
    failed_rows=300,
    total_rows=336776,
    expected="distance >= 1",
    actual="300 rows below 1",
    samples=({"flight": 1545, "distance": -1}, {"flight": 1714, "distance": None}),
    where=Where("flights.odcs.yaml", 88),
)
WARNED = CheckResult(
    "tailnum.relationship", Rule.RELATIONSHIP, "tailnum", None, CheckSeverity.WARNING, Outcome.FAILED, 5, 100
)
KEPT = CheckResult("id", Rule.PRIMARY_KEY, ("a", "b"), None, CheckSeverity.ERROR, Outcome.PASSED, 0, 100)


def test_rows_are_aligned_numbers_right_and_nulls_marked() -> None:
    text = rows_table(
        [("carrier", "VARCHAR"), ("delay", "DECIMAL(5,1)"), ("seen", "TIMESTAMP")],
        [("UA", "12.5", "2013-01-01 05:15:00"), (None, "-3.0", None)],
    )

    assert text.splitlines() == [
        "carrier  delay  seen",
        "UA        12.5  2013-01-01 05:15:00",
        "∅         -3.0  ∅",
        "",
        "2 rows",
    ]


def test_control_characters_in_data_do_not_reach_the_terminal() -> None:
    text = rows_table([("x", "VARCHAR")], [("a\x1b[31mb\nc",)])

    assert "\x1b" not in text
    assert "a\\x1b[31mb\\nc" in text


def test_columns_that_do_not_fit_are_named_not_silently_dropped() -> None:
    columns = [(f"column_{i}", "VARCHAR") for i in range(10)]

    text = rows_table(columns, [["some long value"] * 10], columns_wide=60)

    assert all(width(line) <= 60 for line in text.splitlines()[:2])
    assert "not shown for want of width: column_6" in text


def test_a_cut_result_says_so() -> None:
    assert "the first 1 row; --limit N shows more" in rows_table([("x", "INTEGER")], [("1",)], truncated=True)


def test_no_rows_still_show_the_columns() -> None:
    assert rows_table([("x", "INTEGER")], []) == "x\n\n0 rows"


def test_broken_rules_come_first_with_counts_place_and_rows() -> None:
    assert checks_text([KEPT, WARNED, BROKEN]).splitlines() == [
        "FAILED  distance.range  300 of 336,776 rows (0.09%)",
        "    expected: distance >= 1",
        "    found: 300 rows below 1",
        "    --> flights.odcs.yaml:88",
        "    flight  distance",
        "    1545    -1",
        "    1714    ∅",
        "warning  tailnum.relationship  5 of 100 rows (5.00%)",
        "ok  id",
    ]


def test_a_verification_ends_with_one_line_that_sums_up() -> None:
    text = verification_text("flights", "1.0.0", "failed", 336776, [KEPT, WARNED, BROKEN])

    assert text.splitlines()[-1] == "failed: flights 1.0.0, 1 passed, 1 warned, 1 failed over 336,776 rows"


def test_junit_counts_what_blocks_as_failure_and_escapes() -> None:
    odd = CheckResult('<"&', Rule.SQL, None, None, CheckSeverity.ERROR, Outcome.ERROR, reason="a < b\x00")

    suite = ElementTree.fromstring(junit("flights", [KEPT, WARNED, BROKEN, odd]).partition("\n")[2])

    assert {k: suite.get(k) for k in ("tests", "failures", "errors", "skipped")} == {
        "tests": "4",
        "failures": "1",
        "errors": "1",
        "skipped": "1",
    }
    assert [c.get("name") for c in suite] == ["id", "tailnum.relationship", "distance.range", '<"&']


def test_junit_tells_of_a_failure_how_many_rows_which_and_where_the_rule_stands() -> None:
    suite = ElementTree.fromstring(junit("flights", [BROKEN]).partition("\n")[2])

    failure = suite[0][0]
    assert failure.get("message") == "300 rows below 1, expected: distance >= 1, 300 of 336,776 rows (0.09%)"
    assert [line.split() for line in (failure.text or "").strip().splitlines()] == [
        ["-->", "flights.odcs.yaml:88"],
        ["flight", "distance"],
        ["1545", "-1"],
        ["1714", "∅"],
    ]


def test_a_check_tells_its_column_and_says_the_count_once() -> None:
    known = CheckResult(
        "known", Rule.METRIC, "status", None, CheckSeverity.ERROR, Outcome.FAILED, 1, 3, actual="1 row (33.33 %)"
    )

    assert checks_text([known]) == "FAILED  known (status)  1 of 3 rows (33.33%)"
    assert 'message="1 of 3 rows (33.33%)"' in junit("orders", [known])


def test_a_port_page_reads_from_top_to_bottom() -> None:
    text = page_text(page(flights(), "fleet.aircraft.planes", NOW), NOW)

    lines = text.splitlines()
    assert lines[0] == "Planes  (port fleet.aircraft.planes@1)"
    assert "Aircraft that flew from New York" in lines
    assert any(line.startswith("published") and "3 hours ago by ada" in line for line in lines)
    assert any(line.startswith("freshness") and "fresh: latency 2 d" in line for line in lines)
    assert any(line.split()[:3] == ["tailnum", "VARCHAR", "key"] for line in lines)
    assert "None" not in text


def test_the_freshness_of_a_closed_period_says_as_of_when() -> None:
    found = page(flights(), "fleet.aircraft.planes", NOW)
    promise = {**found.body["freshness"], "reference_time": "2014-01-01T05:00:00Z"}
    found = replace(found, body={**found.body, "freshness": promise})

    lines = page_text(found, NOW).splitlines()

    (shown,) = [line for line in lines if line.startswith("freshness")]
    assert shown.endswith("fresh: latency 2 d, as of 2014-01-01T05:00:00Z")


def test_pages_of_products_and_domains_list_what_is_in_them() -> None:
    product = page_text(page(flights(), "operations.on_time", NOW), NOW)
    domain = page_text(page(flights(), "punctuality", NOW), NOW)

    assert "operations.on_time.flights@1" in product
    assert "read by" in product
    assert "punctuality.performance.carrier_daily@1" in domain
    assert "None" not in product + domain


def test_lineage_is_a_tree_that_says_how() -> None:
    text = lineage_tree(lineage(flights(), "fleet.aircraft.planes"))

    assert text.splitlines() == [
        "fleet.aircraft.planes@1",
        "  made from:",
        "    fleet.aircraft.registered (source)",
        "  goes into:",
        "    punctuality.performance.carrier_daily@2  [aggregation]",
    ]


def test_lineage_without_edges_says_nothing_is_there() -> None:
    text = lineage_tree(lineage(flights(), "network.reference.airlines"), up=False)

    assert text.splitlines()[1:] == ["  goes into: nothing"]


def test_hits_say_why_and_how_many_there_are() -> None:
    text = hits_text("planes", search(flights(), None, "planes"))

    assert text.splitlines()[0] == "fleet.aircraft.planes@1  (port)  Planes"
    assert "    its name" in text.splitlines()


def test_no_hits_are_said_in_words() -> None:
    assert hits_text("xyz", search(flights(), None, "xylophone")) == "nothing found for “xyz”"


def test_history_marks_what_is_served_and_how_to_free_a_pin() -> None:
    mesh = flights()
    mesh.change("fleet.aircraft.planes@1", pinned="seats were wrong")

    text = history_table(history(mesh, parse_address("fleet.aircraft.planes")), NOW)

    assert "*  1000planes" in text
    assert "weft rollback fleet.aircraft.planes@1 --release" in text


def test_runs_and_a_run_tell_what_came_of_each_port() -> None:
    mesh = flights()
    run = mesh.run_list[0]

    listed = runs_table(mesh.run_list, NOW)
    shown = run_text(RunPage(run, {run.ports[0].address: [BROKEN, KEPT]}), NOW)

    assert run.run_id in listed
    assert "published · 100 rows · 1 passed, 1 failed · 0.5 s" in shown
    assert "FAILED  distance.range" in shown
    assert "ok  id" not in shown


def test_a_table_gives_way_in_its_widest_text_never_in_numbers() -> None:
    text = table(["name", "n"], [["a" * 50, "123456"]], right=[1], columns=30)

    assert [width(line) for line in text.splitlines()] == [30, 30]
    assert text.endswith("123456")


def test_wide_characters_keep_columns_aligned() -> None:
    assert table(["a", "b"], [["東京", "x"], ["ab", "y"]]).splitlines()[1:] == ["東京  x", "ab    y"]
    assert cut("東京都", 5) == "東京…"


def test_times_are_told_as_people_tell_them() -> None:
    at = datetime(2026, 3, 1, tzinfo=UTC)

    told = [ago(at - timedelta(seconds=s), at) for s in (5, 90, 7200, 86400 * 3, 86400 * 90)]

    assert told == ["just now", "1 minute ago", "2 hours ago", "3 days ago", "2025-12-01"]


def test_progress_names_outcome_rows_and_time() -> None:
    assert finished_text("a.b.c@1", "skipped", None, 0.0) == "skipped a.b.c@1 · 0.00 s"
