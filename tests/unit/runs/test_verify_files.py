"""A contract file against files: no mesh is needed, and each thing that is wrong is told by its own check."""

import json

import pytest

import weft
from weft.errors import UsageError


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def shop(folder, **fields):
    """A contract of orders and lines, each line of which names its order."""
    key = {"name": "id", "logicalType": "integer", "primaryKey": True, "required": True}
    order = [key, {"name": "placed", "logicalType": "timestamp"}, {"name": "paid", "logicalType": "boolean"}]
    line = [
        key,
        {"name": "order_id", "logicalType": "integer", "relationships": [{"to": "orders.id"}]},
        {
            "name": "price",
            "logicalType": "number",
            "physicalType": "DECIMAL(10,2)",
            "logicalTypeOptions": {"minimum": 0},
        },
    ]
    data = {
        "apiVersion": "v3.1.0",
        "kind": "DataContract",
        "id": "shop",
        "version": "1.0.0",
        "status": "active",
        "schema": [{"name": "orders", "properties": order}, {"name": "lines", "properties": line}],
        **fields,
    }
    (folder / "shop.odcs.yaml").write_text(json.dumps(data), encoding="utf-8")
    return "shop.odcs.yaml"


def csv(folder, name, *lines):
    (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")


ORDERS = ("id,placed,paid", "1,2026-01-01T10:00:00,true", "2,2026-01-02T10:00:00,false")
LINES = ("id,order_id,price", "1,1,9.50", "2,2,0.10")


def outcomes(found):
    """What did not pass."""
    return {c.id: (c.result.value, c.failed_rows) for c in found.checks if c.result.value != "passed"}


def test_each_file_is_held_against_the_table_that_it_is_named_for(folder):
    contract = shop(folder)
    csv(folder, "a.csv", *ORDERS)
    csv(folder, "b.csv", *LINES)

    found = weft.verify(contract, data=["orders=a.csv", "lines=b.csv"])

    assert found.diagnostics == ()
    assert (found.result, found.rows, outcomes(found)) == ("passed", 4, {})
    assert {c.id.split(".")[0] for c in found.checks} == {"orders", "lines"}


def test_a_folder_gives_the_file_of_each_table(folder):
    contract = shop(folder)
    (folder / "in").mkdir()
    csv(folder, "in/orders.csv", *ORDERS)
    csv(folder, "in/lines.csv", *LINES, "3,7,1")

    found = weft.verify(contract, data=["in"])

    assert found.result == "failed"
    assert list(outcomes(found).values()) == [("failed", 1)]


def test_an_other_table_may_be_given_for_a_relationship_alone(folder):
    contract = shop(folder)
    data = json.loads((folder / contract).read_text())
    data["schema"] = data["schema"][1:]
    (folder / contract).write_text(json.dumps(data))
    csv(folder, "orders.csv", *ORDERS)
    csv(folder, "lines.csv", *LINES, "3,7,1")

    alone = weft.verify(contract, data=["lines.csv"])
    both = weft.verify(contract, data=["lines=lines.csv", "orders=orders.csv"])

    assert [r for r, _ in outcomes(alone).values()] == ["not_evaluated"]
    assert list(outcomes(both).values()) == [("failed", 1)]


def test_a_missing_column_and_a_value_that_does_not_parse_fail_their_own_checks(folder):
    contract = shop(folder)
    csv(folder, "orders.csv", "id,placed", "1,2026-01-01", "2.5,yesterday", "x,")

    found = weft.verify(contract, data=["orders=orders.csv"])

    assert found.result == "failed"
    assert outcomes(found) == {
        "paid.column_exists": ("failed", None),
        "paid.type": ("error", None),
        "id.type": ("failed", 2),
        "placed.type": ("failed", 1),
        "id.primary_key": ("failed", 2),
    }


def test_a_decimal_with_more_digits_than_promised_is_not_rounded_away(folder):
    contract = shop(folder)
    csv(folder, "lines.csv", *LINES, "3,1,1.234", "4,1,1.200", "5,1,1e5")
    csv(folder, "orders.csv", *ORDERS)

    found = weft.verify(contract, data=["lines=lines.csv", "orders=orders.csv"])

    assert outcomes(found) == {"lines.price.type": ("failed", 2)}


def test_json_keeps_texts_apart_from_numbers_and_parses_times(folder):
    contract = shop(folder)
    rows = [{"id": 1, "placed": "2026-01-01T10:00:00", "paid": True}, {"id": 2, "placed": "soon", "paid": False}]
    (folder / "orders.ndjson").write_text("\n".join(json.dumps(r) for r in rows))

    found = weft.verify(contract, data=["orders=orders.ndjson"])

    assert outcomes(found) == {"placed.type": ("failed", 1)}


def test_service_levels_of_one_table_are_not_asked_of_another(folder):
    level = {"property": "freshness", "value": 1, "unit": "y", "element": "orders.placed"}
    contract = shop(
        folder,
        slaProperties=[level],
        customProperties=[{"property": "weft.referenceTime", "value": "2026-01-03T00:00:00Z"}],
    )
    csv(folder, "orders.csv", *ORDERS)
    csv(folder, "lines.csv", *LINES)

    found = weft.verify(contract, data=["."])

    assert outcomes(found) == {}
    assert [c.rule.value for c in found.checks].count("freshness") == 1


@pytest.mark.parametrize("value", [1e300, -1e300, 10**30])
def test_a_period_longer_than_the_calendar_is_told_by_its_check(folder, value):
    for prop in ("freshness", "retention"):
        for unit in ("h", "d", "mo", "y"):
            level = {"property": prop, "value": value, "unit": unit, "element": "orders.placed"}
            contract = shop(folder, slaProperties=[level])
            csv(folder, "orders.csv", *ORDERS)

            found = weft.verify(contract, data=["orders=orders.csv"])

            assert [r for r, _ in outcomes(found).values()] == ["error"]


def test_what_is_not_a_number_keeps_no_bound(folder):
    rule = {"type": "sql", "query": "select 'nan'::double", "mustBeLessThan": 5}
    contract = shop(folder)
    data = json.loads((folder / contract).read_text())
    data["schema"][0]["quality"] = [rule, {**rule, "mustNotBe": 5} | {"mustBeLessThan": None}]
    del data["schema"][0]["quality"][1]["mustBeLessThan"]
    (folder / contract).write_text(json.dumps(data))
    csv(folder, "orders.csv", *ORDERS)

    found = weft.verify(contract, data=["orders=orders.csv"])

    assert [c.result.value for c in found.checks if c.rule.value == "sql"] == ["failed", "passed"]


def test_a_file_that_cannot_be_read_is_an_error_with_a_diagnostic(folder):
    contract = shop(folder)
    (folder / "orders.parquet").write_bytes(b"no parquet")

    found = weft.verify(contract, data=["orders=orders.parquet"])

    assert (found.result, found.exit_code) == ("error", 2)
    assert found.diagnostics


def test_nothing_is_left_behind_where_there_is_no_mesh(folder):
    contract = shop(folder)
    csv(folder, "orders.csv", *ORDERS)

    weft.verify(contract, data=["orders=orders.csv"])

    assert sorted(p.name for p in folder.iterdir()) == ["orders.csv", "shop.odcs.yaml"]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (["oders=a.csv"], "no table `oders`"),
        (["a.csv"], "cannot be told"),
        ([], "no local file"),
        (["empty"], "holds no file"),
    ],
)
def test_it_is_said_what_is_not_clear(folder, data, said):
    contract = shop(folder)
    (folder / "empty").mkdir()
    csv(folder, "a.csv", *ORDERS)

    with pytest.raises(UsageError, match=said):
        weft.verify(contract, data=data)


def test_the_local_server_of_a_contract_is_found_beside_it(folder, monkeypatch):
    contract = shop(folder, servers=[{"server": "here", "type": "local", "path": "data/orders.csv", "format": "csv"}])
    (folder / "data").mkdir()
    (folder / "elsewhere").mkdir()
    csv(folder, "data/orders.csv", *ORDERS)
    monkeypatch.chdir(folder / "elsewhere")

    assert weft.verify(f"../{contract}").result == "passed"


def test_a_server_may_have_a_place_for_each_table(folder):
    server = {"server": "here", "type": "local", "path": "data/{model}.csv", "format": "csv"}
    contract = shop(folder, servers=[server])
    (folder / "data").mkdir()
    csv(folder, "data/orders.csv", *ORDERS)
    csv(folder, "data/lines.csv", *LINES, "3,7,1")

    found = weft.verify(contract)

    assert (found.rows, list(outcomes(found).values())) == (5, [("failed", 1)])


def test_a_server_must_be_chosen_where_several_could_be_meant(folder):
    servers = [
        {"server": name, "environment": kind, "type": "local", "path": f"{name}/orders.csv", "format": "csv"}
        for name, kind in (("old", "test"), ("new", "prod"))
    ]
    contract = shop(folder, servers=servers)
    (folder / "new").mkdir()
    csv(folder, "new/orders.csv", *ORDERS)

    with pytest.raises(UsageError, match="2 servers that could be meant"):
        weft.verify(contract)

    assert weft.verify(contract, server="new").result == "passed"
    assert weft.verify(contract, server="prod").result == "passed"


@pytest.mark.parametrize("as_python", [False, True])
def test_several_files_of_one_table_are_verified_together(folder, as_python):
    contract = shop(folder)
    csv(folder, "old.csv", *LINES)
    csv(folder, "new.csv", "price,id,order_id", "-1,3,1", "1,2,1")
    data = {"lines": ["old.csv", "new.csv"]} if as_python else ["lines=old.csv", "lines=new.csv", "lines=old.csv"]

    found = weft.verify(contract, data)

    assert found.rows == 4
    assert {k: v for k, v in outcomes(found).items() if v[0] == "failed"} == {
        "price.range": ("failed", 1),
        "id.primary_key": ("failed", 2),
    }


def test_files_of_one_table_in_several_formats_are_refused(folder):
    contract = shop(folder)
    csv(folder, "old.csv", *LINES)
    (folder / "new.ndjson").write_text('{"id": 3, "order_id": 1, "price": 1}\n', encoding="utf-8")

    with pytest.raises(UsageError, match="of several formats: csv, ndjson"):
        weft.verify(contract, ["lines=old.csv", "lines=new.ndjson"])


def test_a_table_that_is_given_nothing_is_told(folder):
    with pytest.raises(UsageError, match="nothing is given for the table `lines`"):
        weft.verify(shop(folder), {"lines": None})


@pytest.mark.parametrize(
    "rows",
    [
        ("id,order_id,price", "1,1,9.50,x", "2,2,0.10"),
        ("id,order_id,price", "1,1,9.50", "2,2"),
        ("id,order_id,price", "1,1,9.50,x", "2,2,0.10,x"),
        ("id;order_id;price", "1;1;9.50", "2", "3;3;4;5;6"),
    ],
)
def test_rows_with_another_number_of_columns_than_the_header_are_told_and_not_guessed_around(folder, rows):
    contract = shop(folder)
    csv(folder, "lines.csv", *rows)

    found = weft.verify(contract, "lines.csv")

    assert (found.result, found.checks) == ("error", ())
    (told,) = found.diagnostics
    assert (told.code, "another number of columns than the header" in told.what) == ("WFT-SRC-003", True)
    assert "line" not in told.what  # which one it is cannot be told from a guess
