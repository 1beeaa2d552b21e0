"""Documents that clients send, as values of the model; what is none is refused, however it is broken."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from weft.errors import UsageError, error

T = TypeVar("T")


def decoded(content: bytes, kind: type[T]) -> T:
    """A body as a value.

    Raises:
        UsageError: WFT-SRV-003, it is none: broken JSON or UTF-8, nested too deeply, a field missing or wrong.
    """
    try:
        return msgspec.json.decode(content, type=kind)
    except RecursionError:
        why = "it is nested too deeply"
    except (msgspec.DecodeError, UnicodeDecodeError) as e:
        why = str(e)
    raise UsageError(error("WFT-SRV-003", f"body: {why}", fix="see /api/v1/openapi.json"))
