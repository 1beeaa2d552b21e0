"""Errors in the shapes of other protocols: each path has its own, and none tells more than weft's."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET

import pytest

from weft.errors import error
from weft.server.foreign_problems import FILES, TOKENS, iceberg_error, oauth_error, s3_error, shape_at

WHAT = error("WFT-SRV-091", "there is <no> file & more", why="so it is", fix="load it again")


@pytest.mark.parametrize(
    ("path", "shape"),
    [
        ("/iceberg/v1", iceberg_error),
        ("/iceberg/v1/namespaces/x", iceberg_error),
        (TOKENS, oauth_error),
        (f"{FILES}/fleet/x", s3_error),
        (FILES, s3_error),
        ("/iceberg/v12", None),
        ("/iceberg-filesystem", None),
        ("/api/v1/products", None),
    ],
)
def test_each_path_has_the_shape_that_its_clients_know(path, shape):
    assert shape_at(path) is shape


@pytest.mark.parametrize(
    ("status", "answered", "kind"),
    [
        (400, 400, "BadRequestException"),
        (401, 401, "NotAuthorizedException"),
        (403, 403, "ForbiddenException"),
        (404, 404, "NoSuchTableException"),
        (405, 405, "UnsupportedOperationException"),
        (422, 400, "BadRequestException"),
        (500, 500, "ServerException"),
        (503, 503, "ServiceUnavailableException"),
    ],
)
def test_a_catalog_answers_in_its_own_words(status, answered, kind):
    answer = iceberg_error(status, WHAT, {"Retry-After": "5"})

    told = json.loads(answer.body)["error"]
    assert (answer.status_code, told["code"], told["type"]) == (answered, answered, kind)
    words = "there is <no> file & more: so it is; load it again (WFT-SRV-091)"
    assert told["message"] == words if status < 500 else "<no>" not in told["message"]
    assert answer.headers["retry-after"] == "5"


def test_a_namespace_that_is_not_there_is_told_from_a_table():
    answer = iceberg_error(404, error("WFT-SRV-090", "no namespace"), {})

    assert json.loads(answer.body)["error"]["type"] == "NoSuchNamespaceException"


@pytest.mark.parametrize(
    ("status", "answered", "kind"),
    [
        (400, 400, "invalid_request"),
        (422, 400, "invalid_request"),
        (403, 401, "invalid_client"),
        (503, 503, "server_error"),
    ],
)
def test_a_token_endpoint_answers_as_oauth_says(status, answered, kind):
    answer = oauth_error(status, WHAT, {})

    assert (answer.status_code, json.loads(answer.body)["error"]) == (answered, kind)


@pytest.mark.parametrize(
    ("code", "status", "answered", "kind"),
    [
        ("WFT-SRV-091", 403, 403, "AccessDenied"),
        ("WFT-SRV-092", 403, 400, "ExpiredToken"),
        ("WFT-SRV-093", 404, 404, "NoSuchKey"),
        ("WFT-SRV-002", 405, 403, "AccessDenied"),
        ("WFT-SRV-008", 413, 403, "AccessDenied"),
        ("WFT-SRV-009", 415, 403, "AccessDenied"),
        ("WFT-SRV-007", 400, 400, "InvalidRequest"),
        ("WFT-SRV-011", 500, 500, "InternalError"),
        ("WFT-STO-016", 503, 503, "SlowDown"),
    ],
)
def test_a_store_answers_in_xml_and_takes_nothing_that_is_written(code, status, answered, kind):
    answer = s3_error(status, error(code, "there is <no> file & more"), {"Allow": "GET"})

    told = ET.fromstring(answer.body)
    assert (answer.status_code, told.findtext("Code")) == (answered, kind)
    assert "allow" not in answer.headers
    wanted = "these files are for reading alone" if answered != status and kind == "AccessDenied" else "<no> file"
    message = str(told.findtext("Message"))
    assert wanted in message if answered < 500 else code in message and "<no>" not in message
