"""What columns inherit along lineage, and that a change of one model gives what a walk over everything gives."""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from weft.governance.labels import Label
from weft.governance.propagation import Declared, Propagation
from weft.model.classification import Classification
from weft.model.lineage import Anonymisation, EdgeKind, LineageEdge, Transformation, table_of

EMAIL = "sales.crm.customers@1.email"
PRIVATE = "sales.crm.~clean.email"
CONTACT = "marketing.news.subscribers@1.contact"
CONFIDENTIAL = Declared(Classification.CONFIDENTIAL, ("pii.email",))


def edge(
    source: str,
    target: str,
    kind: EdgeKind = EdgeKind.DIRECT,
    how: Transformation = Transformation.IDENTITY,
    masking: bool = False,
    anonymised: Anonymisation = Anonymisation.NONE,
) -> LineageEdge:
    return LineageEdge(source, target, kind, how, masking, anonymised)


def test_a_column_inherits_level_and_tags_through_private_models_and_across_products() -> None:
    mesh = Propagation(
        [edge("sales.crm.CSV.email", PRIVATE), edge(PRIVATE, EMAIL), edge(EMAIL, CONTACT)],
        {"sales.crm.CSV.email": CONFIDENTIAL, CONTACT: Declared(Classification.PUBLIC)},
    )

    assert mesh.inherited(CONTACT) == Label(Classification.CONFIDENTIAL, ("pii.email",))
    assert mesh.of(CONTACT) == mesh.inherited(CONTACT)
    assert mesh.way(CONTACT, level=Classification.CONFIDENTIAL) == ("sales.crm.CSV.email", PRIVATE, EMAIL, CONTACT)
    assert mesh.way(CONTACT, tag="pii.email")[0] == "sales.crm.CSV.email"
    assert mesh.way(CONTACT, level=Classification.RESTRICTED) == ()
    assert mesh.inherited("sales.crm.CSV.email") == Label()


def test_what_a_column_declares_itself_is_more_than_what_it_inherits_where_it_is_higher() -> None:
    mesh = Propagation([edge(EMAIL, CONTACT)], {EMAIL: CONFIDENTIAL, CONTACT: Declared(Classification.RESTRICTED)})

    assert mesh.of(CONTACT) == Label(Classification.RESTRICTED, ("pii.email",))
    assert mesh.inherited(CONTACT).level is Classification.CONFIDENTIAL


def test_the_highest_of_several_sources_holds_and_all_tags() -> None:
    mesh = Propagation(
        [edge("a.b.s@1.x", CONTACT), edge("a.b.s@1.y", CONTACT)],
        {
            "a.b.s@1.x": Declared(Classification.RESTRICTED, ("b",)),
            "a.b.s@1.y": Declared(Classification.INTERNAL, ("a",)),
        },
    )

    assert mesh.inherited(CONTACT) == Label(Classification.RESTRICTED, ("a", "b"))


def test_what_only_decides_which_rows_there_are_is_told_and_gives_nothing_on() -> None:
    mesh = Propagation([edge(EMAIL, CONTACT, EdgeKind.INDIRECT, Transformation.FILTER)], {EMAIL: CONFIDENTIAL})

    assert mesh.inherited(CONTACT) == Label()
    assert mesh.deciding(CONTACT) == (EMAIL,)


def test_an_anonymisation_ends_the_way_and_a_digest_without_salt_does_not() -> None:
    salted = edge(EMAIL, CONTACT, masking=True, anonymised=Anonymisation.SALTED_HASH)

    anonymous = Propagation([salted], {EMAIL: CONFIDENTIAL})
    guessable = Propagation([edge(EMAIL, CONTACT, masking=True)], {EMAIL: CONFIDENTIAL})

    assert anonymous.inherited(CONTACT) == Label()
    assert [(s.source, s.why, s.label.level) for s in anonymous.stopped(CONTACT)] == [
        (EMAIL, "salted hash", Classification.CONFIDENTIAL)
    ]
    assert guessable.inherited(CONTACT).level is Classification.CONFIDENTIAL
    assert guessable.is_guessable(guessable.way(CONTACT, level=Classification.CONFIDENTIAL))
    assert guessable.stopped(CONTACT) == ()


def test_a_value_that_is_also_shown_plainly_is_not_anonymous() -> None:
    mesh = Propagation(
        [edge(EMAIL, CONTACT, anonymised=Anonymisation.SALTED_HASH), edge(EMAIL, CONTACT)], {EMAIL: CONFIDENTIAL}
    )

    assert mesh.inherited(CONTACT).level is Classification.CONFIDENTIAL
    assert mesh.stopped(CONTACT) == ()


def test_a_declared_anonymisation_ends_the_way_into_that_column() -> None:
    mesh = Propagation([edge(EMAIL, CONTACT)], {EMAIL: CONFIDENTIAL, CONTACT: Declared(anonymised="tokens")})

    assert mesh.inherited(CONTACT) == Label()
    assert [s.why for s in mesh.stopped(CONTACT)] == ["tokens"]


def test_what_is_unresolved_gives_everything_on_and_says_so() -> None:
    mesh = Propagation([edge(EMAIL, CONTACT, how=Transformation.UNRESOLVED)], {EMAIL: CONFIDENTIAL})

    way = mesh.way(CONTACT, level=Classification.CONFIDENTIAL)
    assert way == (EMAIL, CONTACT)
    assert not mesh.is_resolved(way)


def test_every_column_of_a_table_is_meant_by_a_star_at_either_end() -> None:
    mesh = Propagation(
        [
            edge("sales.crm.customers@1.*", "a.b.~m.*", how=Transformation.UNRESOLVED),
            edge("a.b.~m.whatever", CONTACT),
        ],
        {EMAIL: CONFIDENTIAL, "sales.crm.customers@1.id": Declared(Classification.PUBLIC)},
    )

    assert mesh.of(CONTACT) == Label(Classification.CONFIDENTIAL, ("pii.email",))
    assert mesh.of("sales.crm.customers@1.id") == Label()


def test_a_circle_ends() -> None:
    mesh = Propagation([edge("a.b.~x.c", "a.b.~y.c"), edge("a.b.~y.c", "a.b.~x.c")], {"a.b.~x.c": CONFIDENTIAL})

    assert mesh.of("a.b.~y.c").level is Classification.CONFIDENTIAL
    changed = mesh.put("a.b.~x", [edge("a.b.~y.c", "a.b.~x.c")])
    assert changed == {"a.b.~x.c", "a.b.~y.c"}
    assert mesh.of("a.b.~y.c") == Label()


def test_one_changed_model_says_which_columns_have_another_label() -> None:
    mesh = Propagation(
        [edge(EMAIL, PRIVATE), edge(PRIVATE, CONTACT), edge("a.b.s@1.z", "a.b.s@1.w")], {EMAIL: CONFIDENTIAL}
    )

    same = mesh.put("sales.crm.~clean", [edge(EMAIL, PRIVATE, how=Transformation.TRANSFORMATION)])
    moved = mesh.put("sales.crm.~clean", [edge(EMAIL, PRIVATE, anonymised=Anonymisation.REDACTION)])

    assert same == frozenset()
    assert moved == {PRIVATE, CONTACT}
    assert mesh.of(CONTACT) == Label()


# laws, over small meshes in which circles, parallel edges and stars are usual

TABLES = ["a.b.~m", "a.b.n@1", "c.d.p@1", "c.d.IN"]
NODES = [f"{table}.{column}" for table in TABLES for column in ("x", "y", "*")]
COLUMNS = [node for node in NODES if not node.endswith("*")]
KNOWN = dict.fromkeys(COLUMNS, Declared())
edges_of = st.builds(
    LineageEdge,
    st.sampled_from(NODES),
    st.sampled_from(NODES),
    st.sampled_from([EdgeKind.DIRECT, EdgeKind.DIRECT, EdgeKind.INDIRECT]),
    st.sampled_from(Transformation),
    st.booleans(),
    st.sampled_from([Anonymisation.NONE, Anonymisation.NONE, Anonymisation.SALTED_HASH]),
)
declarations = st.dictionaries(
    st.sampled_from(COLUMNS),
    st.builds(
        Declared,
        st.sampled_from([None, *Classification]),
        st.lists(st.sampled_from(["t", "u"]), max_size=2).map(tuple),
        st.sampled_from([None, None, None, "declared"]),
    ),
)


def holds(mesh: Propagation) -> dict[str, tuple[Label, Label]]:
    return {node: (mesh.of(node), mesh.inherited(node)) for node in COLUMNS}


def of_table(table: str, declared: Mapping[str, Declared]) -> dict[str, Declared]:
    return {node: one for node, one in declared.items() if table_of(node) == table}


@given(st.lists(edges_of, max_size=20), edges_of, declarations)
def test_one_more_edge_never_lowers_a_level_or_takes_a_tag(
    edges: list[LineageEdge], more: LineageEdge, declared: dict[str, Declared]
) -> None:
    before, after = holds(Propagation(edges, declared)), holds(Propagation([*edges, more], declared))

    for node in COLUMNS:
        assert after[node][0].level >= before[node][0].level
        assert set(after[node][0].tags) >= set(before[node][0].tags)


@given(
    st.lists(edges_of, max_size=20),
    declarations,
    st.lists(st.tuples(st.sampled_from(TABLES), st.lists(edges_of, max_size=8), declarations), min_size=1, max_size=4),
)
def test_changes_one_after_the_other_give_what_a_walk_over_everything_gives(
    edges: list[LineageEdge],
    declared: dict[str, Declared],
    changes: list[tuple[str, list[LineageEdge], dict[str, Declared]]],
) -> None:
    declared = KNOWN | declared
    mesh = Propagation(edges, declared)

    for table, given_edges, given_declared in changes:
        new, said = [e for e in given_edges if table_of(e.target) == table], of_table(table, KNOWN | given_declared)
        edges = [e for e in edges if table_of(e.target) != table] + new
        declared = {n: d for n, d in declared.items() if table_of(n) != table} | said
        before = {node: mesh.of(node) for node in COLUMNS}
        changed = mesh.put(table, new, said)

        full = Propagation(edges, declared)
        assert holds(mesh) == holds(full)
        assert {n for n in changed if n in COLUMNS} == {n for n in COLUMNS if before[n] != mesh.of(n)}


@given(st.lists(edges_of, max_size=20), declarations)
def test_whatever_is_inherited_has_a_way_that_begins_where_it_is_declared(
    edges: list[LineageEdge], declared: dict[str, Declared]
) -> None:
    mesh = Propagation(edges, declared)

    for node in COLUMNS:
        inherited = mesh.inherited(node)
        if inherited.level:
            way = mesh.way(node, level=inherited.level)
            assert way[-1] == node
            assert (declared[way[0]].level or 0) >= inherited.level
        for tag in inherited.tags:
            assert tag in declared[mesh.way(node, tag=tag)[0]].tags
