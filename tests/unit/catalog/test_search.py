"""Search over records like the example's."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from tests.unit.catalog.registered import THEN, Registered, flights
from weft.catalog.looks import Within
from weft.catalog.search import FACETS, search
from weft.catalog.terms import names_of, synonyms_of, terms_called
from weft.errors import UsageError, Where
from weft.governance.glossary import Glossary, Term
from weft.model.address import ProductAddress, parse_address
from weft.model.checks import CheckResult, CheckSeverity, Outcome, Rule

LATER = (THEN + dt.timedelta(days=30)).isoformat()
JUDGED = [
    # the exact name of a thing comes first
    ("planes", "fleet.aircraft.planes@1", 1),
    ("flights", "operations.on_time.flights@1", 1),
    ("airports", "network.reference.airports@1", 1),
    ("airlines", "network.reference.airlines@1", 1),
    ("carrier_daily", "punctuality.performance.carrier_daily@2", 1),
    ("carrierDaily", "punctuality.performance.carrier_daily@2", 1),
    ("carrier daily", "punctuality.performance.carrier_daily@2", 1),
    ("weather", "weather", 1),
    ("on_time", "operations.on_time", 1),
    ("on time", "operations.on_time", 1),
    ("operations.on_time.flights", "operations.on_time.flights@1", 1),
    ("operations.on_time.flights@1", "operations.on_time.flights@1", 1),
    ("dep_delay", "operations.on_time.flights@1.dep_delay", 1),
    ("wind speed", "weather.observations.hourly@1.wind_speed", 1),
    ("Aircraft register", "fleet.aircraft", 1),
    # words
    ("delays by airport", "punctuality.performance.airport_delays@1", 1),
    ("airport delay", "punctuality.performance.airport_delays@1", 1),
    ("delay by carrier", "punctuality.performance.carrier_daily@2", 3),
    ("tail number", "fleet.aircraft.planes@1.tailnum", 4),
    ("tail num", "fleet.aircraft.planes@1.tailnum", 3),
    ("time zone of airports", "network.reference.airports@1", 2),
    ("visibility rain", "weather.observations.hourly@1", 1),
    ("cancelled flights", "operations.on_time.flights@1", 2),
    ("synthetic", "crew.roster.assignments@1", 1),
    ("noor", "crew", 2),
    ("Meteorology", "weather", 2),
    ("kpi", "punctuality.performance", 1),
    ("where do we fly", "network", 1),
    # beginnings
    ("manufact", "fleet.aircraft.planes@1.manufacturer", 2),
    ("punct", "punctuality", 2),
    ("observ", "weather.observations", 2),
    # typing errors
    ("palnes", "fleet.aircraft.planes@1", 2),
    ("flihgts", "operations.on_time.flights@1", 2),
    ("ariports", "network.reference.airports@1", 2),
    ("wether", "weather", 2),
    ("puntcuality", "punctuality", 2),
    ("maufacturer", "fleet.aircraft.planes@1.manufacturer", 1),
    ("carrier dialy", "punctuality.performance.carrier_daily@2", 2),
]


@pytest.fixture(scope="module")
def mesh() -> Registered:
    return flights()


@pytest.mark.parametrize(("words", "wanted", "place"), JUDGED)
def test_what_a_person_means_is_among_the_first(mesh: Registered, words: str, wanted: str, place: int) -> None:
    found = search(mesh, None, words)

    assert wanted in [h.address for h in found.results[:place]], [h.address for h in found.results[:5]]


def test_every_result_says_why_it_was_found(mesh: Registered) -> None:
    found = search(mesh, None, "delya")

    assert found.results
    assert all(h.why for h in found.results)
    assert any("(for delya)" in h.why or "delay" in h.why for h in found.results)


def test_deprecated_comes_after_its_successor_and_says_so(mesh: Registered) -> None:
    found = search(mesh, None, "carrier_daily", Within(kind="port"))

    assert [h.address for h in found.results][:2] == [
        "punctuality.performance.carrier_daily@2",
        "punctuality.performance.carrier_daily@1",
    ]
    assert "deprecated" in found.results[1].why


def test_retired_comes_last_whatever_its_words() -> None:
    mesh = flights()
    mesh.change("operations.on_time.flights@1", retired=True)

    found = search(mesh, None, "cancelled new york", Within(kind="port"))

    assert found.results[-1].address == "operations.on_time.flights@1"


def test_kind_and_domain_narrow_results_and_facets(mesh: Registered) -> None:
    found = search(mesh, None, "carrier", Within(kind="column", domain="operations"))

    assert {h.kind for h in found.results} == {"column"}
    assert found.facets["domain"] == {"operations": found.total}


def test_total_counts_what_the_limit_leaves_out(mesh: Registered) -> None:
    found = search(mesh, None, "carrier", limit=2)

    assert len(found.results) == 2
    assert found.total > 2
    assert sum(found.facets["kind"].values()) == found.total


def test_no_words_list_everything(mesh: Registered) -> None:
    assert search(mesh, None, "", Within(kind="domain")).total == 6


def test_words_that_mean_nothing_find_nothing(mesh: Registered) -> None:
    assert search(mesh, None, "xylophone").total == 0


@pytest.mark.parametrize("words", ['"', "a OR b NEAR(", "*", "name : x", "'; drop table entry", "é", "-", "x" * 5000])
def test_signs_of_the_index_language_are_only_words(mesh: Registered, words: str) -> None:
    assert search(mesh, None, words).total >= 0


def test_an_unknown_kind_is_answered_with_the_nearest(mesh: Registered) -> None:
    with pytest.raises(UsageError) as caught:
        search(mesh, None, "x", Within(kind="colum"))

    assert caught.value.diagnostics[0].fix == "did you mean `column`?"


def test_an_unknown_domain_is_answered_with_the_nearest(mesh: Registered) -> None:
    with pytest.raises(UsageError) as caught:
        search(mesh, None, "x", Within(domain="opertions"))

    assert caught.value.diagnostics[0].fix == "did you mean `operations`?"


def test_the_index_follows_the_registry(tmp_path: Path) -> None:
    mesh = flights()
    index = tmp_path / ".weft" / "index.db"
    assert search(mesh, index, "gates").total == 0

    mesh.add_port("network.reference.gates@1", "Gates", "Gates of terminals", {"gate": "Its number"})

    assert search(mesh, index, "gates").results[0].address == "network.reference.gates@1"
    mesh.change("network.reference.gates@1", retired=True)
    assert "retired" in search(mesh, index, "gates").results[0].why


def test_the_index_drops_what_is_gone(tmp_path: Path) -> None:
    mesh = flights()
    index = tmp_path / "index.db"
    search(mesh, index, "planes")

    mesh.product_records = {a: p for a, p in mesh.product_records.items() if a.domain != "fleet"}
    mesh.event += 1

    assert "fleet.aircraft.planes@1" not in [h.address for h in search(mesh, index, "planes").results]


def test_a_damaged_index_is_made_anew(tmp_path: Path) -> None:
    index = tmp_path / "index.db"
    index.write_bytes(b"this is no database" * 1000)

    found = search(flights(), index, "planes")

    assert found.results[0].address == "fleet.aircraft.planes@1"
    assert search(flights(), index, "planes").total == found.total


def test_where_the_index_cannot_be_written_search_works_all_the_same(tmp_path: Path) -> None:
    occupied = tmp_path / "file"
    occupied.write_text("")

    assert search(flights(), occupied / "index.db", "planes").total > 0


def test_an_empty_registry_has_nothing_to_find() -> None:
    assert search(Registered(), None, "planes").as_json() == {
        "total": 0,
        "complete": True,
        "results": [],
        "facets": {facet: {} for facet in FACETS},
    }


def test_every_facet_narrows_to_what_it_counts_with_words_and_without(mesh: Registered) -> None:
    for words in ("carrier", ""):
        every = search(mesh, None, words, Within(now=LATER), limit=1000)
        assert {name: bool(values) for name, values in every.facets.items()} == dict.fromkeys(FACETS, True), words
        for facet, values in every.facets.items():
            for value, docs in values.items():
                found = search(mesh, None, words, Within(**{facet: value}, now=LATER), limit=1000)
                assert (found.total, found.complete) == (docs, True), (words, facet, value)
                assert found.facets[facet][value] == docs
                assert {h.address for h in found.results} <= {h.address for h in every.results}


def test_a_port_is_as_sensitive_as_its_highest_column_and_a_product_as_its_ports() -> None:
    mesh = flights()
    properties = {"email": {"classification": "restricted", "tags": ["pii.email"]}}
    mesh.add_port("crew.roster.people@1", "People", "Who they are", {"email": "Address"}, properties=properties)

    found = search(mesh, None, "", Within(classification="restricted"))

    assert {h.address for h in found.results} == {"crew.roster", "crew.roster.people@1", "crew.roster.people@1.email"}
    assert [h.address for h in search(mesh, None, "address", Within(tag="pii.email")).results] == [
        "crew.roster.people@1.email"
    ]


def test_freshness_goes_by_the_clock_and_not_by_the_day_of_publication(mesh: Registered) -> None:
    def fresh(state: str, now: str) -> set[str]:
        return {h.address for h in search(mesh, None, "", Within(kind="port", freshness=state, now=now)).results}

    assert fresh("fresh", THEN.isoformat()) == {"fleet.aircraft.planes@1"}
    assert fresh("late", LATER) == {"fleet.aircraft.planes@1"}
    assert fresh("fresh", LATER) == set()
    assert "network.reference.airports@1" in fresh("not_promised", LATER)


def test_a_check_that_found_a_port_late_makes_it_late_from_its_publication_on() -> None:
    mesh = flights()
    late = CheckResult("fresh", Rule.FRESHNESS, None, None, CheckSeverity.WARNING, Outcome.FAILED, None, None, "≤ 2 d")
    contract = {"slaProperties": [{"property": "latency", "value": 2, "unit": "d"}]}
    mesh.add_port("crew.roster.shifts@1", "Shifts", "Plan", {"id": "Id"}, checks=(late,), contract=contract)

    found = search(mesh, None, "shifts", Within(kind="port", freshness="late", now=THEN.isoformat()))

    assert [h.address for h in found.results] == ["crew.roster.shifts@1"]


def test_what_is_deprecated_comes_after_what_is_not_however_well_it_fits(mesh: Registered) -> None:
    mesh = flights()
    mesh.add_port("crew.roster.gates@1", "Gates", "x", {"gate": "Gate"}, status="deprecated")
    mesh.add_port("crew.roster.halls@1", "Halls", "Where gates are", {"hall": "Hall"})

    found = search(mesh, None, "gates hall", Within(kind="port"))

    assert [h.address for h in found.results][:2] == ["crew.roster.halls@1", "crew.roster.gates@1"]


def test_what_people_say_is_found_under_the_name_that_it_has(mesh: Registered) -> None:
    place = Where("governance/glossary.yaml")
    terms = [
        Term("tailnum", None, "Tail number", "Its mark", place, synonyms=("registration", "call sign of the plane")),
        Term("precip", None, "Precipitation", "Rain and snow", place, synonyms=("rainfall",)),
    ]
    synonyms = synonyms_of(Glossary({term.name: term for term in terms}))

    for words, wanted in (
        ("registration", "fleet.aircraft.planes@1.tailnum"),
        ("call sign of the plane", "fleet.aircraft.planes@1.tailnum"),
        ("rainfall", "weather.observations.hourly@1.precip"),
    ):
        found = search(mesh, None, words, Within(kind="column"), synonyms=synonyms).results
        assert wanted in [h.address for h in found[:2]], words
        assert "(for " in next(h.why for h in found if h.address == wanted)
    assert search(mesh, None, "rainfall", Within(kind="column")).total == 0


def test_a_column_is_found_by_the_term_that_it_is_bound_to() -> None:
    mesh = flights()
    bound = {"x1": {"customProperties": [{"property": "weft.term", "value": "currency"}]}}
    mesh.add_port("crew.roster.pay@1", "Pay", "Paid", {"x1": "See there"}, properties=bound)

    (found,) = search(mesh, None, "currency").results

    assert (found.address, found.why) == ("crew.roster.pay@1.x1", "term: currency")


def test_a_term_is_told_beside_other_hits_by_what_it_is_called_or_how_that_begins():
    file = Where("glossary.yaml")
    delay = Term("delay", None, "Delay", "Minutes behind the plan.", file, synonyms=("lateness",))
    late = Term("late", None, "Late", "Behind the plan by 15 minutes.", file)
    names = names_of(Glossary({"delay": delay, "late": late}))

    assert terms_called(names, "Late", 5) == [("late", "its name"), ("delay", "synonym: lateness")]
    assert terms_called(names, "late", 1) == [("late", "its name")]
    assert terms_called(names, "de", 5) == [], "two letters begin too much"
    assert terms_called(names, "plan", 5) == [], "what definitions hold is found among terms alone"
    assert terms_called(names, " ", 5) == []


def test_what_many_products_read_comes_before_what_few_read_and_says_so(tmp_path: Path) -> None:
    mesh, index = Registered(), tmp_path / "index.db"
    for domain in ("a", "b"):
        mesh.add_domain(domain, domain, domain, domain)
        mesh.add_product(f"{domain}.p", "P", "p")
        mesh.add_port(f"{domain}.p.gates@1", "Gates", "Gates", {"gate_no": "Number"})
    assert [h.domain for h in search(mesh, index, "gates").results[:2]] == ["a", "b"]

    for number in range(5):
        mesh.add_product(f"a.reader{number}", "R", "r", reads=("b.p.gates@1",))
    first = search(mesh, index, "gates").results[0]
    column = search(mesh, index, "gate_no").results[0]
    for number in range(5):
        del mesh.product_records[ProductAddress("a", f"reader{number}")]
    mesh.event += 1

    assert (first.address, first.why) == ("b.p.gates@1", "its name; read by 5 products")
    assert column.address == "b.p.gates@1.gate_no"
    assert [h.domain for h in search(mesh, index, "gates").results[:2]] == ["a", "b"]


@pytest.mark.parametrize("facet", ["kind", "status", "classification", "freshness"])
def test_a_value_that_nothing_can_have_is_refused(mesh: Registered, facet: str) -> None:
    with pytest.raises(UsageError) as caught:
        search(mesh, None, "x", Within(**{facet: "colour"}))

    assert caught.value.diagnostics[0].code == "WFT-CLI-001"


def test_the_counts_follow_what_is_changed_and_taken_away(tmp_path: Path) -> None:
    mesh, index = flights(), tmp_path / "index.db"
    before = search(mesh, index, "").facets

    mesh.add_port("crew.roster.pay@1", "Pay", "Paid", {"x1": "See there"}, tags=("money",))
    mesh.change("crew.roster.pay@1", retired=True)
    between = search(mesh, index, "").facets
    del mesh.states[parse_address("crew.roster.pay@1")]
    mesh.event += 1

    assert (between["tag"]["money"], between["status"]["retired"]) == (1, 2)
    assert search(mesh, index, "").facets == before
