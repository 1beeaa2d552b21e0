"""Keys for files: made of what they are for, short, and of no use in any other request."""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Mapping

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from msgspec.structs import replace

from weft.access.signing import Signer
from weft.access.vended_keys import LASTS, Held, SignedRequest, Vending
from weft.connections import Secret
from weft.errors import AccessDenied
from weft.storage.signing import Keys, authorised, digest_of

NOW = dt.datetime.now(dt.UTC).replace(microsecond=0)
HELD = Held("weft_a_secret", "fleet.aircraft.planes@1", "42", "delay model", "a view", NOW + LASTS)
HOST = "mesh.example.com"
PATH = "/iceberg-files/fleet/aircraft/planes/1/42/data/0.parquet"


def signer() -> Signer:
    key = secrets.token_bytes(32)
    return Signer(lambda: [key])


@pytest.fixture
def vending() -> Vending:
    return Vending(signer())


def request(keys: Keys, at: dt.datetime = NOW, method: str = "GET", path: str = PATH, query: str = "") -> SignedRequest:
    url = f"https://{HOST}{path}" + (f"?{query}" if query else "")
    headers = authorised(keys, "us-east-1", method, url, {}, digest_of(b""), at)
    return SignedRequest(method, path, query, {**headers, "host": HOST})


def code(vending: Vending, asked: SignedRequest, now: dt.datetime = NOW) -> str:
    with pytest.raises(AccessDenied) as e:
        vending.held(asked, now)
    assert "weft_a_secret" not in str(e.value)
    return e.value.diagnostics[0].code


def test_keys_say_what_they_are_for_to_the_server_and_to_nobody_else(vending):
    keys = vending.vended(HELD)

    assert vending.held(request(keys), NOW) == HELD
    assert keys.session_token is not None
    for part in (keys.access_key.value, keys.secret_key.value, keys.session_token.value):
        assert not any(word in part for word in ("weft_a_secret", "fleet", "planes"))
    again = vending.vended(HELD)
    assert again.session_token != keys.session_token and again.secret_key != keys.secret_key


@pytest.mark.parametrize("query", ["", "x-id=GetObject", "b=2&a=1&flag"])
def test_what_another_signer_signs_is_known_again(vending, query):
    now = dt.datetime.now(dt.UTC)  # the other signer knows no other time
    held = replace(HELD, ends_at=now + dt.timedelta(minutes=15))
    keys = vending.vended(held)
    assert keys.session_token is not None
    credentials = Credentials(keys.access_key.value, keys.secret_key.value, keys.session_token.value)
    made = AWSRequest("GET", f"https://{HOST}{PATH}" + (f"?{query}" if query else ""))
    made.headers["Range"] = "bytes=0-3"
    made.headers["X-Amz-Content-SHA256"] = digest_of(b"")
    SigV4Auth(credentials, "s3", "us-east-1").add_auth(made)
    headers = {name.lower(): value for name, value in made.headers.items()}

    asked = SignedRequest("GET", PATH, query, {**headers, "host": HOST})

    assert vending.held(asked, now) == held
    assert code(vending, replace(asked, headers={**asked.headers, "range": "bytes=0-9"}), now) == "WFT-SRV-091"


def test_keys_end_when_their_time_is_over_however_fresh_the_signature(vending):
    keys, end = vending.vended(HELD), HELD.ends_at

    just_before = end - dt.timedelta(seconds=1)
    assert vending.held(request(keys, just_before), just_before) == HELD
    assert code(vending, request(keys, end), end) == "WFT-SRV-092"
    assert code(vending, request(keys, just_before), end) == "WFT-SRV-092"


@pytest.mark.parametrize("minutes", [-6, 6])
def test_a_request_that_was_recorded_is_of_no_use_later(vending, minutes):
    keys = vending.vended(replace(HELD, ends_at=NOW + dt.timedelta(days=1)))

    assert code(vending, request(keys), NOW + dt.timedelta(minutes=minutes)) == "WFT-SRV-091"


CHANGES: Mapping[str, SignedRequest] = {
    "another method": SignedRequest("HEAD", PATH, "", {}),
    "another file": SignedRequest("GET", PATH.replace("0.parquet", "1.parquet"), "", {}),
    "another query": SignedRequest("GET", PATH, "versionId=1", {}),
    "another host": SignedRequest("GET", PATH, "", {"host": "other.example.com"}),
    "another time": SignedRequest("GET", PATH, "", {"x-amz-date": f"{NOW + dt.timedelta(seconds=1):%Y%m%dT%H%M%SZ}"}),
    "no time": SignedRequest("GET", PATH, "", {"x-amz-date": ""}),
    "a time that is none": SignedRequest("GET", PATH, "", {"x-amz-date": "20261399T000000Z"}),
    "another body": SignedRequest("GET", PATH, "", {"x-amz-content-sha256": digest_of(b"x")}),
    "no session": SignedRequest("GET", PATH, "", {"x-amz-security-token": ""}),
    "a session of nobody": SignedRequest("GET", PATH, "", {"x-amz-security-token": "ü" * 80}),
    "a short session": SignedRequest("GET", PATH, "", {"x-amz-security-token": "AAAA"}),
    "no signature": SignedRequest("GET", PATH, "", {"authorization": ""}),
    "a bearer token": SignedRequest("GET", PATH, "", {"authorization": "Bearer weft_x"}),
}


@pytest.mark.parametrize("how", CHANGES)
def test_a_request_that_is_not_the_signed_one_opens_nothing(vending, how):
    asked, changed = request(vending.vended(HELD)), CHANGES[how]

    tried = replace(changed, headers={**asked.headers, **changed.headers})

    assert vending.held(asked, NOW) == HELD
    assert code(vending, tried) == "WFT-SRV-091"


def test_keys_of_another_server_or_put_together_of_two_open_nothing(vending):
    one, other = vending.vended(HELD), vending.vended(replace(HELD, bearer="weft_another"))
    foreign = Vending(signer()).vended(HELD)

    for tried in (
        foreign,
        replace(one, session_token=other.session_token),
        replace(one, secret_key=other.secret_key),
        replace(one, access_key=other.access_key),
        replace(one, secret_key=Secret("")),
    ):
        assert code(vending, request(tried)) == "WFT-SRV-091"


def test_a_signature_that_leaves_something_out_opens_nothing(vending):
    keys = vending.vended(HELD)
    asked = request(keys)
    given = asked.headers["authorization"]

    for name in ("host;", "x-amz-date;", "x-amz-content-sha256;"):
        tried = {**asked.headers, "authorization": given.replace(name, "")}
        assert code(vending, replace(asked, headers=tried)) == "WFT-SRV-091"


def test_keys_outlive_a_new_key_of_the_server_and_end_with_the_old_one():
    old, new = secrets.token_bytes(32), secrets.token_bytes(32)
    keys = [old]
    vending = Vending(Signer(lambda: keys))
    before = vending.vended(HELD)

    keys[:] = [new, old]
    after = vending.vended(HELD)

    assert vending.held(request(before), NOW) == vending.held(request(after), NOW) == HELD
    keys[:] = [new]
    assert vending.held(request(after), NOW) == HELD
    assert code(vending, request(before)) == "WFT-SRV-091"
