"""Tickets and handles: for whom they hold, how long, and how many there are."""

from __future__ import annotations

import secrets

import pytest

from weft.access.principals import Principal, PrincipalKind
from weft.errors import AccessDenied, TransientError, UsageError
from weft.server.flight.statements import Asked, Planned, Prepared, Rules, Statements

ADA = Principal("ada", PrincipalKind.USER)
BOB = Principal("bob", PrincipalKind.USER)
SERVICE = Principal("ada", PrincipalKind.SERVICE)
PLANNED = Planned(Asked("select 1"), None)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def code(call, *given) -> str:
    with pytest.raises((AccessDenied, UsageError, TransientError)) as told:
        call(*given)
    return told.value.diagnostics[0].code


def test_a_ticket_holds_once_for_whom_it_was_made():
    statements = Statements()
    ticket = statements.ticket(ADA, PLANNED)

    assert b"select" not in ticket and b"ada" not in ticket
    assert [code(statements.redeemed, who, ticket) for who in (BOB, SERVICE)] == ["WFT-SRV-075"] * 2
    assert statements.redeemed(ADA, ticket) is PLANNED
    assert code(statements.redeemed, ADA, ticket) == "WFT-SRV-076"


def test_a_ticket_that_is_changed_anywhere_is_none():
    statements = Statements()
    ticket = statements.ticket(ADA, PLANNED)

    for at in range(len(ticket)):
        changed = bytearray(ticket)
        changed[at] ^= 1
        assert code(statements.redeemed, ADA, bytes(changed)) == "WFT-SRV-075"
    for other in (b"", b"x", ticket[:-1], ticket + b"\0", secrets.token_bytes(len(ticket))):
        assert code(statements.redeemed, ADA, other) == "WFT-SRV-075"
    assert code(Statements().redeemed, ADA, ticket) == "WFT-SRV-075", "it is of another server"
    assert statements.redeemed(ADA, ticket) is PLANNED


def test_a_ticket_is_no_handle_and_a_handle_no_ticket():
    statements = Statements()

    assert code(statements.statement, ADA, statements.ticket(ADA, PLANNED)) == "WFT-SRV-075"
    assert code(statements.redeemed, ADA, statements.prepared(ADA, Prepared(Asked("x"), ()))) == "WFT-SRV-075"


def test_what_is_over_does_not_hold():
    clock = Clock()
    statements = Statements(Rules(ticket_s=10, prepared_s=100), clock)
    ticket, handle = statements.ticket(ADA, PLANNED), statements.prepared(ADA, Prepared(Asked("x"), ()))

    clock.now += 90
    assert statements.statement(ADA, handle).asked == Asked("x")
    clock.now += 90
    assert statements.statement(ADA, handle).asked == Asked("x"), "it was used meanwhile"
    assert code(statements.redeemed, ADA, ticket) == "WFT-SRV-076"
    clock.now += 101
    assert code(statements.statement, ADA, handle) == "WFT-SRV-077"


def test_a_statement_that_is_closed_is_gone_and_may_be_closed_twice():
    statements = Statements()
    handle = statements.prepared(ADA, Prepared(Asked("x"), ()))

    assert code(statements.closed, BOB, handle) == "WFT-SRV-075"
    statements.closed(ADA, handle)
    statements.closed(ADA, handle)
    assert code(statements.statement, ADA, handle) == "WFT-SRV-077"


def test_ten_thousand_open_statements_are_refused_and_take_nothing_from_others():
    clock = Clock()
    statements = Statements(Rules(each=50, all=120), clock)
    refused = 0
    for _ in range(10_000):
        try:
            statements.prepared(ADA, Prepared(Asked("x"), ()))
        except TransientError as e:
            assert e.diagnostics[0].code == "WFT-SRV-078"
            refused += 1
    assert refused == 9_950

    assert statements.prepared(BOB, Prepared(Asked("x"), ()))
    clock.now += 3601
    assert statements.prepared(ADA, Prepared(Asked("x"), ())), "what is over is forgotten"


def test_all_together_have_a_number_of_them_too():
    statements = Statements(Rules(each=10, all=12))
    for _ in range(10):
        statements.ticket(ADA, PLANNED)
    statements.ticket(BOB, PLANNED)
    statements.ticket(BOB, PLANNED)

    assert code(statements.ticket, BOB, PLANNED) == "WFT-SRV-078"
