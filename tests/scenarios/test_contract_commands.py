"""Contracts from the command line: compared, checked by themselves, given the version that their changes require."""

import json

import pytest

from tests.meshes import TestMesh, contract, two_products

ORDERS = "domains/sales/orders/contracts/orders.odcs.yaml"


@pytest.fixture(scope="module")
def published(tmp_path_factory) -> TestMesh:
    made = two_products(tmp_path_factory.mktemp("contracts") / "mesh")
    assert made.weft("apply").returncode == 0
    return made


@pytest.fixture
def files(tmp_path) -> TestMesh:
    """A folder with two contracts, and no mesh."""
    mesh = TestMesh(tmp_path)
    key = {"name": "id", "id": "1", "logicalType": "integer", "required": True}
    count = {"name": "count", "logicalType": "integer", "logicalTypeOptions": {"maximum": 9}}
    mesh.write("old.odcs.yaml", contract("a.b.c", [key, count]))
    mesh.write("new.odcs.yaml", contract("a.b.c", [{**key, "name": "number"}, {**count, "logicalTypeOptions": {}}]))
    return mesh


def test_a_difference_is_told_with_its_verdict_place_and_version(files):
    done = files.weft("contract", "diff", "old.odcs.yaml", "new.odcs.yaml")

    assert done.returncode == 0
    assert "column `id` is renamed to `number`" in done.stdout
    assert "breaking for readers: 2 changes, version 2.0.0" in done.stdout


def test_the_json_of_a_difference_has_the_documented_shape(files):
    found = files.json("contract", "diff", "old.odcs.yaml", "new.odcs.yaml")

    assert (found["verdict"], found["required_version"]) == ("breaking", "2.0.0")
    assert {tuple(sorted(c)) for c in found["changes"]} == {("from", "kind", "path", "reason", "to", "verdict")}


@pytest.mark.parametrize(
    ("old", "new", "level", "code"),
    [
        ("old", "new", "breaking", 1),
        ("old", "old", "breaking", 0),
        ("old", "old", "compatible", 0),
    ],
)
def test_a_verdict_fails_only_when_it_is_asked_to(files, old, new, level, code):
    done = files.weft("contract", "diff", f"{old}.odcs.yaml", f"{new}.odcs.yaml", "--fail-on", level)

    assert done.returncode == code


def test_a_contract_against_itself_has_no_difference_for_anybody(files):
    for view in ("consumer", "producer"):
        done = files.weft("contract", "diff", "old.odcs.yaml", "old.odcs.yaml", "--view", view)
        assert done.stdout.startswith("no difference")


def test_producers_see_the_way_back(files):
    assert (
        files.json("contract", "diff", "new.odcs.yaml", "old.odcs.yaml", "--view", "producer")["verdict"] == "breaking"
    )
    loosened = files.json("contract", "diff", "old.odcs.yaml", "new.odcs.yaml", "--view", "producer")
    assert {c["path"]: c["verdict"] for c in loosened["changes"]} == {"id": "breaking", "count": "compatible"}


def test_an_address_stands_for_its_published_contract(published):
    found = published.json("contract", "diff", "sales.orders.orders", ORDERS)

    assert (found["verdict"], found["changes"]) == ("none", [])


def test_a_missing_file_and_an_unknown_address_are_told(published):
    assert "is missing" in published.weft("contract", "diff", "nowhere.yaml", ORDERS).stderr
    done = published.weft("contract", "diff", "sales.orders.order", ORDERS)
    assert done.returncode == 2
    assert "did you mean `sales.orders.orders`" in done.stderr


def test_lint_tells_every_problem_of_every_file_with_its_line(files):
    files.edit("new.odcs.yaml", '"logicalType": "integer"', '"logicalType": "intger"')
    files.write(
        "bad.odcs.yaml",
        contract(
            "x",
            [
                {
                    "name": "c",
                    "logicalType": "string",
                    "quality": [{"type": "sql", "query": "copy t to 'x'", "mustBe": 0}],
                }
            ],
        ),
    )

    done = files.weft("contract", "lint", "old.odcs.yaml", "new.odcs.yaml", "bad.odcs.yaml")

    assert done.returncode == 2
    assert "new.odcs.yaml:" in done.stderr
    assert "bad.odcs.yaml:" in done.stderr
    assert "WFT-SQL" in done.stderr
    assert files.json("contract", "lint", "old.odcs.yaml") == {"diagnostics": []}


def test_bump_writes_the_version_that_is_required_and_nothing_else(files):
    before = files.path("new.odcs.yaml").read_text()

    done = files.weft("contract", "bump", "new.odcs.yaml", "--against", "old.odcs.yaml")

    assert done.returncode == 0, done.stderr
    assert "version is now 2.0.0, was 1.0.0" in done.stdout
    assert files.path("new.odcs.yaml").read_text() == before.replace('"1.0.0"', '"2.0.0"')
    again = files.weft("contract", "bump", "new.odcs.yaml", "--against", "old.odcs.yaml")
    assert "version 2.0.0 is right" in again.stdout


def test_bump_writes_the_version_at_the_port_too(tmp_path):
    mesh = two_products(tmp_path / "mesh")
    assert mesh.weft("apply").returncode == 0
    mesh.edit(ORDERS, '"name": "amount",', '"name": "amount",\n"required": true,')

    assert mesh.weft("contract", "bump", ORDERS).returncode == 0

    assert mesh.weft("plan").returncode == 0
    assert mesh.json("plan")["changes"][0]["contract"] | {"changes": []} == {
        "from": "1.0.0",
        "to": "1.1.0",
        "verdict": "compatible",
        "changes": [],
    }


def test_bump_compares_with_what_is_published_under_the_same_id(published):
    text = published.path(ORDERS).read_text()
    data = json.loads(text)
    data["schema"][0]["properties"][2]["description"] = "what it costs"
    data["schema"][0]["properties"][2]["required"] = True
    published.write(ORDERS, json.dumps(data, indent=2))

    done = published.json("contract", "bump", ORDERS, "--dry-run")
    published.write(ORDERS, text)

    assert (done["verdict"], done["from"], done["to"]) == ("compatible", "1.0.0", "1.1.0")


@pytest.mark.parametrize(("kind", "text"), [("sql", "create ("), ("avro", "[1]"), ("jsonschema", "[1]"), ("dbt", "{")])
def test_a_document_that_cannot_be_imported_is_named_by_its_file(files, kind, text):
    files.write("made/it.txt", text)

    [found] = files.json("contract", "import", kind, "made/it.txt", expect=2)["diagnostics"]

    assert found["code"] == "WFT-IMP-003"
    assert found["where"]["file"].endswith("made/it.txt")
    assert "Error" not in found["why"]
