"""Signs what is handed to callers and comes back: cursors, entity tags, links. Nobody else can make or change one."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Sequence


class Signer:
    """Signs texts for one purpose each; a signature of one purpose is none of another.

    Args:
        keys: the key that signs, and behind it those whose signatures still hold; asked each time.
    """

    def __init__(self, keys: Callable[[], Sequence[bytes]]) -> None:
        self._keys = keys

    def sign(self, purpose: str, *parts: object) -> str:
        """A signature of parts, in hexadecimal digits (HMAC-SHA-256, 128 bits)."""
        return _signed(self._keys()[0], purpose, parts)

    def holds(self, signature: str, purpose: str, *parts: object) -> bool:
        """Whether a signature is that of these parts; takes as long for a wrong one as for the right one."""
        given = signature.encode()
        found = [hmac.compare_digest(given, _signed(key, purpose, parts).encode()) for key in self._keys()]
        return any(found)

    def secrets(self, purpose: str) -> list[str]:
        """Secrets of 256 bits that follow from the keys: the one to use, and behind it those that still hold."""
        return [_signed(key, purpose, (1,)) + _signed(key, purpose, (2,)) for key in self._keys()]


def _signed(key: bytes, purpose: str, parts: Sequence[object]) -> str:
    told = hmac.new(key, purpose.encode(), hashlib.sha256)
    for part in parts:
        raw = repr(part).encode()
        told.update(len(raw).to_bytes(8, "big") + raw)
    return told.hexdigest()[:32]
