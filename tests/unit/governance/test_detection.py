"""What detection finds in columns, and what it leaves alone."""

from __future__ import annotations

import datetime as dt
import json
import random
import sys
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

import pyarrow
import pytest

from weft.engines.duckdb.engine import DuckDBEngine
from weft.errors import UserCodeError, error
from weft.governance.detection import libraries
from weft.governance.detection.findings import Finding, Found, found_from_json
from weft.governance.detection.headers import headers, plain
from weft.governance.detection.identifiers import KINDS as NATIONAL
from weft.governance.detection.libraries import not_looked_for
from weft.governance.detection.looking import CANDIDATES, look
from weft.model.classification import Classification
from weft.model.column import Column

TODAY = dt.date(2026, 11, 22)
RNG = random.Random(7)
EMAILS = [f"{name}.{i}@example.org" for i in range(20) for name in ("ada", "grace", "alan")]
CARDS = ["4111111111111111", "5500005555555559", "340000000000009", "30000000000004", "6011000000000004"]
WORDS = [f"{a} {b}" for a in ("Steel", "Wooden", "Paper", "Copper") for b in ("Chair", "Lamp", "Plate", "Door")]


@pytest.fixture(scope="module")
def engine() -> Iterator[DuckDBEngine]:
    made = DuckDBEngine()
    yield made
    made.close()


def found_in(engine: DuckDBEngine, columns: Mapping[str, Any], about: str = "") -> Found:
    with engine.session() as session:
        session.register("t", pyarrow.table(dict(columns)))
        described = session.columns("SELECT * FROM t")
        found = look(session.rows, "t", described, today=TODAY, about=about)
    assert found.unread == ()
    return found


def kinds_in(engine: DuckDBEngine, columns: Mapping[str, Any], about: str = "") -> dict[str, list[str]]:
    kinds: dict[str, list[str]] = {}
    for finding in found_in(engine, columns, about).findings:
        kinds.setdefault(finding.column, []).append(finding.kind)
    return kinds


def test_a_finding_has_kind_tag_level_share_and_counts_of_the_whole_column(engine: DuckDBEngine) -> None:
    values = EMAILS * 200 + ["none of them"] * 3_000 + [None, "", "n/a", "-"] * 100

    (finding,) = found_in(engine, {"x": values}).findings

    assert (finding.kind, finding.tag, finding.level) == ("email", "pii.email", Classification.CONFIDENTIAL)
    assert (finding.matches, finding.values) == (12_000, 15_000)
    assert finding.share == 0.8
    assert finding.confidence > 0.85
    assert not finding.named


def test_a_name_that_says_it_makes_it_more_certain(engine: DuckDBEngine) -> None:
    values = [f"192.168.1.{i}" for i in range(30)]

    said, unsaid = (found_in(engine, {name: values}).findings[0] for name in ("client_ip", "x"))

    assert said.named
    assert not unsaid.named
    assert said.confidence > unsaid.confidence


@pytest.mark.parametrize("kind", NATIONAL, ids=lambda kind: f"{kind.id} {kind.width}")
def test_the_pattern_of_an_identifier_takes_an_example_and_its_proof_tells_wrong_ones(kind: Any) -> None:
    import re

    examples = {
        "us-ssn": ("536-90-4399", "000-90-4399"),
        "gb-nino": ("AB123456C", "QQ123456C"),
        "gb-nhs": ("943-476-5870", "943-476-5871"),
        "de-idnr": ("36574261809", "36574261808"),
        "fr-nir": ("295109912611193", "295109912611199"),
        "it-cf": ("RCCMNL83S18D969H", "RCCMNL83S18D969X"),
        "es-dni": ("54362315K", "54362315A"),
        "es-nie": ("X2482300W", "X2482300A"),
        "nl-bsn": ("111222333", "111252333"),
        "pl-pesel": ("44051401359", "44051401358"),
        "br-cpf": ("390.533.447-05", "390.533.447-06"),
        "in-aadhaar": ("234123412346", "234123412347"),
        "in-pan": ("ACUPA7085R", "ACUPA0000R"),
        "cn-ric": ("360426199101010071", "360426199101010072"),
        "jp-mynumber": ("123456789018", "123456789019"),
        "kr-rrn": ("971013-9019902", "971013-9019903"),
        "mx-curp": ("BOXW310820HNERXN09", "BOXW310820HNERXN08"),
        "ca-sin": ("123-456-782", "123-456-783"),
        "za-id": ("7503305044089", "7503305044088"),
        "tr-tckn": ("17291716060", "17291716061"),
        "se-pnr": ("880320-0016", "880320-0017"),
        "be-nn": ("85.07.30-033 28", "85.07.30-033 29"),
        "ch-ahv": ("7569217076985", "7569217076986"),
    }
    right, wrong = examples[kind.id]
    compact = [re.sub(r"[ .-]", "", one) for one in (right, wrong)]
    written, false = (right, wrong) if re.fullmatch(kind.pattern, right) else compact

    if kind.id != "kr-rrn":  # its example is of a foreigner of another century; the pattern is narrower
        assert re.fullmatch(kind.pattern, written)
    assert kind.proof(written)
    assert not kind.proof(false)


@pytest.mark.parametrize(
    ("name", "values", "kind"),
    [
        ("bsn", [111222333, 123456782], "nl-bsn"),
        ("pesel", [2070803628, 44051401359], "pl-pesel"),  # the first has lost its leading zero
        ("card", [int(c) for c in CARDS], "card"),
        ("phone", [4930901820, 4930901821], "phone"),
        ("phone", [4930901820.0, 4930901821.0, None], "phone"),
        ("birth_year", [1950, 1999, 2003], "birth-date"),
        ("dob", [dt.date(1950, 1, 1), dt.date(2001, 2, 3)], "birth-date"),
        ("dob", [dt.datetime(1950, 1, 1), dt.datetime(2001, 2, 3)], "birth-date"),
        ("date_of_birth", [19500101, 20010203], "birth-date"),
        ("lat", [52.5163, 48.2082], "coordinates"),
        ("longitude", [Decimal("13.3777"), Decimal("16.3738")], "coordinates"),
    ],
)
def test_numbers_and_days_are_looked_at_too(engine: DuckDBEngine, name: str, values: list[Any], kind: str) -> None:
    assert kinds_in(engine, {name: values}) == {name: [kind]}


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("ordered_on", [dt.date(2026, 1, 1), dt.date(2026, 2, 1)]),
        ("dob", [dt.date(2030, 1, 1), dt.date(2031, 2, 3)]),
        ("quantity", list(range(500))),
        ("order_id", [100_000_000 + i for i in range(500)]),
        ("price", [Decimal("12.50"), Decimal("13.99")]),
        ("phone_verified", [True, False]),
        ("card_type", ["visa", "amex"]),
        ("email_status", ["sent", "bounced"]),
        ("address_count", [1, 2, 3]),
        ("latency_ms", [12.25, 80.5]),
        ("image", [f"icon{i}@2x.png" for i in range(50)]),
        ("version", ["1.2.3.4", "10.0.2.1", "2.0.0.15"]),
        ("serial", [f"4{RNG.randrange(10**15):015}" for _ in range(200)]),
        ("phone", [f"2026-{m:02}-{d:02}" for m in range(1, 13) for d in range(1, 9)]),
        ("phone", [f"{RNG.randrange(10**6) / 100:.2f}" for _ in range(50)]),
        ("v", [f"{a}.{b}.{c}.1" for a in range(4) for b in range(4) for c in range(4)]),
        ("number", [f"{RNG.randrange(10**9):09}" for _ in range(200)]),
        ("number", [f"{RNG.randrange(10**11):011}" for _ in range(200)]),
        ("product_name", WORDS),
        ("name", WORDS),
        ("company_name", ["Müller GmbH", "Acme Inc", "Smith and Sons"]),
        ("password_hash", [f"{i:064x}" for i in range(50)]),
        ("payload", [b"ada@example.org"]),
        ("nothing", pyarrow.nulls(4, pyarrow.string())),
    ],
)
def test_what_only_looks_alike_is_left_alone(engine: DuckDBEngine, name: str, values: Any) -> None:
    assert kinds_in(engine, {name: values}) == {}


def test_fields_items_keys_and_values_are_looked_at_and_named_as_contracts_do(engine: DuckDBEngine) -> None:
    people = [{"name": "x", "mails": [mail], "home": {"street": f"Radischstr. {i}"}} for i, mail in enumerate(EMAILS)]
    mapped = pyarrow.array(
        [[(mail, i)] for i, mail in enumerate(EMAILS)], pyarrow.map_(pyarrow.string(), pyarrow.int64())
    )

    found = found_in(engine, {"people": [[one] for one in people], "by_mail": mapped})

    assert {(f.column, f.path, f.kind) for f in found.findings} == {
        ("people[].mails[]", ("people", "[]", "mails", "[]"), "email"),
        ("people[].home.street", ("people", "[]", "home", "street"), "address"),
        ("by_mail{key}", ("by_mail", "{key}"), "email"),
    }


def test_a_column_called_name_is_of_persons_only_in_a_table_of_people(engine: DuckDBEngine) -> None:
    names = {"name": ["Ada Lovelace", "Grace Hopper", "Alan Turing"]}

    assert kinds_in(engine, names) == {}
    assert kinds_in(engine, names, about="sales customers") == {"name": ["person-name"]}
    assert kinds_in(engine, {**names, "mail": EMAILS[:3]})["name"] == ["person-name"]


def test_coordinates_of_places_concern_nobody(engine: DuckDBEngine) -> None:
    degrees = {"latitude": [52.5163, 48.2082]}

    (of_places,) = found_in(engine, degrees, about="airports").findings
    of_people = found_in(engine, {**degrees, "email": EMAILS[:2]}).findings[1]

    assert (of_places.tag, of_places.level) == ("location", Classification.PUBLIC)
    assert (of_people.tag, of_people.level) == ("pii.location", Classification.CONFIDENTIAL)


def test_free_text_says_what_stands_in_it(engine: DuckDBEngine) -> None:
    plain_ones = [f"The order of table {i} was late again" for i in range(900)]
    texts = [*plain_ones, *(f"Please write to {mail} about it today" for mail in EMAILS)]
    paid = [f"They paid by {CARDS[i % 5]} on day {i}, all fine" for i in range(20)]

    (finding,) = found_in(engine, {"notes": texts + paid}).findings

    assert (finding.kind, finding.contains) == ("free-text", ("email", "card"))
    assert finding.level is Classification.RESTRICTED
    assert finding.matches == 80


def test_one_address_in_a_long_column_of_something_else_is_found(engine: DuckDBEngine) -> None:
    codes = [f"A-{i:06}" for i in range(50_000)]
    codes[31_415] = "ada@example.org"

    (finding,) = found_in(engine, {"code": codes}).findings

    assert (finding.kind, finding.contains, finding.matches) == ("free-text", ("email",), 1)


def test_two_kinds_in_one_column_are_both_found(engine: DuckDBEngine) -> None:
    phones = [f"+49 30 9018{i:03}" for i in range(60)]

    assert kinds_in(engine, {"contact": EMAILS + phones}) == {"contact": ["email", "phone"]}


def test_no_more_values_than_the_limit_are_read(engine: DuckDBEngine) -> None:
    read = 0
    with engine.session() as session:
        session.register("t", pyarrow.table({"v": [f"user {i}@example.org of us all" for i in range(30_000)]}))

        def ask(sql: str) -> list[tuple[Any, ...]]:
            nonlocal read
            rows = session.rows(sql)
            read += sum(1 for row in rows if isinstance(row[0], str))
            return rows

        look(ask, "t", session.columns("SELECT * FROM t"), today=TODAY)

    assert 1_000 < read <= CANDIDATES


def test_no_value_stands_in_what_comes_of_it(engine: DuckDBEngine, caplog: pytest.LogCaptureFixture) -> None:
    secret = "zyxwv.secret"
    columns = {
        "mail": [f"{secret}{i}@example.org" for i in range(30)],
        "name": [f"{secret.title()} Person"] * 30,
        "notes": [f"the text of {secret}{i}@example.org and others" for i in range(30)],
        "card": CARDS * 6,
    }
    with caplog.at_level("DEBUG"):
        found = found_in(engine, columns, about="customers")

    told = f"{found!r} {found} {json.dumps(found.as_json())} {caplog.text}"
    assert {"mail", "notes", "card"} <= {f.column for f in found.findings}
    assert "zyxwv" not in told.lower()
    assert not any(card in told for card in CARDS)


def test_a_column_that_the_engine_cannot_read_is_named_and_its_value_is_not() -> None:
    def ask(sql: str) -> list[tuple[Any, ...]]:
        raise UserCodeError(error("WFT-ENG-001", "Conversion Error: could not convert 'ada@example.org'"))

    found = look(ask, "t", [Column("mail", "VARCHAR")], today=TODAY)

    assert found == Found((), found.missing, ("mail",))


def test_the_same_rows_give_the_same_findings(engine: DuckDBEngine) -> None:
    values = [f"{RNG.random()}" for _ in range(20_000)] + EMAILS * 60

    assert found_in(engine, {"v": values}) == found_in(engine, {"v": list(reversed(values))})


def test_findings_survive_being_kept(engine: DuckDBEngine) -> None:
    found = found_in(engine, {"mail": EMAILS, "notes": [f"write to {m} or not at all" for m in EMAILS]})

    assert found_from_json(json.loads(json.dumps(found.as_json()))) == found
    assert all(isinstance(one, Finding) for one in found.findings)


def test_without_the_libraries_the_other_kinds_are_found_and_it_is_said_what_to_install(
    engine: DuckDBEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in libraries.PACKAGES:
        monkeypatch.setitem(sys.modules, module, None)
    libraries.there.cache_clear()

    try:
        found = found_in(
            engine, {"mail": EMAILS[:2], "phone": ["030 901820", "030 901821"], "iban": ["DE89370400440532013000"] * 2}
        )
    finally:
        libraries.there.cache_clear()

    assert {f.column: f.kind for f in found.findings} == {"mail": "email", "phone": "phone"}
    assert {"iban", "us-ssn", "phone"} <= set(found.missing)
    assert "email" not in found.missing
    assert "pip install 'weft[detect]'" in str(not_looked_for(found.missing))


def test_names_are_read_in_words_of_any_writing() -> None:
    assert plain("fechaDeNacimiento") == "fecha_de_nacimiento"
    assert plain("Straße") == "strasse"
    assert plain("身份证号") == "身份证号"
    assert headers("*mail phone").say(plain("kundenmail"))
    assert headers("phone").say(plain("mobile_phone_2"))
    assert not headers("phone").say(plain("xylophone"))
