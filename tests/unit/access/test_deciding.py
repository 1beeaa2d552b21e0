"""The decision by grants, roles and policies, and its laws."""

from __future__ import annotations

import datetime as dt

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.unit.access.given import COLUMNS, NOW, PORT, basis, contract, granted, state, user
from weft.access.decision import decide, reading_roles
from weft.access.masks import NULL, Mask, at_least_as_mild
from weft.access.permissions import Role
from weft.access.policies import DEFAULTS, Default, Policies, ReaderEntry, Rule, Who
from weft.access.principals import Principal, PrincipalKind, product_principal
from weft.access.relation import relation_of
from weft.errors import error
from weft.model.address import ProductAddress
from weft.model.classification import Classification

EVERY = tuple(name for name, _, _ in COLUMNS)
ROWS = [
    (1, "DE", "ada@example.com", "1990-05-17", {"street": "Main 1", "city": "Rome"}),
    (2, "FR", "bob@example.org", "1985-01-02", {"street": "Rue 2", "city": "Paris"}),
]


def rule(effect, **fields):
    return Rule(fields.pop("rule_id", "r"), effect, "governance/access.yaml", 3, **fields)


def decided(*grants, who=None, port=None, reads=(), **given_basis):
    return decide(who or user(), port or state(), reads, None, NOW.date(), basis(*grants, **given_basis))


def read(decision, port=None):
    """The rows that a decision shows, in the order of their ids."""
    with duckdb.connect() as db:
        types = ", ".join(f'"{name}" {kind}' for name, kind, _ in COLUMNS)
        db.execute(f"CREATE TABLE rows ({types})")
        db.executemany("INSERT INTO rows VALUES (?, ?, ?, ?, ?)", ROWS)
        columns = (port or state()).columns
        found = db.execute(f"SELECT * FROM {relation_of(decision, columns, columns, 'rows')} ORDER BY ALL")
        names = [d[0] for d in found.description]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


# grants and roles


def test_nobody_reads_without_a_grant():
    denied = decided()

    assert (denied.allowed, denied.columns) == (False, ())
    assert denied.reason == f"`eve` has no grant on `{PORT}`"


def test_a_grant_shows_what_is_public_or_internal_and_masks_what_is_confidential_or_restricted():
    decision = decided(granted())

    assert decision.columns == EVERY
    assert {name: str(mask) for name, mask in decision.masks.items()} == {
        "email": "hash",
        "birth": "null",
        "address": "inside (street: hash)",
    }
    rows = read(decision)
    assert [(r["id"], r["country"], r["birth"], r["address"]["city"]) for r in rows] == [
        (1, "DE", None, "Rome"),
        (2, "FR", None, "Paris"),
    ]
    assert all(len(r["email"]) == len(r["address"]["street"]) == 64 for r in rows)


@pytest.mark.parametrize(
    "changes",
    [
        {"ends_at": NOW},
        {"consumer": "ada"},
        {"kind": "team", "consumer": "crm"},
        {"kind": "service"},
        {"roles": ("gone",)},
    ],
)
def test_a_grant_that_is_over_or_to_somebody_else_gives_nothing(changes):
    assert not decided(granted(**changes)).allowed


def test_a_grant_holds_though_the_clock_of_who_has_given_it_is_ahead():
    assert decided(granted(since=NOW + dt.timedelta(seconds=1))).allowed


def test_a_grant_to_a_team_is_one_to_its_members():
    grant = granted(kind="team", consumer="crm")

    assert decided(grant, who=user(teams=("crm",))).allowed
    assert decided(grant, who=Principal("crm", PrincipalKind.TEAM, ("crm",))).allowed
    assert not decided(grant, who=user("crm")).allowed


def test_a_grant_of_some_columns_shows_no_others():
    decision = decided(granted(columns=("country", "id")))

    assert decision.columns == ("id", "country")
    assert [tuple(r) for r in read(decision)] == [("id", "country")] * 2


def test_a_grant_for_a_role_of_the_contract_holds_while_the_contract_has_it():
    roles = [{"role": "reader", "access": "read"}, {"role": "loader", "access": "write"}]
    port = state(contract=contract(roles=roles))

    assert reading_roles(port.contract) == ("reader",)
    assert decided(granted(roles=("reader",)), port=port).allowed
    assert not decided(granted(roles=("loader",)), port=port).allowed
    assert not decided(granted(roles=("reader",))).allowed


@pytest.mark.parametrize(
    ("role", "masked"),
    [
        (Role.DOMAIN_OWNER, set()),
        (Role.STEWARD, set()),
        (Role.DEVELOPER, {"birth"}),
        (Role.ANALYST, {"email", "birth", "address"}),
        (Role.COMPLIANCE_CONTACT, None),
    ],
)
def test_members_of_the_domain_are_shown_what_their_role_says(role, masked):
    decision = decided(who=user(roles={"sales": frozenset({role}), "hr": frozenset({Role.DOMAIN_OWNER})}))

    assert decision.allowed == (masked is not None)
    assert set(decision.masks) == (masked or set())


def test_a_role_in_another_domain_shows_nothing():
    assert not decided(who=user(roles={"hr": frozenset({Role.DOMAIN_OWNER})})).allowed


def test_a_draft_is_read_by_members_of_its_domain_alone():
    draft, analyst = state(status="draft"), frozenset({Role.ANALYST})

    assert decided(who=user(roles={"sales": analyst}), port=draft).allowed
    denied = decided(granted(), who=user(roles={"hr": analyst}), port=draft)
    assert (denied.allowed, "draft" in denied.reason) == (False, True)


def test_a_product_reads_what_it_has_declared_as_far_as_it_was_granted():
    product = product_principal(ProductAddress("report", "daily"))
    mine = {"kind": "product", "consumer": "report.daily"}

    everything = decided(who=product, reads=[PORT])
    some = decided(granted(**mine, columns=("id",)), who=product, reads=[PORT])

    assert (everything.columns, dict(everything.masks), everything.whole) == (EVERY, {}, True)
    assert (some.columns, some.whole) == (("id",), False)
    assert not decided(granted(**mine, ends_at=NOW), who=product, reads=[PORT]).allowed
    assert not decided(granted(**mine), who=product).allowed


def test_rules_mean_a_product_only_where_they_name_it():
    product = product_principal(ProductAddress("report", "daily"))
    everybody = Policies((rule("mask", mask=NULL), rule("filter", condition="false")))
    named = Policies((rule("mask", columns=("email",), mask=NULL, when=Who(products=("report.*",))),))

    assert decided(who=product, reads=[PORT], policies=everybody).whole
    assert set(decided(who=product, reads=[PORT], policies=named).masks) == {"email"}


def test_only_the_grants_for_a_purpose_count_when_one_is_said():
    grants = granted(1, purpose="Churn model"), granted(2, columns=("id",), purpose="billing")

    assert decided(*grants, purpose=" churn MODEL ").columns == EVERY
    assert decided(*grants, purpose="billing").grants == ("g2",)
    denied = decided(*grants, purpose="fun")
    assert denied.reason == f"`eve` has no grant on `{PORT}` for `fun`"


# policies


def test_a_rule_that_denies_wins_over_every_grant():
    policies = Policies((rule("deny", when=Who(users=("e*",)), sentence="Eve left the company"),))

    denied = decided(granted(1), granted(2, kind="team", consumer="crm"), policies=policies, who=user(teams=("crm",)))

    assert (denied.allowed, denied.reason) == (False, "Eve left the company")
    assert denied.reasons[0].file == "governance/access.yaml:3"
    assert decided(granted(consumer="ada"), who=user("ada"), policies=policies).allowed


def test_a_rule_that_denies_columns_takes_them_away_and_empties_fields():
    policies = Policies(
        (
            rule("deny", tags=("PII",)),
            rule("deny", rule_id="city", columns=("address.city",)),
        )
    )

    decision = decided(granted(), policies=policies)

    assert "email" not in decision.columns
    assert [r["address"]["city"] for r in read(decision)] == [None, None]


def test_rules_of_the_mesh_take_the_place_of_the_default_and_those_of_a_domain_add_to_it():
    domain_only = rule("mask", columns=("email",), mask=Mask("domain"))
    mesh, domain = Policies((domain_only,)), Policies((replace(domain_only, domain="sales"),))

    assert decided(granted(), policies=mesh).masks["email"] == Mask("domain")
    assert decided(granted(), policies=domain).masks["email"] == NULL
    both = Policies((domain_only, replace(domain_only, rule_id="x", mask=Mask("hash"), domain="sales")))
    assert decided(granted(), policies=both).masks["email"] == NULL


def test_a_rule_of_a_domain_says_nothing_of_other_domains():
    other = rule("deny", domain="hr")

    assert decided(granted(), policies=Policies((other,))).allowed


def test_the_default_of_a_level_may_show_what_a_grant_names():
    defaults = {**DEFAULTS, Classification.RESTRICTED: Default(NULL, clear_when_named=True)}

    named = decided(granted(columns=("birth", "id")), policies=Policies(defaults=defaults))
    unnamed = decided(granted(), policies=Policies(defaults=defaults))

    assert (dict(named.masks), unnamed.masks["birth"]) == ({}, NULL)
    assert decided(granted(columns=("birth",))).masks["birth"] == NULL


def test_whoever_is_cleared_for_a_level_is_shown_it_with_a_grant():
    policies = Policies(readers=(ReaderEntry(Who(teams=("dpo",)), Classification.RESTRICTED),))

    assert dict(decided(granted(), who=user(teams=("dpo",)), policies=policies).masks) == {}
    assert not decided(who=user(teams=("dpo",)), policies=policies).allowed


def test_filters_of_several_rules_all_hold_with_the_attributes_of_the_reader():
    policies = Policies(
        (
            rule("filter", condition="country IN user.country"),
            rule("filter", rule_id="s", condition="id < 2 OR id > 2", domain="sales"),
        ),
        readers=(
            ReaderEntry(Who(users=("eve",)), attributes=(("country", ("DE",)),)),
            ReaderEntry(Who(teams=("fr",)), attributes=(("country", ("FR",)),)),
        ),
    )

    assert [r["id"] for r in read(decided(granted(), policies=policies))] == [1]
    assert [r["id"] for r in read(decided(granted(), who=user(teams=("fr",)), policies=policies))] == [1]
    nobody = decided(granted(consumer="ada"), who=user("ada"), policies=policies)
    assert read(nobody) == []
    assert "user." not in nobody.row_filter


def test_a_filter_that_cannot_be_used_denies():
    denied = decided(granted(), policies=Policies((rule("filter", condition="id IN (SELECT 1)"),)))

    assert (denied.allowed, "cannot be used" in denied.reason) == (False, True)


def test_a_rule_for_a_purpose_means_those_whose_purpose_nobody_knows_and_spares_none_of_them():
    for_ads = Policies((rule("deny", when=Who(purposes=("advert*",))),))
    but_fraud = Policies((rule("mask", columns=("country",), mask=NULL, unless=Who(purposes=("fraud*",))),))

    assert not decided(granted(purpose="Advertising"), policies=for_ads).allowed
    assert decided(granted(purpose="billing"), policies=for_ads).allowed
    assert not decided(granted(purpose=None), policies=for_ads).allowed
    assert "country" not in decided(granted(purpose="fraud detection"), policies=but_fraud).masks
    assert "country" in decided(granted(purpose=None), policies=but_fraud).masks


def test_with_a_mistake_in_a_policy_nobody_reads_but_the_owner():
    broken = Policies(file="governance/access.yaml", problems=(error("WFT-ACC-030", "x"),))

    denied = decided(granted(), policies=broken)

    assert (denied.allowed, denied.code) == (False, "WFT-ACC-036")
    assert decided(who=Principal("ann", PrincipalKind.OWNER), policies=broken).whole


# several grants


def test_several_grants_show_what_each_shows_and_no_cell_milder_than_one_of_them():
    """A grant of all rows that masks, and one of some rows that does not: clear cells in those rows alone."""
    policies = Policies(
        (
            rule("filter", condition="country = 'DE'", when=Who(purposes=("audit",))),
            rule("mask", rule_id="m", columns=("email",), mask=NULL, unless=Who(purposes=("audit",))),
        ),
    )
    audit, count = granted(1, purpose="audit", columns=("id", "email")), granted(2, purpose="count")

    decision = decided(audit, count, policies=policies)

    assert decision.grants == ("g1", "g2")
    assert [(r["id"], r["email"]) for r in read(decision)] == [(1, "ada@example.com"), (2, None)]
    assert decision.masks["email"] == NULL
    alone = read(decided(audit, policies=policies))
    assert [(r["id"], r["email"]) for r in alone] == [(1, "ada@example.com")]


def test_a_row_that_no_grant_shows_is_not_shown_and_a_column_is_empty_where_its_grant_ends():
    policies = Policies(
        (
            rule("filter", condition="country = 'DE'", when=Who(purposes=("a",))),
            rule("filter", rule_id="b", condition="country = 'FR'", when=Who(purposes=("b",))),
            rule("filter", rule_id="c", condition="id < 2"),
        )
    )
    grants = granted(1, purpose="a", columns=("id", "country")), granted(2, purpose="b", columns=("country",))

    assert read(decided(*grants, policies=policies)) == [{"id": 1, "country": "DE"}]
    wider = replace(policies, rules=policies.rules[:2])
    assert read(decided(*grants, policies=wider)) == [{"id": 1, "country": "DE"}, {"id": None, "country": "FR"}]


def test_another_grant_does_not_move_what_was_joined_by_the_first():
    one, two = granted(1), granted(2)

    assert read(decided(one))[0]["email"] == read(decided(one, two))[0]["email"] != read(decided(two))[0]["email"]


def test_the_version_moves_with_all_that_bears_on_what_is_shown_and_with_nothing_else():
    policies = Policies((rule("filter", condition="id > 0"),))
    versions = {
        "as it is": decided(granted()).version,
        "another salt": decided(granted(salt="x")).version,
        "a filter": decided(granted(), policies=policies).version,
        "fewer columns": decided(granted(columns=("id",))).version,
        "somebody else": decided(granted(consumer="ada"), who=user("ada")).version,
    }

    assert len(set(versions.values())) == len(versions)
    assert decided(granted(reason="x", reviewed_at=NOW)).version == versions["as it is"]


# laws

names = st.sampled_from(EVERY)
whom = st.builds(
    Who,
    users=st.sampled_from([(), ("eve",), ("ada",)]),
    teams=st.sampled_from([(), ("crm",)]),
    purposes=st.sampled_from([(), ("a*",), ("b",)]),
    roles=st.sampled_from([(), ("reader",)]),
)
spared = st.builds(
    Who,
    teams=st.sampled_from([(), ("crm",)]),
    purposes=st.sampled_from([(), ("a",)]),
    named=st.booleans(),
    clearance=st.sampled_from([None, *Classification]),
)
of_columns = {
    "columns": st.sampled_from([(), ("email",), ("*",), ("address.street",), ("birth", "id")]),
    "levels": st.sampled_from([frozenset(), frozenset({Classification.CONFIDENTIAL}), frozenset(Classification)]),
    "tags": st.sampled_from([(), ("pii",)]),
}
any_rule = st.one_of(
    st.builds(rule, st.just("deny"), when=whom, unless=spared, **of_columns),
    st.builds(
        rule,
        st.just("mask"),
        mask=st.sampled_from([NULL, Mask("hash"), Mask("first", 2), Mask("domain"), Mask("year"), Mask("bucket", 10)]),
        when=whom,
        unless=spared,
        domain=st.sampled_from([None, "sales"]),
        **of_columns,
    ),
    st.builds(
        rule,
        st.just("filter"),
        condition=st.sampled_from(["country = 'DE'", "country = 'FR'", "id = 2", "country IN user.country"]),
        when=whom,
        unless=spared,
    ),
)
any_grant = st.builds(
    granted,
    st.integers(1, 3),
    kind=st.just("user"),
    columns=st.one_of(st.none(), st.sets(names, min_size=1).map(lambda s: tuple(sorted(s)))),
    purpose=st.sampled_from([None, "a", "b"]),
    roles=st.sampled_from([(), ("reader",)]),
)
grants = st.lists(any_grant, max_size=4, unique_by=lambda g: g.grant_id)
rules = st.lists(any_rule, max_size=4).map(tuple)
PUBLISHED = state(contract=contract(roles=[{"role": "reader", "access": "read"}]))


def at_most(less, more):
    """Whether one decision shows no row, no column and no value that another does not, cell by cell.

    A row is told by its number; a value is shown as it is, masked, or not at all.
    """
    for country, number in (("DE", 1), ("FR", 2)):
        mine, theirs = (cells_of(d, country, number) for d in (less, more))
        for name, mask in mine.items():
            if name not in theirs or not at_least_as_mild(theirs[name], mask):
                return False
    return True


def cells_of(decision, country, number):
    """The mildest mask of each column that a decision shows of a row."""
    found = {}
    for layer in decision.layers:
        if layer.condition is None or holds(layer.condition, country, number):
            for name, cell in layer.cells.items():
                if name not in found or at_least_as_mild(cell.mask, found[name]):
                    found[name] = cell.mask
    return found


_KNOWN: dict[tuple[str, str, int], bool] = {}
_DB = duckdb.connect()


def holds(condition, country, number):
    key = condition, country, number
    if key not in _KNOWN:
        row = f"SELECT '{country}' AS country, {number} AS id"
        _KNOWN[key] = bool(_DB.execute(f"SELECT count(*) FROM ({row}) WHERE {condition}").fetchone()[0])
    return _KNOWN[key]


@given(grants, st.data(), rules)
def test_fewer_grants_never_show_more(given_grants, data, some_rules):
    fewer = [g for g in given_grants if data.draw(st.booleans())]
    policies = Policies(some_rules)

    less, more = (decided(*g, port=PUBLISHED, policies=policies) for g in (fewer, given_grants))

    assert at_most(less, more)


@given(grants, rules, st.sampled_from(list(Classification)), st.sampled_from(list(Classification)))
def test_more_clearance_never_shows_less(given_grants, some_rules, one, other):
    low, high = sorted((one, other))

    def cleared(level):
        entry = ReaderEntry(Who(users=("eve",)), level)
        return decided(*given_grants, port=PUBLISHED, policies=Policies(some_rules, readers=(entry,)))

    assert at_most(cleared(low), cleared(high))


@given(grants, rules, any_rule.filter(lambda r: r.effect != "mask"))
def test_another_rule_that_denies_or_filters_never_shows_more(given_grants, some_rules, another):
    less = decided(*given_grants, port=PUBLISHED, policies=Policies((*some_rules, another)))
    more = decided(*given_grants, port=PUBLISHED, policies=Policies(some_rules))

    # conditions are ANDed, so the rows are compared, not the texts
    assert at_most(less, more)


@given(grants, rules, any_rule.filter(lambda r: r.effect == "mask"))
def test_a_stricter_mask_of_a_domain_never_shows_more(given_grants, some_rules, another):
    added = replace(another, domain="sales")

    less = decided(*given_grants, port=PUBLISHED, policies=Policies((*some_rules, added)))
    more = decided(*given_grants, port=PUBLISHED, policies=Policies(some_rules))

    assert at_most(less, more)


@given(grants, rules)
def test_no_cell_is_shown_milder_than_one_grant_by_itself_shows_it(given_grants, some_rules):
    policies = Policies(some_rules)

    together = decided(*given_grants, port=PUBLISHED, policies=policies)
    alone = [decided(g, port=PUBLISHED, policies=policies) for g in given_grants]

    for country, number in (("DE", 1), ("FR", 2)):
        each = [cells_of(d, country, number) for d in alone]
        for name, mask in cells_of(together, country, number).items():
            parts = [cells[name] for cells in each if name in cells]
            assert any(at_least_as_mild(part, mask) for part in parts) or (mask is not None and mask.kind == "inside")


@given(grants, rules)
def test_everything_that_is_masked_filtered_or_denied_has_its_reason(given_grants, some_rules):
    decision = decided(*given_grants, port=PUBLISHED, policies=Policies(some_rules))

    told = {r.about.partition(".")[0] for r in decision.reasons if r.effect in ("mask", "deny")}
    assert decision.reason
    assert {name for name, mask in decision.masks.items() if mask is not None} <= told | set(EVERY) - set(
        decision.columns
    ) | {name for name in decision.masks if len(decision.layers) > 1}
    assert decision.row_filter is None or any(r.effect == "filter" for r in decision.reasons)


def test_files_are_whole_for_whom_nothing_is_hidden_from():
    owner = user(roles={"sales": frozenset({Role.DOMAIN_OWNER})})
    policies = Policies((rule("filter", condition="id > 0"),))

    assert decided(who=owner).whole
    assert not decided(who=owner, policies=policies).whole
    assert not decided(granted()).whole
    assert not decided(granted(columns=("id",))).whole
