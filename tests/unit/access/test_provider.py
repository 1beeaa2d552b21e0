"""A code turned into claims: what the provider answers is believed only as far as it proves itself."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qs

import pytest

from tests.identity_providers import Issuer, issuer_running
from weft.access.provider import Provider
from weft.errors import AccessDenied, PlatformError
from weft.sections.identity import IdentitySettings

NOW = 1_772_000_000
BACK = "https://mesh.example.com/login/callback"


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with issuer_running() as made:
        yield made


@pytest.fixture
def provider(issuer) -> Provider:
    return Provider(IdentitySettings(issuer=issuer.url, client_id="weft"))


def answering(issuer: Issuer, **claims) -> None:
    token = issuer.signed(**{"exp": NOW + 60, "nonce": "n", "azp": None, **claims})
    issuer.token_answer = (200, {"access_token": "a", "token_type": "Bearer", "id_token": token})


def claims(provider: Provider):
    return provider.arrival(code="c", redirect=BACK, nonce="n", verifier="v" * 43, now=NOW).claims


def refused(provider: Provider) -> str:
    with pytest.raises(AccessDenied) as told:
        claims(provider)
    return told.value.diagnostics[0].code


def test_the_code_is_brought_with_what_its_challenge_was_made_of(provider, issuer):
    answering(issuer, email="ada@example.com", groups=[])

    assert claims(provider)["email"] == "ada@example.com"
    brought = {name: values[0] for name, values in parse_qs(issuer.brought).items()}
    assert brought["grant_type"] == "authorization_code"
    assert (brought["code"], brought["code_verifier"]) == ("c", "v" * 43)
    assert (brought["redirect_uri"], brought["client_id"]) == (BACK, "weft")
    assert "/userinfo" not in issuer.asked, "the ID token says all"


def test_what_the_id_token_lacks_is_asked_for_and_wins_over_nothing_that_is_signed(provider, issuer):
    answering(issuer, name="Ada")
    issuer.user_info = {"sub": "svc-1", "email": "ada@example.com", "name": "Somebody"}

    found = claims(provider)

    assert (found["email"], found["name"]) == ("ada@example.com", "Ada")


def test_what_is_told_of_somebody_else_is_not_used(provider, issuer):
    answering(issuer)
    issuer.user_info = {"sub": "svc-2", "email": "root@example.com"}

    assert "email" not in claims(provider)


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"nonce": "of another"}, "WFT-ACC-014"),
        ({"nonce": None}, "WFT-ACC-014"),
        ({"azp": "another-client"}, "WFT-ACC-014"),
        ({"aud": "another-client"}, "WFT-ACC-017"),
        ({"iss": "https://evil.example.com"}, "WFT-ACC-017"),
        ({"exp": NOW - 61}, "WFT-ACC-017"),
    ],
)
def test_an_id_token_for_another_sign_in_client_issuer_or_time_signs_nobody_in(provider, issuer, wrong, code):
    answering(issuer, **wrong)

    assert refused(provider) == code


def test_an_answer_without_an_id_token_signs_nobody_in(provider, issuer):
    issuer.token_answer = (200, {"access_token": "a", "token_type": "Bearer"})

    assert refused(provider) == "WFT-ACC-014"


def test_a_code_that_the_provider_does_not_take_signs_nobody_in(provider, issuer):
    assert refused(provider) == "WFT-ACC-014"


def test_a_provider_that_fails_is_told_as_away(provider, issuer):
    provider.description()
    issuer.token_answer = (500, {})

    with pytest.raises(PlatformError) as failed:
        claims(provider)

    assert failed.value.diagnostics[0].code == "WFT-ACC-015"


def test_a_provider_that_did_not_answer_is_not_waited_for_again_at_once(issuer):
    at = 0.0
    provider = Provider(IdentitySettings(issuer=issuer.url, client_id="weft"), lambda: at)
    issuer.away = True

    for _ in range(5):
        with pytest.raises(PlatformError):
            provider.description()
    assert len(issuer.asked) == 1, "each would keep a thread waiting as long as the provider takes"

    issuer.away = False
    at = 6.0
    assert provider.description()["issuer"] == issuer.url


def test_a_description_that_is_old_still_serves_while_the_provider_is_away(issuer):
    at = 0.0
    provider = Provider(IdentitySettings(issuer=issuer.url, client_id="weft"), lambda: at)
    provider.description()
    issuer.away, at = True, 4000.0

    for _ in range(5):
        assert provider.description()["issuer"] == issuer.url
    assert len(issuer.asked) == 2
