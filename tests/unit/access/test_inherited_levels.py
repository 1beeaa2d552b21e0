"""What a column inherits along lineage counts in a decision as what it declares, and never shows more of it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.unit.access.given import NOW, basis, contract, granted, state, user
from tests.unit.access.test_deciding import PUBLISHED, any_rule, at_most, grants, names, rule, rules
from weft.access.decision import decide
from weft.access.masks import NULL, Mask
from weft.access.policies import Policies, Who
from weft.access.principals import product_principal
from weft.access.rights import Label
from weft.model.address import ProductAddress
from weft.model.classification import Classification

CONFIDENTIAL, RESTRICTED = Label(Classification.CONFIDENTIAL), Label(Classification.RESTRICTED)
labels = st.dictionaries(
    names, st.builds(Label, st.sampled_from(list(Classification)), st.sampled_from([(), ("pii",), ("pii", "x")]))
)


def decided(*given_grants, inherited=None, port=None, who=None, reads=(), **given_basis):
    grounds = replace(basis(*given_grants, **given_basis), inherited=inherited or {})
    return decide(who or user(), port or state(), reads, None, NOW.date(), grounds)


def test_a_column_is_masked_as_the_level_demands_that_it_inherits_and_says_so():
    found = decided(granted(), inherited={"country": CONFIDENTIAL, "id": RESTRICTED, "email": Label()})

    assert found.masks["country"] == Mask("hash")
    assert found.masks["id"] == NULL
    assert not found.whole
    told = [r.sentence for r in found.reasons if r.effect == "inherit"]
    assert told == [
        "it is restricted by what it is made from, and declares internal",
        "it is confidential by what it is made from, and declares public",
    ]


def test_what_inherits_no_more_than_it_declares_is_decided_as_before():
    inherited = {"email": CONFIDENTIAL, "birth": Label(Classification.INTERNAL), "country": Label(tags=())}

    assert decided(granted(), inherited=inherited) == decided(granted())


def test_fields_of_a_column_have_at_least_what_it_inherits():
    masks = decided(granted(), inherited={"address": RESTRICTED}).masks

    assert masks["address"] == NULL


def test_rules_that_name_a_level_or_a_tag_mean_what_inherits_it():
    deny = rule("deny", when=Who(users=("eve",)), tags=("pii",))
    keep = rule("filter", when=Who(users=("eve",)), condition="id = 1", levels=frozenset({Classification.RESTRICTED}))
    bare = state(contract=contract(schema=[{"name": "customer", "properties": [{"name": "country"}]}]))

    hidden = decided(granted(), inherited={"country": Label(tags=("pii",))}, policies=Policies((deny,)))
    filtered = decided(granted(), inherited={"country": RESTRICTED}, port=bare, policies=Policies((keep,)))

    assert "country" not in hidden.columns
    assert decided(granted(), port=bare, policies=Policies((keep,))).row_filter is None
    assert filtered.row_filter is not None


def test_a_mild_rule_for_a_tag_does_not_show_more_of_what_inherits_the_tag():
    """A rule of the mesh takes the place of the default mask; what is inherited takes nothing away."""
    mild = rule("mask", when=Who(users=("eve",)), mask=Mask("first", 2), tags=("pii",))
    inherited = {"birth": Label(Classification.PUBLIC, ("pii",))}

    assert decided(granted(), inherited=inherited, policies=Policies((mild,))).masks["birth"] == NULL


def test_whoever_is_cleared_sees_it_and_a_product_builds_from_it():
    product = product_principal(ProductAddress("report", "daily"))
    port = state()

    assert decided(who=product, port=port, reads=(port.address,), inherited={"country": RESTRICTED}).whole


@given(grants, rules, labels, st.lists(any_rule, max_size=1))
def test_what_is_inherited_never_shows_more(given_grants, some_rules, inherited, more):
    policies = Policies((*some_rules, *more))

    less = decided(*given_grants, port=PUBLISHED, policies=policies, inherited=inherited)

    assert at_most(less, decided(*given_grants, port=PUBLISHED, policies=policies))
