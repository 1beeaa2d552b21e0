"""Every diagnostic of a repository's files: provoked, with the file and the line that it names."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import weft
from tests.meshes import TestMesh, contract, descriptor, number, source, two_products
from weft.errors import Diagnostic, Severity, UsageError, WeftError
from weft.errors_catalogue import CODES

ORDERS = "domains/sales/orders"
PRODUCT = f"{ORDERS}/product.odps.yaml"
CONTRACT = f"{ORDERS}/contracts/orders.odcs.yaml"
DOMAIN = "domains/sales/domain.yaml"


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return two_products(tmp_path_factory.mktemp("sound") / "mesh").root


@pytest.fixture
def mesh(sound: Path, tmp_path: Path) -> TestMesh:
    shutil.copytree(sound, tmp_path / "mesh")
    return TestMesh(tmp_path / "mesh")


def checked(mesh: TestMesh) -> tuple[Diagnostic, ...]:
    with weft.open(mesh.root) as opened:
        return opened.check().diagnostics


def line(mesh: TestMesh, file: str, text: str, nth: int = 1) -> int:
    """The line of the nth line of a file that holds a text."""
    lines = mesh.path(file).read_text(encoding="utf-8").splitlines()
    return [i for i, one in enumerate(lines, 1) if text in one][nth - 1]


def change(mesh: TestMesh, file: str, changed: Callable[[Any], Any]) -> None:
    """Changes the content of a document in place."""
    document = json.loads(mesh.path(file).read_text(encoding="utf-8"))
    changed(document)
    mesh.write(file, json.dumps(document, indent=2))


def test_a_contract_that_cannot_be_read_is_not_called_missing_too(mesh: TestMesh) -> None:
    mesh.write(CONTRACT, "schema: [\n")

    assert {(d.code, d.where.file if d.where else None) for d in checked(mesh)} >= {("WFT-PRJ-002", CONTRACT)}
    assert "WFT-PRJ-011" not in {d.code for d in checked(mesh)}


def test_a_model_that_is_not_text_is_not_called_missing_too(mesh: TestMesh) -> None:
    mesh.path(f"{ORDERS}/models/orders.sql").write_bytes(b"select '\xff'")

    assert "WFT-PRJ-021" in {d.code for d in checked(mesh)}
    assert "WFT-PRJ-013" not in {d.code for d in checked(mesh)}


def test_what_depends_on_the_time_of_the_run_is_told_once(mesh: TestMesh) -> None:
    mesh.edit(f"{ORDERS}/models/orders.sql", "from raw", "from raw where now() > timestamptz '2000-01-01'")

    found = only(mesh, "WFT-SQL-008")

    assert (found.severity, found.what) == (Severity.WARNING, "`now()` gives another result each time it runs")


def only(mesh: TestMesh, code: str) -> Diagnostic:
    """The one diagnostic of a code."""
    found = [d for d in checked(mesh) if d.code == code]
    assert len(found) == 1, [str(d) for d in checked(mesh)]
    return found[0]


def place(diagnostic: Diagnostic) -> tuple[str, int | None]:
    assert diagnostic.where is not None
    return diagnostic.where.file, diagnostic.where.line


PROVOKED: set[str] = set()


def provoked(*codes: str) -> Callable[[Any], Any]:
    """Says which codes a test provokes; every code of the room has one."""
    PROVOKED.update(codes)
    return lambda test: test


def test_the_mesh_that_is_changed_is_sound(mesh: TestMesh) -> None:
    assert checked(mesh) == ()


# 001: a file is missing


@provoked("WFT-PRJ-001")
@pytest.mark.parametrize(
    ("file", "folder", "fix"),
    [
        (DOMAIN, "domains/sales", "`weft new domain sales` makes one"),
        (PRODUCT, ORDERS, "`weft new product sales.orders` makes one"),
    ],
)
def test_a_folder_without_its_declaration_is_named(mesh: TestMesh, file: str, folder: str, fix: str) -> None:
    mesh.path(file).unlink()

    found = only(mesh, "WFT-PRJ-001")

    assert found.what == f"`{file}` is missing"
    assert (place(found), found.fix) == ((folder, None), fix)


@provoked("WFT-PRJ-001")
def test_a_link_that_leads_nowhere_is_a_file_that_cannot_be_read(mesh: TestMesh) -> None:
    file = f"{ORDERS}/models/totals.sql"
    mesh.path(file).unlink()
    mesh.path(file).symlink_to("nowhere.sql")

    assert place(only(mesh, "WFT-PRJ-001")) == (file, None)


# 002 to 007, 021: documents


@provoked("WFT-PRJ-002")
@pytest.mark.parametrize("file", [DOMAIN, PRODUCT, CONTRACT])
def test_yaml_that_does_not_parse_is_told_in_its_line(mesh: TestMesh, file: str) -> None:
    mesh.write(file, "a: 1\nb: ]\nc: 2\n")

    found = only(mesh, "WFT-PRJ-002")

    assert place(found) == (file, 2)


@provoked("WFT-PRJ-002")
def test_a_field_that_stands_twice_is_told_in_its_line(mesh: TestMesh) -> None:
    text = mesh.path(DOMAIN).read_text(encoding="utf-8").replace('"owner"', '"name": "x",\n"owner"')
    mesh.write(DOMAIN, text)

    assert place(only(mesh, "WFT-PRJ-002")) == (DOMAIN, line(mesh, DOMAIN, '"name"', 2))


@provoked("WFT-PRJ-003", "WFT-PRJ-004")
@pytest.mark.parametrize(
    ("file", "old", "new", "code", "fix"),
    [
        (CONTRACT, '"DataContract"', '"DataProduct"', "WFT-PRJ-003", "weft reads ODCS v3.0.0 to v3.2.0"),
        (PRODUCT, '"DataProduct"', '"DataContract"', "WFT-PRJ-003", "weft reads ODPS v0.9.0 to v1.0.0"),
        (CONTRACT, '"v3.1.0"', '"v2.2.2"', "WFT-PRJ-004", "weft reads ODCS v3.0.0 to v3.2.0"),
        (PRODUCT, '"v1.0.0"', '"v9.0.0"', "WFT-PRJ-004", "weft reads ODPS v0.9.0 to v1.0.0"),
    ],
)
def test_another_standard_or_version_is_told_in_its_line(
    mesh: TestMesh, file: str, old: str, new: str, code: str, fix: str
) -> None:
    mesh.edit(file, old, new)

    found = only(mesh, code)

    assert (place(found), found.fix) == ((file, line(mesh, file, new)), fix)


@provoked("WFT-PRJ-003")
def test_a_document_of_the_older_contract_standard_is_told_so(mesh: TestMesh) -> None:
    mesh.write(CONTRACT, "dataContractSpecification: 1.1.0\nid: x\n")

    found = only(mesh, "WFT-PRJ-003")

    assert place(found) == (CONTRACT, 1)
    assert "the Data Contract Specification" in found.what


@provoked("WFT-PRJ-005")
@pytest.mark.parametrize(
    ("change_of", "text", "fix"),
    [
        (lambda d: d["schema"][0]["properties"][0].update(logicalType="intger"), '"intger"', "did you mean `integer`?"),
        (lambda d: d["schema"][0]["properties"][1].update(required="yes"), '"yes"', "write `true` or `false`"),
        (
            lambda d: d.update(tags="sales"),
            '"tags"',
            "write a list: each entry on a line of its own, behind `- `",
        ),
        (lambda d: d.update(version=1.5), '"version"', 'put it in quotes: `"1.5"`'),
    ],
)
def test_a_value_that_the_standard_does_not_allow_is_told_in_its_line(
    mesh: TestMesh, change_of: Callable[[Any], Any], text: str, fix: str
) -> None:
    change(mesh, CONTRACT, change_of)

    found = only(mesh, "WFT-PRJ-005")

    assert (place(found), found.fix) == ((CONTRACT, line(mesh, CONTRACT, text)), fix)


@provoked("WFT-PRJ-005")
@pytest.mark.parametrize("text", ["", "just text\n", "- a\n- b\n"])
def test_a_document_that_is_no_mapping_is_told(mesh: TestMesh, text: str) -> None:
    mesh.write(CONTRACT, text)

    assert place(only(mesh, "WFT-PRJ-005")) == (CONTRACT, 1)


@provoked("WFT-PRJ-006")
def test_an_unknown_field_is_a_warning_in_its_line(mesh: TestMesh) -> None:
    change(mesh, CONTRACT, lambda d: d["schema"][0]["properties"][0].update(primarKey=True))

    found = only(mesh, "WFT-PRJ-006")

    assert found.severity is Severity.WARNING
    assert place(found) == (CONTRACT, line(mesh, CONTRACT, "primarKey"))
    assert found.fix == "did you mean `primaryKey`?"


@provoked("WFT-PRJ-007")
@pytest.mark.parametrize(
    ("file", "field"), [(CONTRACT, "version"), (CONTRACT, "id"), (PRODUCT, "id"), (DOMAIN, "name")]
)
def test_a_required_field_that_is_missing_is_named(mesh: TestMesh, file: str, field: str) -> None:
    change(mesh, file, lambda d: d.pop(field))

    found = next(d for d in checked(mesh) if d.code == "WFT-PRJ-007")

    assert place(found) == (file, 1)
    assert f"`{field}`" in found.what


@provoked("WFT-PRJ-007")
def test_an_output_port_without_the_id_of_its_contract_is_told_which_one(mesh: TestMesh) -> None:
    change(mesh, PRODUCT, lambda d: d["outputPorts"][1].pop("contractId"))

    found = [d for d in checked(mesh) if d.code == "WFT-PRJ-007"]

    assert [d.fix for d in found][-1] == f"add `contractId: {number('sales.orders.totals')}`"
    assert {place(d) for d in found} == {(PRODUCT, line(mesh, PRODUCT, '"name": "totals"') - 1)}


@provoked("WFT-PRJ-021")
@pytest.mark.parametrize("file", [DOMAIN, PRODUCT, CONTRACT, f"{ORDERS}/models/totals.sql"])
def test_a_file_that_is_not_utf_8_is_told_in_its_line(mesh: TestMesh, file: str) -> None:
    content = mesh.path(file).read_bytes()
    mesh.path(file).write_bytes(content + b"\n# caf\xe9\n")

    assert place(only(mesh, "WFT-PRJ-021")) == (file, content.count(b"\n") + 2)


# 008 to 010, 020, 023: names and identities


@provoked("WFT-PRJ-008")
@pytest.mark.parametrize(
    ("old", "new", "file"),
    [
        ("domains/sales", "domains/Sales", "domains/Sales/domain.yaml"),
        (ORDERS, "domains/sales/my-orders", "domains/sales/my-orders/product.odps.yaml"),
    ],
)
def test_a_folder_whose_name_cannot_be_part_of_an_address_is_told(
    mesh: TestMesh, old: str, new: str, file: str
) -> None:
    mesh.path(old).rename(mesh.path(new))

    found = only(mesh, "WFT-PRJ-008")

    assert place(found) == (file, 1)
    assert (found.fix or "").startswith(f"rename it to `{new.rpartition('/')[2].lower().replace('-', '_')}`")


@provoked("WFT-PRJ-008")
@pytest.mark.parametrize(("kind", "index"), [("inputPorts", 0), ("outputPorts", 1)])
def test_a_port_whose_name_cannot_be_named_in_sql_is_told_in_its_line(mesh: TestMesh, kind: str, index: int) -> None:
    change(mesh, PRODUCT, lambda d: d[kind][index].update(name="Not-SQL"))

    found = only(mesh, "WFT-PRJ-008")

    assert place(found) == (PRODUCT, line(mesh, PRODUCT, "Not-SQL") - 1)


@provoked("WFT-PRJ-008")
@pytest.mark.parametrize("name", ["My Model", "orders@x", "1st"])
def test_a_model_whose_name_cannot_be_named_in_sql_is_told(mesh: TestMesh, name: str) -> None:
    mesh.write(f"{ORDERS}/models/{name}.sql", "select 1 as a\n")

    assert place(only(mesh, "WFT-PRJ-008")) == (f"{ORDERS}/models/{name}.sql", None)


def test_a_folder_of_any_name_is_a_product_when_it_says_its_slug(mesh: TestMesh) -> None:
    mesh.path(ORDERS).rename(mesh.path("domains/sales/My Orders"))
    custom = [{"property": "weft.slug", "value": "orders"}]
    change(mesh, "domains/sales/My Orders/product.odps.yaml", lambda d: d.update(customProperties=custom))

    assert checked(mesh) == ()


@provoked("WFT-PRJ-009")
@pytest.mark.parametrize("name", ["main", "temp", "information_schema", "pg_catalog"])
def test_a_reserved_name_is_told(mesh: TestMesh, name: str) -> None:
    mesh.path("domains/report").rename(mesh.path(f"domains/{name}"))

    found = only(mesh, "WFT-PRJ-009")

    assert place(found) == (f"domains/{name}/domain.yaml", 1)
    proposed = (found.fix or "").partition("`")[2].rstrip("`")
    mesh.path(f"domains/{name}").rename(mesh.path(f"domains/{proposed}"))
    assert [d.code for d in checked(mesh) if d.code in ("WFT-PRJ-008", "WFT-PRJ-009")] == []


@provoked("WFT-PRJ-010")
def test_two_products_with_one_address_are_told_with_the_first_ones_file(mesh: TestMesh) -> None:
    copy = json.loads(descriptor("sales", "copy", [], []))
    copy["customProperties"] = [{"property": "weft.slug", "value": "orders"}]
    mesh.write("domains/sales/zcopy/product.odps.yaml", json.dumps(copy))

    found = only(mesh, "WFT-PRJ-010")

    assert place(found) == ("domains/sales/zcopy/product.odps.yaml", 1)
    assert PRODUCT in (found.why or "")


@provoked("WFT-PRJ-010")
def test_two_domains_with_one_name_are_told_with_the_first_ones_file(mesh: TestMesh) -> None:
    mesh.edit("weft.toml", '"two"', '"two"\ndomains = ["domains/*", "more/*"]')
    mesh.write("more/sales/domain.yaml", mesh.path(DOMAIN).read_text(encoding="utf-8"))

    found = only(mesh, "WFT-PRJ-010")

    assert place(found) == ("more/sales/domain.yaml", 1)
    assert DOMAIN in (found.why or "")


@provoked("WFT-PRJ-020")
@pytest.mark.parametrize(
    ("file", "owner", "owners_file"),
    [
        (f"{ORDERS}/contracts/totals.odcs.yaml", "sales.orders.orders", CONTRACT),
        (PRODUCT, "report.daily", "domains/report/daily/product.odps.yaml"),
    ],
)
def test_an_id_that_another_document_has_is_told_in_its_line(
    mesh: TestMesh, file: str, owner: str, owners_file: str
) -> None:
    change(mesh, file, lambda d: d.update(id=number(owner)))

    found = only(mesh, "WFT-PRJ-020")

    assert place(found) == (file, line(mesh, file, '"id"'))
    assert owners_file in found.what


@provoked("WFT-PRJ-023")
def test_a_mesh_without_domains_is_told_in_its_settings(mesh: TestMesh) -> None:
    shutil.rmtree(mesh.path("domains"))

    found = only(mesh, "WFT-PRJ-023")

    assert (place(found), found.fix) == (("weft.toml", None), "`weft new domain NAME` makes one")


@pytest.mark.parametrize("folder", [".hidden", "_templates"])
def test_folders_that_begin_with_a_dot_or_underscore_are_nobodys(mesh: TestMesh, folder: str) -> None:
    mesh.path(f"domains/{folder}").mkdir()
    mesh.path(f"domains/sales/{folder}").mkdir()

    assert checked(mesh) == ()


# 011 to 013, 016, 022, 026: ports, contracts and models


@provoked("WFT-PRJ-011")
def test_an_output_port_without_contract_is_told_in_its_line(mesh: TestMesh) -> None:
    mesh.path(f"{ORDERS}/contracts/totals.odcs.yaml").unlink()

    found = only(mesh, "WFT-PRJ-011")

    assert place(found) == (PRODUCT, line(mesh, PRODUCT, '"name": "totals"') - 1)
    assert found.fix == "`weft contract sync sales.orders.totals` drafts it"


@provoked("WFT-PRJ-012")
def test_a_contract_without_output_port_is_told_with_the_nearest(mesh: TestMesh) -> None:
    more = contract("sales.orders.total", [{"name": "a", "logicalType": "integer"}])
    mesh.write(f"{ORDERS}/contracts/total.odcs.yaml", more)

    found = only(mesh, "WFT-PRJ-012")

    assert place(found) == (f"{ORDERS}/contracts/total.odcs.yaml", 1)
    assert found.fix == "did you mean `totals`?"


@provoked("WFT-PRJ-013")
def test_an_output_port_without_model_is_told_in_its_line(mesh: TestMesh) -> None:
    mesh.path(f"{ORDERS}/models/totals.sql").unlink()

    found = only(mesh, "WFT-PRJ-013")

    assert place(found) == (PRODUCT, line(mesh, PRODUCT, '"name": "totals"') - 1)
    assert "models/totals.sql" in found.what


@provoked("WFT-PRJ-016")
@pytest.mark.parametrize(
    ("field", "value", "fix"),
    [
        ("version", "1.2.0", "write `version: 1.0.0`"),
        ("contractId", "other", f"write `contractId: {number('sales.orders.totals')}`"),
    ],
)
def test_a_port_and_a_contract_that_disagree_are_told_in_the_ports_line(
    mesh: TestMesh, field: str, value: str, fix: str
) -> None:
    change(mesh, PRODUCT, lambda d: d["outputPorts"][1].update({field: value}))

    found = only(mesh, "WFT-PRJ-016")

    assert (place(found), found.fix) == ((PRODUCT, line(mesh, PRODUCT, '"name": "totals"') - 1), fix)


@provoked("WFT-PRJ-022")
@pytest.mark.parametrize("file", [PRODUCT, CONTRACT])
def test_an_unknown_status_is_told_in_its_line_with_the_nearest(mesh: TestMesh, file: str) -> None:
    change(mesh, file, lambda d: d.update(status="actve"))

    found = only(mesh, "WFT-PRJ-022")

    assert (place(found), found.fix) == ((file, line(mesh, file, '"actve"')), "did you mean `active`?")
    assert "draft" in (found.why or "")


@provoked("WFT-PRJ-026")
def test_a_model_that_no_port_needs_is_a_warning(mesh: TestMesh) -> None:
    mesh.write(f"{ORDERS}/models/left_over.sql", "\n\nselect id from orders\n")

    found = only(mesh, "WFT-PRJ-026")

    assert found.severity is Severity.WARNING
    assert found.what == "no port needs model `left_over`"
    assert place(found) == (f"{ORDERS}/models/left_over.sql", 3)


# 014, 015: input ports


@provoked("WFT-PRJ-014")
@pytest.mark.parametrize(
    ("custom", "what"),
    [
        ([], "input port `raw` is bound to nothing"),
        ([{"property": "weft.source", "value": "data/orders.csv"}], "input port `raw` is bound to nothing"),
        ([{"property": "weft.source", "value": {}}], "input port `raw` names no `file`"),
        ([{"property": "weft.port", "value": "report.daily.big"}], "binds `report.daily.big` without a major version"),
        *(
            (
                [{"property": "weft.source", "value": {"file": "data/orders.csv", key: value}}],
                f"`{key}` in `weft.source` of input port `raw` must be {must}",
            )
            for key, value, must in [
                ("format", 1, "text"),
                ("nulls", {"a": 1}, "a list of texts"),
                ("delimiter", ";;", "one character"),
                ("delimiter", '"', "one character"),
                ("header", "no", "true or false"),
                ("encoding", ["utf-8"], "text"),
            ]
        ),
        (
            [{"property": "weft.source", "value": {"file": "data/orders.csv", "delimeter": ";"}}],
            "unknown field `delimeter` in `weft.source`",
        ),
    ],
)
def test_an_input_port_that_is_bound_wrongly_is_told_in_its_line(mesh: TestMesh, custom: list[Any], what: str) -> None:
    change(mesh, PRODUCT, lambda d: d["inputPorts"][0].update(customProperties=custom))

    found = only(mesh, "WFT-PRJ-014")

    assert what in found.what
    assert place(found) == (PRODUCT, line(mesh, PRODUCT, '"name": "raw"') - 1)


@pytest.mark.parametrize(
    "custom", [[], [{"property": "weft.port", "value": "report.daily.big"}], [{"property": "weft.source", "value": {}}]]
)
def test_models_that_read_an_input_port_that_is_bound_wrongly_are_not_told_to_declare_it(
    mesh: TestMesh, custom: list[Any]
) -> None:
    change(mesh, PRODUCT, lambda d: d["inputPorts"][0].update(customProperties=custom))

    assert {d.code for d in checked(mesh) if d.severity is Severity.ERROR} == {"WFT-PRJ-014"}


def test_a_port_that_is_named_as_a_source_is_told_to_be_named_as_a_port(mesh: TestMesh) -> None:
    custom = [{"property": "weft.source", "value": {"port": "sales.orders.orders@1"}}]
    change(mesh, PRODUCT, lambda d: d["inputPorts"][0].update(customProperties=custom))

    found = only(mesh, "WFT-PRJ-014")

    assert found.fix is not None and "`weft.port`" in found.fix


@provoked("WFT-PRJ-015")
def test_an_input_port_and_a_model_of_one_name_are_told(mesh: TestMesh) -> None:
    change(mesh, PRODUCT, lambda d: d["inputPorts"].append(source("totals", file="data/orders.csv")))

    found = only(mesh, "WFT-PRJ-015")

    assert found.what == "`totals` is an input port and a model"
    assert place(found) == (PRODUCT, line(mesh, PRODUCT, '"name": "totals"') - 1)


@provoked("WFT-PRJ-015")
def test_two_input_ports_of_one_name_are_told(mesh: TestMesh) -> None:
    change(mesh, PRODUCT, lambda d: d["inputPorts"].append(source("raw", file="data/orders.csv")))

    found = only(mesh, "WFT-PRJ-015")

    assert found.what == "two input ports are named `raw`"
    assert place(found) == (PRODUCT, line(mesh, PRODUCT, '"name": "raw"', 2) - 1)


@provoked("WFT-PRJ-015")
def test_two_output_ports_of_one_major_are_told(mesh: TestMesh) -> None:
    change(mesh, PRODUCT, lambda d: d["outputPorts"].append(d["outputPorts"][0]))

    found = only(mesh, "WFT-PRJ-015")

    assert found.what == "two output ports are `orders@1`"
    assert place(found) == (PRODUCT, line(mesh, PRODUCT, '"name": "orders"', 3) - 1)


# 017, 018, 025: settings of models


@provoked("WFT-PRJ-017", "WFT-PRJ-018")
@pytest.mark.parametrize(
    ("setting", "code"),
    [
        ("materialised: full", "WFT-PRJ-017"),
        ("materialized: sometimes", "WFT-PRJ-018"),
        ("materialized: merge", "WFT-PRJ-018"),
    ],
)
def test_a_wrong_setting_of_a_model_is_told_in_its_line(mesh: TestMesh, setting: str, code: str) -> None:
    file = f"{ORDERS}/models/totals.sql"
    mesh.write(file, f"/* weft\n{setting}\n*/\n" + mesh.path(file).read_text(encoding="utf-8"))

    assert place(only(mesh, code)) == (file, 2)


# 019, 027: a contract's table


@provoked("WFT-PRJ-019")
@pytest.mark.parametrize("tables", [0, 2])
def test_a_contract_of_no_table_or_several_is_told_in_its_line(mesh: TestMesh, tables: int) -> None:
    file = f"{ORDERS}/contracts/totals.odcs.yaml"
    change(mesh, file, lambda d: d.update(schema=[d["schema"][0] | {"name": f"t{i}"} for i in range(tables)]))

    found = only(mesh, "WFT-PRJ-019")

    assert place(found) == (file, line(mesh, file, '"schema"'))
    assert found.what.endswith(f"describes {tables}")


@provoked("WFT-PRJ-027")
@pytest.mark.parametrize("name", ["batch", "BATCH"])
def test_a_column_that_stands_twice_in_a_contract_is_told_in_its_line(mesh: TestMesh, name: str) -> None:
    more = {"name": name, "logicalType": "integer"}
    change(mesh, CONTRACT, lambda d: d["schema"][0]["properties"].append(more))

    found = only(mesh, "WFT-PRJ-027")

    assert place(found) == (CONTRACT, line(mesh, CONTRACT, f'"name": "{name}"', 2 if name == "batch" else 1) - 1)


# 028: the end of a deprecated port


@provoked("WFT-PRJ-028")
@pytest.mark.parametrize(
    ("fields", "what", "at"),
    [
        ({"slaProperties": [{"property": "endOfLife", "value": "soon"}]}, "`soon` is no date", '"property"'),
        ({"slaProperties": [{"property": "es", "value": 2030}]}, "`2030` is no date", '"property"'),
        ({"customProperties": [{"property": "weft.endOfLife", "value": "2030-02-30"}]}, "`2030-02-30`", '"property"'),
        (
            {"customProperties": [{"property": "weft.successor", "value": "orders"}]},
            "`orders` is not the pinned address",
            '"property"',
        ),
        (
            {"customProperties": [{"property": "weft.successor", "value": "a.b.c"}]},
            "`a.b.c` is not the pinned address",
            '"property"',
        ),
    ],
)
def test_an_end_that_cannot_be_understood_is_told(mesh: TestMesh, fields: dict, what: str, at: str) -> None:
    change(mesh, CONTRACT, lambda d: d.update(status="deprecated", **fields))

    found = only(mesh, "WFT-PRJ-028")

    assert what in found.what
    assert place(found) == (CONTRACT, line(mesh, CONTRACT, at) - 1)


@pytest.mark.parametrize("level", ["product", "port"])
def test_an_end_in_the_descriptor_is_read_for_the_port_that_it_belongs_to(mesh: TestMesh, level: str) -> None:
    end = [{"property": "weft.endOfLife", "value": "never"}]

    def ended(document: dict) -> None:
        (document if level == "product" else document["outputPorts"][0])["customProperties"] = end

    change(mesh, PRODUCT, ended)
    assert checked(mesh) == ()
    change(mesh, CONTRACT, lambda d: d.update(status="deprecated"))

    found = only(mesh, "WFT-PRJ-028")

    assert "`never` is no date" in found.what
    assert place(found)[0] == PRODUCT


# 029, 030: a port that lives in a table


def lives(mesh: TestMesh, source: Any) -> None:
    """Lets the port of orders live in a table."""
    bound = [{"property": "weft.source", "value": source}]
    change(mesh, PRODUCT, lambda d: d["outputPorts"][0].update(customProperties=bound))


@provoked("WFT-PRJ-029")
@pytest.mark.parametrize(
    ("source", "what"),
    [
        ("orders", "`weft.source` is no table"),
        ({"connection": "db"}, "`weft.source` has no `table`"),
        ({"connection": "db", "table": 7}, "`table` must be text"),
        ({"connection": "db", "table": "orders", "query": "select 1"}, "unknown field `query`"),
    ],
)
def test_a_table_in_which_a_port_lives_is_told_where_it_is_described_wrongly(
    mesh: TestMesh, source: Any, what: str
) -> None:
    mesh.path(f"{ORDERS}/models/orders.sql").unlink()
    lives(mesh, source)

    found = only(mesh, "WFT-PRJ-029")

    assert what in found.what
    assert place(found)[0] == PRODUCT


@provoked("WFT-PRJ-030")
def test_a_port_that_lives_in_a_table_has_no_model(mesh: TestMesh) -> None:
    lives(mesh, {"connection": "db", "table": "orders"})

    found = only(mesh, "WFT-PRJ-030")

    assert place(found)[0] == PRODUCT


# 024: what is there already


@provoked("WFT-PRJ-024")
def test_a_product_that_is_there_already_is_not_made_again(mesh: TestMesh) -> None:
    with pytest.raises(UsageError) as raised:
        weft.api.new_product(mesh.root, "sales.orders")

    assert [d.code for d in raised.value.diagnostics] == ["WFT-PRJ-024"]


def test_every_code_of_the_room_is_provoked_here() -> None:
    assert {c for c in CODES if c.startswith("WFT-PRJ-")} == PROVOKED


# all at once


def test_everything_that_is_wrong_is_told_at_once(mesh: TestMesh) -> None:
    mesh.path("domains/report/domain.yaml").write_text("name: [\n")
    mesh.path(f"{ORDERS}/contracts/totals.odcs.yaml").unlink()
    change(mesh, CONTRACT, lambda d: d.update(status="actve"))
    mesh.write(f"{ORDERS}/models/totals.sql", "select from from orders\n")

    codes = {d.code for d in checked(mesh) if d.severity is Severity.ERROR}

    assert codes == {"WFT-PRJ-002", "WFT-PRJ-011", "WFT-PRJ-022", "WFT-SQL-001"}
    with weft.open(mesh.root) as opened, pytest.raises(WeftError) as raised:
        opened.plan()
    assert codes <= {d.code for d in raised.value.diagnostics}


def test_a_field_beside_an_error_is_not_called_unknown(mesh: TestMesh) -> None:
    def misspelt(document: Any) -> None:
        document["schema"][0]["properties"][0]["quality"] = [{"metric": "nulValues", "mustBe": 0}]

    change(mesh, CONTRACT, misspelt)

    found = mesh.json("contract", "lint", str(mesh.path(CONTRACT)), expect=2)["diagnostics"]

    assert [d["what"] for d in found if d["code"] == "WFT-PRJ-006"] == []
    assert found[0]["fix"] == "did you mean `nullValues`?"
