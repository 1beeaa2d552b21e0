"""Formats of texts are patterns that their values match."""

import ipaddress
import re

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import weft
from tests.unit.contracts.support import a_contract, col
from weft.contracts.text_formats import pattern_of

GOOD = {
    "email": ["a@b.de", "jürgen+x@mail.example.org", "root@localhost"],
    "uuid": ["123e4567-e89b-12d3-a456-426614174000", "123E4567-E89B-12D3-A456-426614174000"],
    "uri": ["https://example.org/a?b=c#d", "urn:isbn:0451450523", "mailto:a@b.de"],
    "hostname": ["example.org", "localhost", "xn--bcher-kva.example", "3com.com"],
    "ipv4": ["0.0.0.0", "192.168.1.255"],
    "ipv6": ["::", "::1", "2001:db8::8a2e:370:7334", "::ffff:192.0.2.1", "1:2:3:4:5:6:7:8"],
}
BAD = {
    "email": ["", "nobody", "a b@c.de", "a@b@c.de", "@b.de"],
    "uuid": ["", "123e4567e89b12d3a456426614174000", "123e4567-e89b-12d3-a456-42661417400g"],
    "uri": ["", "example.org/a", "http://a b", "://x"],
    "hostname": ["", "-a.org", "a..b", "a_b.org", "a.org/"],
    "ipv4": ["", "1.2.3", "1.2.3.256", "01.2.3.4", "1.2.3.4.5"],
    "ipv6": ["", ":::", "1:2:3:4:5:6:7", "1::2::3", "12345::", "::1.2.3.256"],
}


def contract(text_format):
    return a_contract(col("c", "string", logicalTypeOptions={"format": text_format}))


@pytest.mark.parametrize("text_format", GOOD)
def test_values_that_are_not_of_their_format_are_counted(text_format):
    rows = pa.table({"c": [None, *GOOD[text_format], *BAD[text_format]]})

    found = {c.id: c for c in weft.verify(contract(text_format), rows, sample_limit=20).checks}

    check = found["c.format"]
    assert (check.result.value, check.failed_rows) == ("failed", len(BAD[text_format]))
    assert [s["c"] for s in check.samples] == BAD[text_format]
    assert check.expected == f"format {text_format}"


@pytest.mark.parametrize("text_format", ["password", "binary", "something of ours"])
def test_a_format_that_no_pattern_tells_is_said_to_be_not_evaluated(text_format):
    found = {c.id: c for c in weft.verify(contract(text_format), pa.table({"c": ["x"]})).checks}

    assert found["c.format"].result.value == "not_evaluated"


@given(st.lists(st.sampled_from(["", "1", "ffff", "12345", "1.2.3.4", "g"]), max_size=9).map(":".join))
def test_the_pattern_of_ipv6_takes_what_python_takes_for_an_address(text):
    try:
        good = ipaddress.IPv6Address(text) is not None
    except ValueError:
        good = False

    assert (re.fullmatch(pattern_of("ipv6"), text) is not None) == good
