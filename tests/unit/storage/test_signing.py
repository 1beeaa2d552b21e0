"""Signatures are those that Amazon's own client makes."""

from __future__ import annotations

import datetime as dt
from urllib.parse import parse_qsl, urlsplit

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from weft.connections import Secret
from weft.storage.signing import Keys, authorised, digest_of, path_of, query_of, signed_address

NOW = dt.datetime(2026, 5, 24, 1, 2, 3, tzinfo=dt.UTC)
TOKEN = Secret("to/ken+==")
TEXT = st.text(st.characters(min_codepoint=33, max_codepoint=0x2FF, exclude_characters="\x7f"), min_size=1, max_size=30)


def theirs(url: str, method: str, headers: dict[str, str], token: str | None = None) -> str:
    """The signature of botocore for the same request."""
    auth = S3SigV4Auth(Credentials("AKIDEXAMPLE", "sesame", token), "s3", "eu-central-1")
    request = AWSRequest(method, url, headers=headers)
    request.context["timestamp"] = f"{NOW:%Y%m%dT%H%M%SZ}"
    return auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request)


@given(key=TEXT, value=TEXT, content=st.binary(max_size=20), with_token=st.booleans())
def test_a_request_is_signed_as_botocore_signs_it(key: str, value: str, content: bytes, with_token: bool) -> None:
    keys = Keys(Secret("AKIDEXAMPLE"), Secret("sesame"), TOKEN if with_token else None)
    url = f"https://s3.example.org:9000{path_of('bucket', key)}?{query_of({'prefix': value, 'list-type': '2'})}"

    ours = authorised(keys, "eu-central-1", "PUT", url, {}, digest_of(content), NOW)

    sent = {k: v for k, v in ours.items() if k != "authorization"}
    assert ours["authorization"].rpartition("Signature=")[2] == theirs(url, "PUT", sent)
    assert ("x-amz-security-token" in sent) is with_token


@pytest.mark.parametrize("token", [None, TOKEN])
def test_an_address_names_what_it_allows_and_for_how_long(token: Secret | None) -> None:
    keys = Keys(Secret("AKIDEXAMPLE"), Secret("sesame"), token)
    url = f"https://s3.example.org{path_of('bucket', 'a b/é@1.parquet')}"

    made = signed_address(keys, "eu-central-1", "PUT", url, {"Content-Length": "3"}, 900, NOW)

    query = dict(parse_qsl(urlsplit(made).query))
    assert (query["X-Amz-Expires"], query["X-Amz-SignedHeaders"]) == ("900", "content-length;host")
    assert query.get("X-Amz-Security-Token") == (token.value if token else None)
    assert "sesame" not in made


def test_a_secret_of_the_keys_is_not_shown() -> None:
    assert "sesame" not in repr(Keys(Secret("AKIDEXAMPLE"), Secret("sesame")))
