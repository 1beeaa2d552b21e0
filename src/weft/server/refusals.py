"""How a route's documentation names the problem documents that it may answer with."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from weft.server.problems import MEDIA_TYPE

_ALWAYS = (401, 422, 503)
"""Nobody is known by the credentials; a field is wrong; the registry does not answer."""


def refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route that may refuse with these statuses, beside those that every route has."""
    return {
        status: {"description": HTTPStatus(status).phrase, "content": {MEDIA_TYPE: {"schema": {"type": "object"}}}}
        for status in sorted({*_ALWAYS, *statuses})
    }
