"""Two majors of one port: side by side, deprecated, ended, retired; through the command line on real rows."""

from __future__ import annotations

import json
import shutil
from typing import Any

import pytest

from tests.meshes import TestMesh, contract, descriptor, port, source_rows, two_products

ORDERS = "domains/sales/orders"
DAILY = "domains/report/daily"
OLD, NEW = "sales.orders.orders@1", "sales.orders.orders@2"
PINNED = 'sales.orders."orders@1"'
TODAY, LAST_DAY, AFTER = "2030-01-01", "2030-01-31", "2030-02-01"


def edit_json(mesh: TestMesh, path: str, change: Any) -> None:
    document = json.loads(mesh.path(path).read_text())
    change(document)
    mesh.write(path, json.dumps(document, indent=2))


def add_second_major(mesh: TestMesh) -> None:
    """`orders@2` calls `amount` `total`; today's files become those of `orders@1`."""
    for kind, ending in (("contracts", "odcs.yaml"), ("models", "sql")):
        old = mesh.path(f"{ORDERS}/{kind}/orders.{ending}").read_text()
        mesh.write(f"{ORDERS}/{kind}/orders@1.{ending}", old)
    mesh.edit(f"{ORDERS}/contracts/orders.odcs.yaml", '"name": "amount"', '"name": "total"')
    mesh.edit(f"{ORDERS}/contracts/orders.odcs.yaml", '"version": "1.0.0"', '"version": "2.0.0"')
    mesh.edit(f"{ORDERS}/models/orders.sql", "as amount", "as total")
    mesh.edit(f"{ORDERS}/models/totals.sql", "sum(amount)", "sum(total)")

    def listed(document: dict) -> None:
        document["outputPorts"].append(document["outputPorts"][0] | {"version": "2.0.0"})

    edit_json(mesh, f"{ORDERS}/product.odps.yaml", listed)


def deprecate(mesh: TestMesh, day: str | None = LAST_DAY, status: str = "deprecated", **fields: object) -> None:
    """Calls `orders@1` deprecated, until a day."""

    def ended(document: dict) -> None:
        document["status"] = status
        document.pop("slaProperties", None)
        if day is not None:
            document["slaProperties"] = [{"property": "endOfLife", "value": day}]
        document.update(fields)

    edit_json(mesh, f"{ORDERS}/contracts/orders@1.odcs.yaml", ended)


def follow_to_new(ending: TestMesh) -> None:
    """`report.daily` reads `orders@2` from now on."""
    ending.edit(f"{DAILY}/product.odps.yaml", OLD, NEW)
    edit_json(ending, f"{DAILY}/product.odps.yaml", lambda d: d["inputPorts"][0].update(version="2.0.0"))
    for name in ("big", "small"):
        ending.edit(f"{DAILY}/models/{name}.sql", "o.amount\n", "o.total as amount\n")
        ending.edit(f"{DAILY}/models/{name}.sql", "where o.amount", "where o.total")


def applied(mesh: TestMesh, *words: str, today: str | None = None) -> None:
    done = mesh.weft("apply", *words, today=today)
    assert done.returncode == 0, done.stdout + done.stderr


def objections(plan: dict, code: str) -> list[dict]:
    return [o for o in plan["objections"] if o["code"] == code]


def actions(plan: dict) -> dict[str, str]:
    return {c["address"]: c["action"] for c in plan["changes"]}


@pytest.fixture(scope="module")
def published(tmp_path_factory) -> TestMesh:
    """Both majors of `orders` published, the first one first; `report.daily` reads `orders@1`."""
    made = two_products(tmp_path_factory.mktemp("published") / "mesh")
    applied(made, today=TODAY)
    add_second_major(made)
    applied(made, today=TODAY)
    return made


@pytest.fixture(scope="module")
def deprecated(published, tmp_path_factory) -> TestMesh:
    """The same with `orders@1` deprecated until the last day."""
    made = TestMesh(tmp_path_factory.mktemp("deprecated") / "mesh")
    shutil.copytree(published.root, made.root)
    deprecate(made)
    applied(made, today=TODAY)
    return made


@pytest.fixture
def mesh(published, tmp_path) -> TestMesh:
    """A copy of what is published."""
    return TestMesh(shutil.copytree(published.root, tmp_path / "mesh"))


@pytest.fixture
def ending(deprecated, tmp_path) -> TestMesh:
    """A copy of what is deprecated."""
    return TestMesh(shutil.copytree(deprecated.root, tmp_path / "mesh"))


def test_files_of_an_older_major_without_an_output_port_are_told_to_be_listed(mesh):
    edit_json(mesh, f"{ORDERS}/product.odps.yaml", lambda d: d["outputPorts"].pop(0))

    told = mesh.json("check", expect=2)["diagnostics"]

    [found] = [d for d in told if d["code"] == "WFT-PRJ-012"]
    assert "`{name: orders, version: 1.0.0, contractId: " in found["fix"]


def test_a_major_without_quotes_is_told_to_be_quoted(mesh):
    [found] = mesh.json("query", f"select * from {NEW}", expect=2)["diagnostics"]

    assert found["code"] == "WFT-SQL-001"
    assert 'domain.product."port@1"' in found["fix"]


def test_two_majors_have_each_its_table_its_contract_its_checks_and_its_history(mesh):
    assert mesh.json("query", f"select sum(amount) from {PINNED}")["snapshot"].keys() == {OLD}
    assert mesh.json("query", 'select sum(total) from sales.orders."orders@2"')["snapshot"].keys() == {NEW}
    old, new = mesh.json("show", OLD), mesh.json("show", NEW)
    assert (old["version"], new["version"]) == ("1.0.0", "2.0.0")
    assert {c["name"] for c in new["columns"]} - {c["name"] for c in old["columns"]} == {"total"}
    assert mesh.json("verify", OLD)["version"] == "1.0.0"
    assert "total" in {c["column"] for c in mesh.json("verify", NEW)["checks"]}

    before = mesh.json("history", OLD)

    mesh.edit(f"{ORDERS}/models/orders.sql", "from raw", "from raw where id::integer < 10")
    applied(mesh, today=TODAY)

    assert [s["rows"] for s in mesh.json("history", NEW)["snapshots"]] == [10, 2000]
    assert mesh.json("history", OLD) == before


def test_the_files_of_a_major_that_are_renamed_for_a_newer_one_do_not_rebuild_it_nor_its_readers(tmp_path):
    mesh = two_products(tmp_path / "mesh")
    applied(mesh, today=TODAY)

    add_second_major(mesh)
    plan = mesh.json("plan", today=TODAY)

    assert actions(plan)[NEW] == "create"
    assert actions(plan)[OLD] == "update"  # the texts of the product changed: it lists another port
    assert [c["address"] for c in plan["changes"] if f"`{OLD}`" in c["reason"]] == []


def test_an_address_without_a_major_means_what_it_meant_until_the_owner_moves_it(mesh):
    asked = "select count(*) from sales.orders.orders"
    assert mesh.json("query", asked)["snapshot"].keys() == {OLD}

    moved = mesh.json("default", NEW)
    again = mesh.json("default", NEW)

    assert mesh.weft("default", NEW).stdout.strip() == f"sales.orders.orders means {NEW} already"
    assert (moved["from"], moved["address"], again["from"]) == (OLD, NEW, NEW)
    assert mesh.json("query", asked)["snapshot"].keys() == {NEW}
    assert mesh.json("show", OLD)["default"] is False
    assert mesh.json("show", "report.daily")["reads"] == [OLD, "sales.orders.totals@1"]
    assert set(actions(mesh.json("plan")).values()) == {"none"}
    import weft
    from weft.registry.base import read_all_events

    with weft.open(mesh.root) as opened:
        events = [e for e in read_all_events(opened._rooms.registry) if e.kind == "port.default"]
    assert [(e.subject, dict(e.body)) for e in events] == [(NEW, {"from": OLD, "to": NEW})]


def test_only_the_mesh_that_owns_a_product_moves_its_default(mesh, tmp_path):
    other = TestMesh(tmp_path / "other")
    other.write("weft.toml", f'[mesh]\nname = "other"\nregistry = "{mesh.path(".weft/registry.db")}"\n')
    other.write("domains/x/domain.yaml", '{"name": "x", "kind": "source-aligned", "owner": {"team": "X"}}')

    refused = other.json("default", NEW, expect=3)

    assert refused["diagnostics"][0]["code"] == "WFT-PLN-004"
    assert mesh.json("query", "select 1 from sales.orders.orders limit 1")["snapshot"].keys() == {OLD}


def test_an_input_port_without_a_major_is_refused_with_the_major_to_write(mesh):
    mesh.edit(f"{DAILY}/product.odps.yaml", OLD, "sales.orders.orders")

    [found] = [d for d in mesh.json("check", expect=2)["diagnostics"] if d["code"] == "WFT-PRJ-014"]

    assert found["fix"] == f"write `{OLD}`"
    assert found["where"]["file"] == f"{DAILY}/product.odps.yaml"


def test_readers_of_a_deprecated_port_see_the_days_left_and_the_successor_in_their_plan(ending):
    words = ("plan", "report")
    plan = ending.json(*words, today=TODAY)
    text, markdown = (ending.weft(*words, "--format", f, today=TODAY).stdout for f in ("text", "markdown"))

    [found] = objections(plan, "WFT-PLN-012")
    assert found["severity"] == "warning"
    assert f"`{OLD}`, which is deprecated, whose end of life is 2030-01-31, in 30 days" in found["what"]
    assert found["where"]["file"] == f"{DAILY}/product.odps.yaml"
    assert f"`weft.port: {NEW}`" in found["fix"]
    for shown in (text, markdown):
        assert found["what"] in shown
        assert found["fix"] in shown


def test_the_owner_of_a_deprecated_port_sees_who_still_reads_it(ending):
    [found] = objections(ending.json("plan", "sales", today=TODAY), "WFT-ACC-006")

    assert (found["severity"], found["why"]) == ("warning", "still read by report.daily")
    assert f"`{OLD}` is deprecated, whose end of life is 2030-01-31, in 30 days" in found["what"]


def test_a_query_of_a_deprecated_port_is_answered_with_a_warning_beside_the_rows(ending):
    asked = f"select count(*) from {PINNED} a join {PINNED} b using (id)"
    answer = ending.json("query", asked, today=TODAY)
    shown = ending.weft("query", asked, "--format", "csv", today=LAST_DAY)

    [found] = answer["diagnostics"]
    assert (answer["rows"], found["code"], found["severity"]) == ([[2000]], "WFT-ACC-006", "warning")
    assert found["what"] == f"`{OLD}` is deprecated, whose end of life is 2030-01-31, in 30 days"
    assert f"`{NEW}`" in found["fix"] and 'sales.orders."orders@2"' in found["fix"]
    assert shown.returncode == 0
    assert "2000" in shown.stdout and "WFT" not in shown.stdout
    assert "whose end of life is 2030-01-31, today" in shown.stderr
    assert ending.json("query", 'from sales.orders."orders@2" limit 1', today=TODAY)["diagnostics"] == []


def test_pages_tell_the_end_and_the_successor(ending):
    end = {"date": "2030-01-31", "days_left": 30, "passed": False, "successor": NEW}
    product = ending.json("show", "report.daily", today=TODAY)

    assert ending.json("show", OLD, today=TODAY)["end_of_life"] == end
    assert ending.json("show", NEW, today=TODAY)["end_of_life"] is None
    assert product["deprecated_reads"] == [{"address": OLD, "status": "deprecated", **end}]
    owner = {p["address"]: p["end_of_life"] for p in ending.json("show", "sales.orders", today=TODAY)["ports"]}
    assert owner == {OLD: end, NEW: None, "sales.orders.totals@1": None}
    assert (
        f"{OLD} is deprecated until 2030-01-31 (30 days left)"
        in ending.weft("show", "report.daily", today=TODAY).stdout
    )
    assert f"its successor is {NEW}" in ending.weft("show", OLD, today=TODAY).stdout


def test_after_the_last_day_reading_is_denied_with_the_successor(ending):
    before = ending.json("history", OLD)["snapshots"]
    for asked in ([f"select * from {PINNED}"], [f"select * from {PINNED}", "--at", before[0]["snapshot_id"]]):
        assert ending.json("query", *asked, today=LAST_DAY)["rows"]
        [found] = ending.json("query", *asked, today=AFTER, expect=3)["diagnostics"]
        assert found["code"] == "WFT-ACC-007"
        assert "2030-01-31, 1 day ago" in found["why"]
        assert f"`{NEW}`" in found["fix"] and 'sales.orders."orders@2"' in found["fix"]
    assert ending.json("history", OLD)["snapshots"] == before
    assert ending.json("query", 'select count(*) from sales.orders."orders@2"', today=AFTER)["rows"] == [[2000]]


def test_after_the_last_day_publishing_stops_for_that_port_and_its_readers_and_goes_on_for_others(ending):
    edit_json(ending, f"{DAILY}/product.odps.yaml", lambda d: d["inputPorts"].pop(0))
    for name in ("big", "small"):
        text = "select day as id, batch, amount from totals\n"
        ending.write(f"{DAILY}/models/{name}.sql", text)
    reader(ending, "late", OLD)
    applied(ending, today=LAST_DAY)
    source_rows(ending, 2)
    [warned] = objections(ending.json("plan", "report", today=AFTER), "WFT-PLN-012")
    assert warned["severity"] == "warning"  # what it has made of the port before is still served
    ending.edit("domains/report/late/models/copy.sql", "select id", "select id + 0 as id")

    plan = ending.json("plan", today=AFTER, expect=1)
    done = ending.json("apply", today=AFTER, expect=1)

    [stopped] = objections(plan, "WFT-PLN-011")
    [reading] = objections(plan, "WFT-PLN-012")
    assert (stopped["severity"], f"`{OLD}`" in stopped["what"]) == ("error", True)
    assert reading["severity"] == "error"
    assert "`report.late.copy@1`" in reading["what"] and NEW in reading["fix"]
    assert actions(plan)[OLD] == actions(plan)["report.late.copy@1"] == "none"
    assert {p["address"] for p in done["published"]} == {
        NEW,
        "sales.orders.totals@1",
        "report.daily.big@1",
        "report.daily.small@1",
    }
    assert {f["address"]: f["diagnostics"][0]["code"] for f in done["failed"]} == {
        OLD: "WFT-PLN-011",
        "report.late.copy@1": "WFT-PLN-012",
    }
    assert ending.json("query", "select max(batch) from report.daily.big", today=AFTER)["rows"] == [[2]]
    again = ending.json("apply", today=AFTER, expect=1)
    assert (again["run_id"], [f["address"] for f in again["failed"]]) == (None, [OLD, "report.late.copy@1"])


def reader(mesh: TestMesh, name: str, address: str, columns: str = "id, batch") -> None:
    """`report.NAME` with a port `copy` of columns of another port."""
    key = {"name": "id", "id": "id", "logicalType": "integer", "primaryKey": True, "required": True}
    batch = {"name": "batch", "id": "batch", "logicalType": "integer", "required": True}
    folder = f"domains/report/{name}"
    mesh.write(f"{folder}/product.odps.yaml", descriptor("report", name, [port("orders", address)], ["copy"]))
    mesh.write(f"{folder}/contracts/copy.odcs.yaml", contract(f"report.{name}.copy", [key, batch]))
    mesh.write(f"{folder}/models/copy.sql", f"select {columns}\nfrom orders\n")


def test_the_owner_gives_more_time_and_the_port_is_published_and_read_again(ending):
    source_rows(ending, 2)
    deprecate(ending, "2030-03-01")

    applied(ending, today=AFTER)

    assert ending.json("query", f"select max(batch) from {PINNED}", today=AFTER)["rows"] == [[2]]


def test_a_plan_that_retires_the_default_major_says_what_the_address_without_one_will_mean(ending):
    deprecate(ending, status="retired")
    follow_to_new(ending)

    before = ending.weft("plan", today=TODAY).stdout
    assert ending.weft("default", NEW, today=TODAY).returncode == 0
    after = ending.weft("plan", today=TODAY).stdout

    assert f"its status is retired; `sales.orders.orders` will mean `{NEW}`" in before
    assert "its status is retired" in after
    assert "will mean" not in after


def test_retiring_waits_for_readers_and_keeps_the_snapshots(ending):
    deprecate(ending, status="retired")
    refused = ending.json("plan", today=AFTER, expect=2)
    assert {d["code"] for d in refused["diagnostics"]} == {"WFT-PLN-010"}
    follow_to_new(ending)

    plan = ending.json("plan", today=AFTER)
    assert actions(plan)[OLD] == "retire"
    applied(ending, "--yes", today=AFTER)

    [found] = ending.json("query", f"from {PINNED}", today=AFTER, expect=3)["diagnostics"]
    assert found["code"] == "WFT-ACC-002"
    assert f"`{NEW}`" in found["fix"]
    assert ending.json("history", OLD)["snapshots"]
    assert ending.json("query", "select 1 from sales.orders.orders limit 1", today=AFTER)["snapshot"].keys() == {NEW}
    assert ending.json("default", OLD, expect=2)["diagnostics"][0]["code"] == "WFT-PLN-013"


@pytest.mark.parametrize(
    ("fields", "day"),
    [
        ({"slaProperties": [{"property": "el", "value": "2030-01-31T23:00:00-08:00"}]}, "2030-01-31"),
        ({"slaProperties": [{"property": "endOfSupport", "value": "2030-02-10"}]}, "2030-02-10"),
        (
            {"customProperties": [{"property": "weft.endOfLife", "value": "2030-03-01"}]},
            "2030-03-01",
        ),
    ],
)
def test_the_end_is_read_from_the_fields_of_the_standard_else_from_our_own(mesh, fields, day):
    deprecate(mesh, None, **fields)
    applied(mesh, today=TODAY)

    assert mesh.json("show", OLD, today=TODAY)["end_of_life"]["date"] == day


def test_a_product_that_is_deprecated_as_a_whole_names_its_end_in_its_descriptor(mesh):
    def ended(document: dict) -> None:
        document["status"] = "deprecated"
        document["customProperties"] = [
            {"property": "weft.endOfLife", "value": LAST_DAY},
            {"property": "weft.successor", "value": "report.daily.big@1"},
        ]

    edit_json(mesh, f"{ORDERS}/product.odps.yaml", ended)
    applied(mesh, today=TODAY)

    answer = mesh.json("query", "select 1 from sales.orders.totals limit 1", today=TODAY)

    assert "2030-01-31, in 30 days" in answer["diagnostics"][0]["what"]
    assert "`report.daily.big@1`" in answer["diagnostics"][0]["fix"]
    assert mesh.weft("query", "from sales.orders.totals", today=AFTER).returncode == 3


def test_an_end_that_is_no_date_is_told_with_its_place(mesh):
    deprecate(mesh, "next summer", customProperties=[{"property": "weft.successor", "value": "orders two"}])

    found = [d for d in mesh.json("check", expect=2)["diagnostics"] if d["code"] == "WFT-PRJ-028"]

    assert [("next summer" in d["what"], "orders two" in d["what"]) for d in found] == [(True, False), (False, True)]
    assert all(d["where"]["file"] == f"{ORDERS}/contracts/orders@1.odcs.yaml" and d["fix"] for d in found)


def test_the_owner_is_told_of_a_successor_that_there_is_not(mesh):
    deprecate(mesh, customProperties=[{"property": "weft.successor", "value": "sales.orders.orders@7"}])

    [found] = objections(mesh.json("plan", today=TODAY), "WFT-ACC-006")

    assert found["fix"] == "name a successor that is served: there is no `sales.orders.orders@7`"


def test_a_deprecated_port_without_a_date_is_served_with_a_warning(mesh):
    deprecate(mesh, None)
    applied(mesh, today=TODAY)

    answer = mesh.json("query", f"select count(*) from {PINNED}", today="2099-01-01")

    assert "without an end of life yet" in answer["diagnostics"][0]["what"]
    [owner] = objections(mesh.json("plan", today=TODAY), "WFT-ACC-006")
    assert "endOfLife" in owner["fix"]


def test_a_breaking_change_lists_what_breaks_who_depends_on_it_and_who_does_not(tmp_path):
    mesh = two_products(tmp_path / "mesh")
    reader(mesh, "counts", OLD)
    reader(mesh, "far", "report.counts.copy@1")
    reader(mesh, "idle", "sales.orders.totals@1", "day as id, batch")
    edit_json(mesh, "domains/report/idle/product.odps.yaml", lambda d: d["inputPorts"].append(port("unused", OLD)))
    applied(mesh)
    mesh.edit(f"{ORDERS}/contracts/orders.odcs.yaml", '"name": "amount"', '"name": "total"')
    mesh.edit(f"{ORDERS}/models/orders.sql", "as amount", "as total")
    mesh.edit(f"{ORDERS}/models/totals.sql", "sum(amount)", "sum(total)")

    plan = mesh.json("plan", expect=1)
    text, markdown = (mesh.weft("plan", "--format", f).stdout for f in ("text", "markdown"))

    [found] = objections(plan, "WFT-CON-004")
    assert "`amount` is renamed to `total`" in found["what"]
    by = f"{OLD}.amount"
    direct = {a["column"] for a in plan["affected"] if a["by"] == by and a["column"].startswith("report.daily")}
    assert direct >= {f"report.daily.{p}@1.amount" for p in ("big", "small")}
    assert {(u["reader"], u["by"]) for u in plan["unaffected"]} == {
        ("report.counts.copy@1", OLD),
        ("report.far.copy@1", OLD),
        ("report.idle", OLD),
    }
    whys = {u["reader"]: u["why"] for u in plan["unaffected"]}
    assert whys["report.counts.copy@1"] == f"reads `{OLD}`, none of its columns depend on `amount`"
    assert whys["report.far.copy@1"].startswith("reads `report.counts.copy@1`")
    for shown in (text, markdown):
        for one in plan["affected"]:
            assert one["column"] in shown and one["via"] in shown
        for one in plan["unaffected"]:
            assert one["reader"] in shown and one["why"] in shown
    assert mesh.weft("apply").returncode == 1


def test_a_breaking_change_of_an_older_major_is_sent_to_one_that_is_free(mesh):
    edit_json(mesh, f"{ORDERS}/contracts/orders@1.odcs.yaml", lambda d: d["schema"][0]["properties"].pop(2))
    mesh.edit(f"{ORDERS}/models/orders@1.sql", "    amount::integer as amount,\n", "")

    plan = mesh.json("plan", expect=1)

    [found] = objections(plan, "WFT-CON-004")
    assert "version 3.0.0 is free" in found["fix"]
    places = {a["column"]: a["via"] for a in plan["affected"]}
    assert {c: places[c].rpartition("models/")[2] for c in places if c.endswith(".amount")} == {
        "report.daily.big@1.amount": "big.sql:1:25",
        "report.daily.small@1.amount": "small.sql:1:25",
    }


def test_a_reader_many_products_away_is_named(tmp_path):
    mesh = two_products(tmp_path / "mesh")
    upstream = OLD
    for name in "abcdefgh":
        reader(mesh, name, upstream)
        upstream = f"report.{name}.copy@1"
    applied(mesh)
    mesh.edit(f"{ORDERS}/contracts/orders.odcs.yaml", '"name": "batch"', '"name": "lot"')
    mesh.edit(f"{ORDERS}/models/orders.sql", "as batch", "as lot")
    mesh.edit(f"{ORDERS}/models/totals.sql", "max(batch)", "max(lot)")

    plan = mesh.json("plan", expect=1)

    assert "report.h.copy@1.batch" in {a["column"] for a in plan["affected"]}
    assert plan["unaffected"] == []


def test_a_relationship_means_the_newest_major_whichever_is_built_and_whichever_is_the_default(mesh):
    """`orders@1` has every day, `orders@2` the first three; the address without a major means `orders@1`."""
    mesh.edit(f"{ORDERS}/models/orders.sql", "from raw", "from raw where day::integer < 3")
    mesh.edit(f"{ORDERS}/models/totals.sql", "from orders", 'from "orders@1"')
    mesh.edit(f"{ORDERS}/models/totals.sql", "sum(total)", "sum(amount)")
    applied(mesh)
    mesh.edit(f"{ORDERS}/models/orders@1.sql", "id::integer as id", "id::integer + 0 as id")

    def related(document: dict) -> None:
        document["version"] = "1.1.0"
        document["schema"][0]["properties"][0]["relationships"] = [{"to": "orders.day"}]

    edit_json(mesh, f"{ORDERS}/contracts/totals.odcs.yaml", related)
    edit_json(mesh, f"{ORDERS}/product.odps.yaml", lambda d: d["outputPorts"][1].update(version="1.1.0"))
    edit_json(mesh, f"{DAILY}/product.odps.yaml", lambda d: d["inputPorts"][1].update(version="1.1.0"))
    assert actions(mesh.json("plan"))[NEW] == "update"

    done = mesh.json("apply", expect=1)

    [found] = [d for f in done["failed"] for d in f["diagnostics"]]
    assert (found["code"], "7 of 10 rows" in found["what"]) == ("WFT-CHK-001", True)


def test_a_product_of_another_repository_is_warned_by_what_is_registered(ending, tmp_path):
    other = TestMesh(tmp_path / "other")
    state = ending.path(".weft")
    other.write(
        "weft.toml",
        f'[mesh]\nname = "other"\nregistry = "{state}/registry.db"\n'
        f'[storage]\nwarehouse = "{state}/warehouse"\ncatalog = "{state}/catalog.db"\n',
    )
    other.write("domains/report/domain.yaml", '{"name": "report", "kind": "aggregate", "owner": {"team": "R"}}')
    reader(other, "abroad", OLD)
    applied(other, today=TODAY)

    plan = other.json("plan", today=TODAY)

    [warned] = objections(plan, "WFT-PLN-012")
    assert "2030-01-31, in 30 days" in warned["what"] and NEW in warned["fix"]
    [owner] = objections(ending.json("plan", "sales", today=TODAY), "WFT-ACC-006")
    assert owner["why"] == "still read by report.abroad, report.daily"
    other.edit("domains/report/abroad/models/copy.sql", "select id", "select id + 0 as id")
    refused = other.json("apply", today=AFTER, expect=1)
    assert [d["code"] for d in refused["failed"][0]["diagnostics"]] == ["WFT-PLN-012"]


def test_a_plan_file_that_was_made_before_the_last_day_publishes_nothing_after_it(ending):
    source_rows(ending, 2)
    assert ending.weft("plan", "sales", "--out", "plan.json", today=LAST_DAY).returncode == 0

    done = ending.json("apply", "--plan", "plan.json", today=AFTER, expect=1)

    assert [f["address"] for f in done["failed"]] == [OLD]
    assert {p["address"] for p in done["published"]} == {NEW, "sales.orders.totals@1"}


def test_who_was_retired_is_neither_a_reader_nor_affected(tmp_path):
    mesh = two_products(tmp_path / "mesh")
    reader(mesh, "counts", OLD)
    applied(mesh)
    for product in ("counts", "daily"):
        shutil.rmtree(mesh.path(f"domains/report/{product}"))
    applied(mesh, "--yes")
    reader(mesh, "late", OLD)
    applied(mesh)
    mesh.edit(f"{ORDERS}/contracts/orders.odcs.yaml", '"name": "batch"', '"name": "lot"')
    mesh.edit(f"{ORDERS}/models/orders.sql", "as batch", "as lot")
    mesh.edit(f"{ORDERS}/models/totals.sql", "max(batch)", "max(lot)")

    plan = mesh.json("plan", expect=1)

    affected = {a["column"] for a in plan["affected"] if a["column"].startswith("report.")}
    assert (affected, plan["unaffected"]) == ({"report.late.copy@1.batch"}, [])


def test_a_broken_promise_of_the_whole_table_spares_no_reader(tmp_path):
    mesh = two_products(tmp_path / "mesh")
    reader(mesh, "counts", OLD)
    applied(mesh)

    def no_key(document: dict) -> None:
        document["schema"][0]["properties"][0]["primaryKey"] = False

    edit_json(mesh, f"{ORDERS}/contracts/orders.odcs.yaml", no_key)

    plan = mesh.json("plan", expect=1)

    [found] = objections(plan, "WFT-CON-004")
    assert plan["unaffected"] == []
    assert "the whole table, which report.counts, report.daily reads" in found["why"]


def test_a_new_major_in_the_place_of_one_that_is_read_is_refused(tmp_path):
    mesh = two_products(tmp_path / "mesh")
    applied(mesh)
    mesh.edit(f"{ORDERS}/contracts/orders.odcs.yaml", '"version": "1.0.0"', '"version": "2.0.0"')
    edit_json(mesh, f"{ORDERS}/product.odps.yaml", lambda d: d["outputPorts"][0].update(version="2.0.0"))

    [found] = objections(mesh.json("plan", expect=1), "WFT-PLN-009")

    assert (found["severity"], "report.daily reads it" in found["what"]) == ("error", True)
    assert found["where"]["file"] == f"{DAILY}/product.odps.yaml"
    assert mesh.weft("apply", "--yes").returncode == 1
    assert mesh.json("query", f"select count(*) from {PINNED}")["rows"] == [[2000]]
