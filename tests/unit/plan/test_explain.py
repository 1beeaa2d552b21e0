"""A plan as text and as a comment: bounded, and nothing in it becomes markup."""

from __future__ import annotations

import pytest

from weft.errors import Where, error
from weft.model.address import parse_address
from weft.plan.explain import COMMENT_LIMIT, markdown, text
from weft.plan.marking import code, prose
from weft.plan.values import Action, Affected, Change, Effect, Moved, Plan, Spared, Step, plan_from_json

PORT = parse_address("fleet.aircraft.planes@1")


def affected(product: str, column: str, effect: Effect = Effect.MAY_CHANGE, owner: str = "Team") -> Affected:
    node = f"{product}.port@1.{column}"
    path = (Step(f"{PORT}.seats"), Step(node, Where(f"{product}/m.sql", 3, 1)))
    return Affected(node, f"{PORT}.seats", f"owner {owner}, {product}/m.sql:3:1", effect, owner, path)


def a_plan(*columns: Affected, spared: tuple[Spared, ...] = (), truncated: bool = False) -> Plan:
    change = Change(PORT, Action.REBUILD, "its SQL changed", moved=Moved(("seats",)))
    return Plan("m", {}, (change,), columns, (), (), spared=spared, truncated=truncated)


def test_products_stand_with_owner_and_counts_and_what_breaks_comes_first() -> None:
    plan = a_plan(
        affected("a.calm", "x"),
        affected("b.broken", "y", Effect.BREAKS, "Ops"),
        affected("b.broken", "z", owner="Ops"),
        spared=(Spared("a.calm.port@1.w", str(PORT), "Team", (str(PORT), "a.calm.port@1")),),
    )

    shown = text(plan)

    assert shown[shown.index("affected") :].splitlines() == [
        "affected downstream: 1 breaks, 2 may change, 1 unaffected",
        "  b.broken  owner Ops: 1 breaks, 1 may change",
        "    b.broken.port@1.y  breaks by fleet.aircraft.planes@1.seats  (owner Ops, b.broken/m.sql:3:1)",
        "      fleet.aircraft.planes@1.seats → b.broken.port@1.y (b.broken/m.sql:3)",
        "    b.broken.port@1.z  may change by fleet.aircraft.planes@1.seats  (owner Ops, b.broken/m.sql:3:1)",
        "      fleet.aircraft.planes@1.seats → b.broken.port@1.z (b.broken/m.sql:3)",
        "  a.calm  owner Team: 1 may change, 1 unaffected",
        "    a.calm.port@1.x  may change by fleet.aircraft.planes@1.seats  (owner Team, a.calm/m.sql:3:1)",
        "      fleet.aircraft.planes@1.seats → a.calm.port@1.x (a.calm/m.sql:3)",
        "  every column with its path: `weft plan --format json`",
    ]


def test_a_long_way_shows_both_ends_and_how_many_nodes_lie_between() -> None:
    nodes = [f"d.p{i}.q@1.c" for i in range(12)]
    far = Affected(nodes[-1], nodes[0], "owner x", Effect.MAY_CHANGE, "x", tuple(Step(n) for n in nodes))

    shown, comment = text(a_plan(far)), markdown(a_plan(far))

    assert f"      {' → '.join([*nodes[:3], '… 6 more …', *nodes[-3:]])}" in shown.splitlines()
    assert " → ".join([*(f"`{n}`" for n in nodes[:3]), "… 6 more …", *(f"`{n}`" for n in nodes[-3:])]) in comment


def test_of_many_columns_and_products_a_terminal_shows_the_first_and_how_to_see_all() -> None:
    shown = text(a_plan(*(affected(f"d.p{p:02}", f"c{i}") for p in range(30) for i in range(12)), truncated=True))

    assert "affected downstream: 360 may change; there is more than was looked at\n" in shown
    assert shown.count("    … and 2 more\n") == 20
    assert "  … and 10 more products\n  every column with its path: `weft plan --format json`" in shown


@pytest.mark.parametrize(("products", "columns"), [(1, 5_000), (900, 2), (40, 60)])
def test_a_comment_is_never_longer_than_it_may_be_and_says_what_it_leaves_out(products: int, columns: int) -> None:
    plan = a_plan(*(affected(f"domain.product_{p}", f"column_{i}") for p in range(products) for i in range(columns)))

    shown = markdown(plan)

    assert len(shown) <= COMMENT_LIMIT
    assert f"**Downstream: {products * columns} may change**" in shown
    assert "`weft plan --format json` has all" in shown
    assert shown.count("<details>") == shown.count("</details>") > 0


def test_a_comment_whose_sentences_alone_are_too_long_is_cut_and_says_so() -> None:
    plan = Plan("m", {}, (), (), (error("WFT-CON-004", "what " * 20_000),), ())

    shown = markdown(plan)

    assert len(shown) <= COMMENT_LIMIT
    assert shown.endswith("… The rest does not fit into a comment: `weft plan --format json` has all.")


def test_nothing_in_a_plan_becomes_markup_in_a_comment() -> None:
    node = 'd.p.port@1."a|b`c<img>"'
    evil = Affected(node, f"{PORT}.seats", "owner @all | <b>", Effect.BREAKS, "</summary>@all", (Step(node),))
    plan = Plan("m --> x", {}, (), (evil,), (error("WFT-CON-004", "*not* [a](link) of @ops <script>"),), ())

    shown = markdown(plan)

    assert shown.splitlines()[0] == "<!-- weft plan: m - -  x -->"
    assert '| `` d.p.port@1."a\\|b`c<img>" `` | breaks |' in shown
    assert "owner &#64;all \\| &lt;b&gt; |" in shown
    assert "owner &lt;/summary&gt;&#64;all · 1 breaks</summary>" in shown
    assert "\\*not\\* \\[a\\](link) of &#64;ops &lt;script&gt;" in shown


def test_code_and_prose_keep_to_their_cell() -> None:
    assert code("``") == "``` `` ```"
    assert prose("one ` alone\nand a_b _c_") == "one \\` alone and a_b \\_c\\_"


def test_what_a_plan_says_of_columns_is_read_back_from_json() -> None:
    plan = a_plan(
        affected("a.b", "x"),
        affected("a.b", "y", Effect.BREAKS),
        spared=(Spared("a.b.port@1.w", str(PORT), "Team", (str(PORT), "a.b.port@1")),),
        truncated=True,
    )

    assert plan_from_json(plan.as_json(), "plan.json") == plan
