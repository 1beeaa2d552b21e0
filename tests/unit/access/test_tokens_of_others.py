"""Signed tokens of a provider: which hold, and which of the many that do not are refused."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator

import pytest
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from tests.identity_providers import Issuer, issuer_running
from weft.access.provider import Provider
from weft.access.tokens_of_others import checked
from weft.errors import AccessDenied, PlatformError
from weft.sections.identity import IdentitySettings

NOW = 1_772_000_000


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with issuer_running() as made:
        yield made


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def provider(issuer, clock) -> Provider:
    return Provider(IdentitySettings(issuer=issuer.url, audience="weft"), clock)


def claims(provider: Provider, issuer: Issuer, token: str):
    settings = IdentitySettings(issuer=issuer.url, audience="weft")
    return checked(token, provider, settings, audience="weft", now=NOW)


def why(provider: Provider, issuer: Issuer, token: str) -> str:
    with pytest.raises(AccessDenied) as refused:
        claims(provider, issuer, token)
    (told,) = refused.value.diagnostics
    assert told.code == "WFT-ACC-017"
    assert told.why is not None
    return told.why


def unsigned(header: dict, body: dict) -> str:
    parts = (base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in (header, body))
    return ".".join((*parts, ""))


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [
        (RSAKey.generate_key(2048, {"kid": "k"}), "RS256"),
        (RSAKey.generate_key(2048, {"kid": "k"}), "PS384"),
        (ECKey.generate_key("P-256", {"kid": "k"}), "ES256"),
        (ECKey.generate_key("P-521", {"kid": "k"}), "ES512"),
        (OKPKey.generate_key("Ed25519", {"kid": "k"}), "Ed25519"),
    ],
)
def test_a_token_that_the_issuer_signed_for_us_holds_whatever_key_pair_it_uses(provider, issuer, key, algorithm):
    issuer.keys = [key]

    found = claims(provider, issuer, issuer.signed(key, algorithm, exp=NOW + 60))

    assert (found["sub"], found["azp"]) == ("svc-1", "billing")


def test_a_token_without_a_signature_is_refused(provider, issuer):
    body = {"iss": issuer.url, "aud": "weft", "sub": "svc-1", "exp": NOW + 60}

    for name in ("none", "None", "NONE"):
        assert "algorithm" in why(provider, issuer, unsigned({"alg": name, "kid": "first"}, body))
    assert issuer.asked == [], "and nobody is asked for keys"


def test_a_token_signed_with_the_public_key_as_a_shared_secret_is_refused(provider, issuer):
    assert "algorithm" in why(provider, issuer, issuer.signed_with_public_key(exp=NOW + 60))


def test_a_shared_secret_among_the_issuers_keys_is_no_key(provider, issuer):
    secret = OctKey.generate_key(256, {"kid": "shared"})
    issuer.keys.append(secret)

    assert "algorithm" in why(provider, issuer, issuer.signed(secret, "HS256", exp=NOW + 60))
    held = provider.keys()
    assert [key.kid for key in held] == ["first"]


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"aud": "other"}, "aud"),
        ({"aud": ["other", "another"]}, "aud"),
        ({"aud": None}, "aud"),
        ({"iss": "https://evil.example.com"}, "iss"),
        ({"iss": ["https://evil.example.com"]}, "iss"),
        ({"iss": None}, "iss"),
        ({"exp": NOW - 61}, "expired"),
        ({"exp": None}, "exp"),
        ({"nbf": NOW + 120}, "not yet valid"),
        ({"iat": NOW + 120}, "in the future"),
        ({"sub": None}, "sub"),
        ({"exp": "tomorrow"}, "exp"),
    ],
)
def test_a_token_of_another_issuer_audience_or_time_is_refused(provider, issuer, wrong, told):
    assert told in why(provider, issuer, issuer.signed(**{"exp": NOW + 600, **wrong}))


def test_clocks_may_differ_by_what_is_set_and_no_more(provider, issuer):
    assert claims(provider, issuer, issuer.signed(exp=NOW - 59, nbf=NOW + 59))
    assert "expired" in why(provider, issuer, issuer.signed(exp=NOW - 60))


def test_a_slash_at_the_end_of_the_issuers_name_makes_no_difference(provider, issuer):
    assert claims(provider, issuer, issuer.signed(iss=f"{issuer.url}/", exp=NOW + 60))


def test_one_of_several_audiences_is_enough(provider, issuer):
    assert claims(provider, issuer, issuer.signed(aud=["other", "weft"], exp=NOW + 60))


def test_a_token_that_somebody_else_signed_under_the_name_of_a_key_is_refused(provider, issuer):
    stranger = RSAKey.generate_key(2048, {"kid": "first"})

    assert "signature" in why(provider, issuer, issuer.signed(stranger, exp=NOW + 60))


def test_a_token_whose_text_was_changed_is_refused(provider, issuer):
    header, body, signature = issuer.signed(exp=NOW + 60).split(".")
    changed = json.loads(base64.urlsafe_b64decode(body + "=="))
    changed["azp"] = "payroll"
    other = base64.urlsafe_b64encode(json.dumps(changed).encode()).rstrip(b"=").decode()

    assert "signature" in why(provider, issuer, f"{header}.{other}.{signature}")


@pytest.mark.parametrize("token", ["a.b.c", "..", "é.b.c", "e30.e30.e30", "[" * 200_000 + ".b.c"])
def test_what_is_no_token_is_refused_as_one(provider, issuer, token):
    why(provider, issuer, token)


@pytest.mark.parametrize(
    "header",
    [
        {"crit": [5]},
        {"crit": "b64"},
        {"crit": ["b64"], "b64": False},
        {"typ": 5},
        {"jwk": {"kty": "oct"}},
        {"alg": ["RS256"]},
        {"alg": "ES256"},
        {"kid": ["first"]},
        {"zip": "DEF"},
    ],
)
def test_a_header_that_no_issuer_writes_is_refused_and_is_no_fault(provider, issuer, header):
    token = unsigned({"alg": "RS256", "kid": "first", **header}, {"iss": issuer.url, "aud": "weft", "sub": "x"})

    assert why(provider, issuer, f"{token}AAAA")


def test_a_new_key_is_fetched_when_a_token_names_it_but_at_most_once_a_minute(provider, issuer, clock):
    claims(provider, issuer, issuer.signed(exp=NOW + 60))
    made_up = RSAKey.generate_key(2048, {"kid": "made-up"})
    for number in range(20):
        assert "key" in why(provider, issuer, issuer.signed(made_up, kid=f"made-up-{number}", exp=NOW + 60))
    assert issuer.asked.count("/jwks") == 1

    issuer.keys.append(RSAKey.generate_key(2048, {"kid": "second"}))
    clock.now += 61

    assert claims(provider, issuer, issuer.signed(issuer.keys[1], exp=NOW + 60))
    assert issuer.asked.count("/jwks") == 2


def test_a_key_that_was_rotated_out_opens_nothing_any_more(provider, issuer, clock):
    old = issuer.keys[0]
    token = issuer.signed(old, exp=NOW + 6000)
    assert claims(provider, issuer, token)

    issuer.keys = [RSAKey.generate_key(2048, {"kid": "second"})]
    clock.now += 61
    assert claims(provider, issuer, issuer.signed(exp=NOW + 60)), "the new key is seen"

    assert "key" in why(provider, issuer, token)


def test_a_key_that_was_taken_back_is_forgotten_after_five_minutes_also_when_no_new_one_is_used(
    provider, issuer, clock
):
    token = issuer.signed(exp=NOW + 6000)
    assert claims(provider, issuer, token)
    issuer.keys = [RSAKey.generate_key(2048, {"kid": "second"})]

    clock.now += 301

    assert "key" in why(provider, issuer, token)


def test_a_provider_that_is_away_for_a_while_shuts_nobody_out_and_one_that_stays_away_does(provider, issuer, clock):
    token = issuer.signed(exp=NOW + 60)
    assert claims(provider, issuer, token)
    issuer.away = True

    clock.now += 1800
    assert claims(provider, issuer, token)

    clock.now += 3600
    with pytest.raises(PlatformError) as failed:
        claims(provider, issuer, token)
    assert failed.value.diagnostics[0].code == "WFT-ACC-015"


def test_a_provider_that_does_not_answer_is_not_asked_by_every_request(provider, issuer, clock):
    issuer.away = True
    for _ in range(10):
        with pytest.raises(PlatformError):
            provider.keys()
    assert len(issuer.asked) == 1

    issuer.away = False
    clock.now += 6

    held = provider.keys()
    assert [key.kid for key in held] == ["first"]


def test_a_provider_that_calls_itself_by_another_name_is_not_believed(provider, issuer):
    issuer.named = "https://evil.example.com"

    with pytest.raises(PlatformError) as failed:
        provider.description()

    assert failed.value.diagnostics[0].code == "WFT-ACC-015"


def test_without_a_key_id_the_issuers_only_key_is_meant_and_among_several_none(provider, issuer, clock):
    token = issuer.signed(kid=None, exp=NOW + 60)
    assert claims(provider, issuer, token)

    issuer.keys.append(RSAKey.generate_key(2048, {"kid": "second"}))
    clock.now += 301

    assert "which key" in why(provider, issuer, token)
