"""Files of access policies: what they mean, and what is told of mistakes, with file and line."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from weft.access.masks import NULL, Mask
from weft.access.policies import DEFAULTS, Default, names_purpose
from weft.access.policy_files import policies_of
from weft.access.policy_source import PolicySource
from weft.model.address import parse_address
from weft.model.classification import Classification
from weft.project import documents
from weft.project.access import carried_policies, with_policies

PLANES = parse_address("fleet.aircraft.planes@1")
WHOLE = """\
kind: access
defaults:
  confidential: {mask: {kind: first, count: 2}, clearWhenNamed: true}
  restricted: {show: true}
readers:
  - teams: [dpo]
    clearance: restricted
    attributes: {Region: [north, south], level: x}
requests: {grantAtOnce: nothing, longest: 90 days, reviewEvery: 30d, nextLevelAfter: 12 h}
rules:
  - id: a
    description: Because
    ports: [fleet, "*.x.*"]
    classification: confidential
    tags: pii
    when: {users: eve, purposes: "ads*"}
    unless: {domainRoles: [steward], named: true, clearance: confidential, attributes: {region: north}}
    mask: null
  - {id: b, columns: [c], mask: {kind: generalise, groups: {Rome: Italy}, otherwise: other}}
  - {id: c, columns: c, mask: {kind: bucket, size: 10}}
  - {id: d, columns: c, mask: {kind: fixed, value: true}}
  - {id: e, deny: true}
  - {id: f, filter: "x IN user.region"}
"""


def parsed(text: str, file: str = "governance/access.yaml"):
    found = documents.parse(text.encode(), file, "access")
    return found.document, found.problems


def test_a_file_means_what_it_says():
    document, problems = parsed(WHOLE)

    found = policies_of(document, {})

    assert (problems, found.problems, found.file) == ((), (), "governance/access.yaml")
    assert found.defaults == DEFAULTS | {
        Classification.CONFIDENTIAL: Default(Mask("first", 2), clear_when_named=True),
        Classification.RESTRICTED: Default(None),
    }
    (reader,) = found.readers
    assert (reader.who.teams, reader.clearance) == (("dpo",), Classification.RESTRICTED)
    assert reader.attributes == (("level", ("x",)), ("region", ("north", "south")))
    terms = found.terms
    assert (terms.at_once, terms.longest, terms.review_every) == (None, dt.timedelta(90), dt.timedelta(30))
    assert (terms.next_level_after, terms.remind_after) == (dt.timedelta(hours=12), dt.timedelta(1))
    first, *others = found.rules
    assert (first.rule_id, first.sentence, first.line, first.mask) == ("a", "Because", 11, NULL)
    assert (first.when.users, first.when.purposes) == (("eve",), ("ads*",))
    assert (first.unless.named, first.unless.clearance) == (True, Classification.CONFIDENTIAL)
    assert [str(r.mask) if r.mask else r.effect for r in others] == [
        "generalise",
        "bucket 10",
        "fixed 'true'",
        "deny",
        "filter",
    ]


@pytest.mark.parametrize(
    ("text", "code", "line", "what"),
    [
        ("rules:\n  - {id: a}\n", "WFT-ACC-030", 2, "says nothing"),
        ("rules:\n  - {id: a, deny: true, mask: null}\n", "WFT-ACC-030", 2, "`deny` and `mask`"),
        ("rules:\n  - {id: a, deny: true}\n  - {id: a, deny: true}\n", "WFT-ACC-030", 3, "two rules"),
        ("rules:\n  - {id: a, columns: x, filter: y}\n", "WFT-ACC-030", 2, "names columns"),
        ("readers:\n  - {clearance: restricted}\n", "WFT-ACC-030", 2, "names nobody"),
        ("rules:\n  - id: a\n    mask: {kind: bucket}\n", "WFT-ACC-030", 3, "needs `size`"),
        ("rules:\n  - id: a\n    mask: {kind: hash, size: 3}\n", "WFT-ACC-030", 3, "has no `size`"),
        ("rules:\n  - id: a\n    filter: id IN (SELECT 1)\n", "WFT-ACC-032", 3, "begins a query"),
        ("rules:\n  - id: a\n    filter: x IN user.regoin\n", "WFT-ACC-032", 3, "`regoin`"),
    ],
)
def test_a_mistake_is_told_with_its_line(text, code, line, what):
    document, _ = parsed(text)

    (found,) = policies_of(document, {}).problems

    assert (found.code, found.where.file, found.where.line) == (code, "governance/access.yaml", line)
    assert what in found.what


@pytest.mark.parametrize(
    "text",
    [
        "rules: 3",
        "rule: []",
        "rules: [{id: a, mask: shout}]",
        "defaults: {secret: {}}",
        "rules: [{id: A b, deny: true}]",
        "readers: [{team: dpo, clearance: restricted}]",
        "rules: [{id: a, unless: {purpos: x, teams: y}, deny: true}]",
        "rules: [{id: a, when: {clearance: public}, deny: true}]",
        "rules: [{id: a, mask: {kind: first, count: 9}}]",
        "requests: {longest: soon}",
    ],
)
def test_with_what_violates_the_schema_nobody_reads_an_unknown_field_is_a_condition_that_nobody_looks_at(
    tmp_path, text
):
    (tmp_path / "governance").mkdir()
    (tmp_path / "governance/access.yaml").write_text(text)

    found = PolicySource(tmp_path, [], {}.get).of("fleet")

    assert found.broken
    assert {p.code[:7] for p in found.problems} <= {"WFT-PRJ", "WFT-ACC"}


def test_the_policy_of_a_domain_may_only_add_rules_for_its_own_ports():
    text = "kind: access\ndefaults: {}\nrules:\n  - {id: a, ports: [sales.orders, fleet, '*.x'], deny: true}\n"
    document, _ = parsed(text, "domains/fleet/policies/a.yaml")

    found = policies_of(None, {"fleet": (document,)})

    assert [(p.code, p.where.line) for p in found.problems] == [("WFT-ACC-031", 2), ("WFT-ACC-031", 4)]
    assert "`sales.orders`" in found.problems[1].what
    assert [rule.about(PLANES) for rule in found.rules] == [True]
    assert not found.rules[0].about(parse_address("sales.orders.x@1"))


def test_policies_travel_with_the_document_of_their_domain():
    document, _ = parsed("kind: access\nrules:\n  - {id: a, deny: true}\n", "domains/fleet/policies/a.yaml")
    others = {"property": "x", "value": 1}

    sent = with_policies({"name": "fleet", "customProperties": [others]}, (document,))
    (back,) = carried_policies(sent)

    assert sent["customProperties"][0] == others
    assert policies_of(None, {"fleet": (back,)}).rules == policies_of(None, {"fleet": (document,)}).rules
    assert with_policies(sent, (document,)) == sent
    assert carried_policies({"name": "fleet"}) == ()


def test_purposes_are_globs_without_regard_to_case():
    assert names_purpose(("fraud*", "billing"), " Fraud detection ")
    assert not names_purpose(("fraud",), "fraud detection")


def test_what_is_in_force_follows_the_files_and_what_is_registered(tmp_path: Path):
    registered = {}
    source = PolicySource(tmp_path, ["domains/*"], registered.get)
    assert source.of("fleet").rules == ()
    assert source.of("fleet") is source.of("fleet")

    (tmp_path / "governance").mkdir()
    (tmp_path / "governance/access.yaml").write_text("rules: [{id: mesh, deny: true}]\n")
    document, _ = parsed("kind: access\nrules: [{id: sent, deny: true}]\n", "a.yaml")
    registered["fleet"] = with_policies({"name": "fleet"}, (document,))
    assert [r.rule_id for r in source.of("fleet").rules] == ["mesh", "sent"]

    folder = tmp_path / "domains/fleet/policies"
    folder.mkdir(parents=True)
    (folder.parent / "domain.yaml").write_text("name: fleet\n")
    (folder / "access.yaml").write_text("kind: access\nrules: [{id: own, deny: true}]\n")
    (folder / "other.yaml").write_text("kind: quality\nrules: [{id: other, deny: true}]\n")
    assert [r.rule_id for r in source.of("fleet").rules] == ["mesh", "own"]

    (folder / "access.yaml").write_text("kind: access\nrules: [{id: own}]\n")
    broken = source.of("fleet")
    assert (broken.broken, broken.file) == (True, "domains/fleet/policies/access.yaml")
    assert not source.of("sales").broken
