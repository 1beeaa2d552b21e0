import pytest

from weft.errors import UsageError
from weft.model.address import Address, ProductAddress, parse_address
from weft.plan.selection import closure, reversed_graph, select

PLANES = parse_address("fleet.aircraft.planes@1")
FLIGHTS = parse_address("operations.on_time.flights@1")
OLD_FLIGHTS = parse_address("operations.on_time.flights@2")
DAILY = parse_address("punctuality.performance.carrier_daily@1")
EVERYTHING = [PLANES, FLIGHTS, OLD_FLIGHTS, DAILY]
READS = {
    FLIGHTS.of_product: frozenset({PLANES.of_product}),
    DAILY.of_product: frozenset({FLIGHTS.of_product}),
    PLANES.of_product: frozenset(),
}


def chosen(*arguments: str, changed: tuple[Address, ...] = ()) -> set[Address]:
    return set(
        select(
            arguments,
            EVERYTHING,
            READS,
            tags=lambda a: {"core"} if a == PLANES else set(),
            changed=lambda: changed,
        )
    )


def test_without_arguments_every_port_is_meant():
    assert chosen() == set(EVERYTHING)


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("operations", {FLIGHTS, OLD_FLIGHTS}),
        ("operations.on_time", {FLIGHTS, OLD_FLIGHTS}),
        ("operations.on_time.flights", {FLIGHTS, OLD_FLIGHTS}),
        ("operations.on_time.flights@1", {FLIGHTS}),
        ("tag:core", {PLANES}),
        ("+operations.on_time", {FLIGHTS, OLD_FLIGHTS, PLANES}),
        ("fleet+", {PLANES, FLIGHTS, OLD_FLIGHTS, DAILY}),
        ("+punctuality", {DAILY, FLIGHTS, OLD_FLIGHTS, PLANES}),
    ],
)
def test_an_argument_is_an_address_a_prefix_a_tag_or_reaches_along_the_arrows(argument, expected):
    assert chosen(argument) == expected


def test_arguments_unite():
    assert chosen("fleet", "punctuality") == {PLANES, DAILY}


def test_changed_may_match_nothing():
    assert chosen("changed") == set()
    assert chosen("changed", changed=(DAILY,)) == {DAILY}


def test_a_prefix_ends_at_a_dot():
    with pytest.raises(UsageError) as caught:
        chosen("oper")

    assert caught.value.diagnostics[0].code == "WFT-PLN-008"


def test_all_arguments_that_match_nothing_are_named_with_the_nearest():
    with pytest.raises(UsageError) as caught:
        chosen("fleett", "operation")

    assert [d.fix for d in caught.value.diagnostics] == ["did you mean `fleet`?", "did you mean `operations`?"]


def test_the_closure_survives_a_circle():
    a, b = ProductAddress("d", "a"), ProductAddress("d", "b")
    graph = {a: frozenset({b}), b: frozenset({a})}

    assert closure([a], graph) == {a, b}
    assert reversed_graph(graph) == graph
