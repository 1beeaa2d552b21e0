"""A column that is made from a confidential one: told at check and plan, shown with its way, and put right."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.meshes import TestMesh, contract, descriptor, number, port, source
from weft.model.address import parse_address
from weft.model.lineage import Anonymisation
from weft.registry.sqlite import SqliteRegistry
from weft.runs.classifying import table_by_table

EMAIL = "sales.crm.customers@1.email"
SALT = "0123456789abcdef"
LETTER = f"""\
# the letter
apiVersion: v3.1.0
kind: DataContract
id: {number("news.letter.subscribers")}
version: 1.0.0
status: active
schema:
  - name: subscribers
    properties:
      - name: contact
        logicalType: string
        classification: public   # everybody may see it
      # the digest
      - name: digest
        logicalType: string
        classification: confidential
      - name: token
        logicalType: string
        classification: public
      - name: crew
        logicalType: string
        classification: confidential
"""
CONTRACT = "domains/news/letter/contracts/subscribers.odcs.yaml"


def column(name: str, **fields: Any) -> dict[str, Any]:
    return {"name": name, "id": name, "logicalType": "string", **fields}


def prepared(root: Path, **settings: str) -> TestMesh:
    mesh = TestMesh(root)
    mesh.write("weft.toml", '[mesh]\nname = "people"\n')
    mesh.write("data/people.csv", "email,team\na@example.com,red\nb@example.com,blue\n")
    for domain in ("sales", "news"):
        mesh.write(
            f"domains/{domain}/domain.yaml",
            json.dumps({"name": domain, "kind": "source-aligned", "owner": {"team": domain}}),
        )
    mesh.write(
        "domains/sales/crm/product.odps.yaml",
        descriptor("sales", "crm", [source("people", file="data/people.csv")], ["customers"]),
    )
    mesh.write("domains/sales/crm/models/customers.sql", "select email, team from people")
    mesh.write(
        "domains/sales/crm/contracts/customers.odcs.yaml",
        contract(
            "sales.crm.customers",
            [column("email", classification="confidential", tags=["pii.email"]), column("team")],
        ),
    )
    mesh.write(
        "domains/news/letter/product.odps.yaml",
        descriptor("news", "letter", [port("customers", "sales.crm.customers@1")], ["subscribers"]),
    )
    mesh.write("domains/news/letter/models/cleaned.sql", "select lower(email) as mail, team from customers")
    mesh.write(
        "domains/news/letter/models/subscribers.sql",
        f"select mail as contact, md5(mail) as digest, sha256(mail || '{SALT}') as token, team as crew from cleaned",
    )
    mesh.write(CONTRACT, LETTER)
    return mesh


@pytest.fixture
def mesh(tmp_path: Path) -> TestMesh:
    return prepared(tmp_path)


def told(mesh: TestMesh, *words: str) -> list[tuple[str, str, int]]:
    document = mesh.json(*words)
    found = document["diagnostics"] if "diagnostics" in document else document["objections"]
    return [(d["code"], d["what"], d["where"]["line"]) for d in found if d["code"].startswith("WFT-GOV-03")]


LOWER = (
    "WFT-GOV-030",
    f"`news.letter.subscribers@1.contact` is declared public but is made from `{EMAIL}`, which is confidential",
    12,
)
LACKS = ("WFT-GOV-031", f"`news.letter.subscribers@1.digest` lacks the tag `pii.email` of `{EMAIL}`", 14)


def test_check_and_plan_tell_a_column_that_declares_less_than_it_inherits(mesh: TestMesh) -> None:
    for verb in ("check", "plan"):
        lower, lacks = told(mesh, verb)

        assert lower == LOWER
        assert lacks[0] == LACKS[0]
        assert lacks[1].startswith(LACKS[1])
    text = mesh.weft("check").stdout
    assert f"{EMAIL} → news.letter.~cleaned.mail → news.letter.subscribers@1.contact" in text
    assert "a digest without salt can be guessed" in text
    assert "subscribers@1.token" not in text


def test_the_same_is_told_again_from_what_is_remembered_and_another_thing_when_a_file_changes(mesh: TestMesh) -> None:
    first, again = told(mesh, "check"), told(mesh, "check")
    mesh.edit(CONTRACT, "classification: public   #", "classification: confidential #")

    assert first == again
    assert [code for code, _, _ in told(mesh, "check")] == ["WFT-GOV-031", "WFT-GOV-031"]


def test_classify_shows_what_is_declared_inherited_and_suggested_and_by_which_way(mesh: TestMesh) -> None:
    columns = {c["column"]: c for c in mesh.json("classify")["columns"]}

    contact = columns["news.letter.subscribers@1.contact"]
    assert contact["declared"] == {"classification": "public", "tags": []}
    assert contact["inherited"] == {"classification": "confidential", "tags": ["pii.email"]}
    assert contact["ways"]["classification"] == [
        EMAIL,
        "news.letter.~cleaned.mail",
        "news.letter.subscribers@1.contact",
    ]
    assert contact["suggested"]["classification"] == "confidential"
    assert contact["suggested"]["tags"] == ["pii.email"]
    token = columns["news.letter.subscribers@1.token"]
    assert token["suggested"] is None
    assert token["notes"] == ["anonymised from `news.letter.~cleaned.mail` (confidential, pii.email): salted hash"]
    team = columns["sales.crm.customers@1.team"]["suggested"]
    assert team["classification"] == "confidential"
    assert team["why"] == ["`news.letter.subscribers@1.crew`, which repeats it, is declared confidential"]
    only = [c["column"] for c in mesh.json("classify", "sales.crm")["columns"]]
    assert only == [EMAIL, "sales.crm.customers@1.team"]


def test_what_is_agreed_to_is_written_into_the_contracts_and_nothing_is_left_to_say(mesh: TestMesh) -> None:
    result = mesh.json("classify", "news", "--write", "--yes")

    assert result["written"] == [CONTRACT]
    text = mesh.path(CONTRACT).read_text(encoding="utf-8")
    assert "classification: confidential   # everybody may see it" in text
    assert text.startswith("# the letter\n")
    assert text.count("pii.email") == 2
    assert told(mesh, "check") == []
    assert mesh.json("classify", "news", "--write", "--yes")["written"] == []
    assert mesh.path(CONTRACT).read_text(encoding="utf-8") == text


def test_nothing_is_written_where_nobody_can_be_asked(mesh: TestMesh) -> None:
    done = mesh.weft("classify", "--write")

    assert done.returncode == 2
    assert "give --yes" in done.stderr
    assert mesh.path(CONTRACT).read_text(encoding="utf-8") == LETTER


def test_a_declared_anonymisation_ends_the_way_once_somebody_answers_for_it(mesh: TestMesh) -> None:
    custom = "        customProperties:\n          - property: weft.anonymised\n            value: {method: tokens%s}\n"
    after = "        classification: public   # everybody may see it\n"
    mesh.edit(CONTRACT, after, after + custom % "")
    assert told(mesh, "check")[0] == (
        "WFT-GOV-032",
        "`weft.anonymised` of `contact` lacks `reason` and `approvedBy`",
        10,
    )
    assert LOWER in told(mesh, "check")

    mesh.edit(CONTRACT, "{method: tokens}", "{method: tokens, reason: made by the vault, approvedBy: ada}")

    assert [code for code, _, _ in told(mesh, "check")] == ["WFT-GOV-031"]


def test_a_product_elsewhere_inherits_from_what_is_registered(mesh: TestMesh) -> None:
    assert mesh.weft("apply", "sales").returncode == 0
    for file in sorted(mesh.path("domains/sales").rglob("*"), reverse=True):
        file.rmdir() if file.is_dir() else file.unlink()
    mesh.path("domains/sales").rmdir()

    assert LOWER in told(mesh, "check", "news")


def test_a_python_model_that_says_nothing_of_its_columns_counts_as_made_from_everything(mesh: TestMesh) -> None:
    mesh.path("domains/news/letter/models/cleaned.sql").unlink()
    mesh.write(
        "domains/news/letter/models/cleaned.py",
        '# /// script\n# requires-python = ">=3.11"\n#\n# [tool.weft.columns]\n# mail = "VARCHAR"\n# team = "VARCHAR"\n'
        "# ///\nimport pyarrow as pa\n\n\ndef cleaned(customers: pa.Table) -> pa.Table:\n    return customers\n",
    )

    columns = {c["column"]: c for c in mesh.json("classify", "news")["columns"]}

    crew = columns["news.letter.subscribers@1.crew"]
    assert crew["inherited"] == {"classification": "confidential", "tags": ["pii.email"]}
    assert (
        "what a column on the way is made from is not known: it counts as made from all that it may be" in crew["notes"]
    )


def test_how_a_column_was_made_anonymous_is_kept_with_the_published_lineage(mesh: TestMesh) -> None:
    assert mesh.weft("apply").returncode == 0

    registry = SqliteRegistry(mesh.path(".weft/registry.db"))
    edges, _ = registry.lineage(["news.letter.~cleaned.mail"], up=False, depth=1)
    registry.close()
    assert {(e.target.rpartition(".")[2], e.masking, e.anonymised) for e in edges} == {
        ("contact", False, Anonymisation.NONE),
        ("digest", True, Anonymisation.NONE),
        ("token", True, Anonymisation.SALTED_HASH),
    }


def test_lineage_that_is_too_much_for_one_answer_is_followed_table_by_table(mesh: TestMesh) -> None:
    assert mesh.weft("apply").returncode == 0
    registry = SqliteRegistry(mesh.path(".weft/registry.db"))
    subscribers = parse_address("news.letter.subscribers@1")

    whole, _ = registry.lineage(registry.nodes_of(str(subscribers)), up=True, depth=9)
    parts, truncated = table_by_table([subscribers], registry)

    registry.close()
    assert not truncated
    assert set(parts) == set(whole)
    assert {e.source for e in parts} >= {EMAIL, "sales.crm.people.email"}


def nothing_public(mesh: TestMesh, when: str) -> None:
    mesh.write(
        "governance/policies/public.yaml",
        "apiVersion: weft/v1\nid: public\ntitle: Nothing public is made from confidential data\nkind: security\n"
        f"severity: block\nasks: No public column inherits more.\nwhen: [{when}]\nowner: data governance\n"
        "check: |\n  select column as subject, 'it inherits ' || level_name(inherited_level) as detail\n"
        "  from columns where level = 0 and inherited_level >= 2\n",
    )


def test_at_publication_a_column_is_held_against_what_is_published_of_its_sources(mesh: TestMesh) -> None:
    nothing_public(mesh, "publish")

    assert "WFT-GOV-010" not in mesh.weft("plan").stdout
    done = mesh.weft("apply")

    assert done.returncode == 1
    assert "`news.letter.subscribers@1.contact`: it inherits confidential" in done.stdout + done.stderr
    assert mesh.weft("query", "select * from news.letter.subscribers").returncode != 0
    mesh.edit(CONTRACT, "classification: public   #", "classification: confidential #")
    assert mesh.weft("apply").returncode == 0


def test_a_policy_refuses_what_is_public_and_inherits_more_and_says_so_before_it_is_built(mesh: TestMesh) -> None:
    nothing_public(mesh, "plan, publish")
    contact = "`news.letter.subscribers@1.contact`: it inherits confidential"

    planned = mesh.weft("plan")
    applied = mesh.weft("apply")

    assert f"error WFT-GOV-010: {contact}" in planned.stdout + planned.stderr
    assert applied.returncode == 1
    assert contact in applied.stdout + applied.stderr
    tried = mesh.json("policy", "dry-run", str(mesh.path("governance/policies/public.yaml")))
    assert tried["total"] == 1

    mesh.weft("classify", "--write", "--yes")

    done = mesh.weft("apply")
    assert done.returncode == 0, done.stdout + done.stderr
