"""Signs what is handed to callers and comes back: cursors, entity tags, links. Nobody else can make or change one."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from pathlib import Path

_SIZE = 32


class Signer:
    """Signs texts for one purpose each; a signature of one purpose is none of another."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def sign(self, purpose: str, *parts: object) -> str:
        """A signature of parts, in hexadecimal digits (HMAC-SHA-256, 128 bits)."""
        told = hmac.new(self._key, purpose.encode(), hashlib.sha256)
        for part in parts:
            raw = repr(part).encode()
            told.update(len(raw).to_bytes(8, "big") + raw)
        return told.hexdigest()[:32]

    def holds(self, signature: str, purpose: str, *parts: object) -> bool:
        """Whether a signature is that of these parts; takes as long for a wrong one as for the right one."""
        return hmac.compare_digest(signature.encode(), self.sign(purpose, *parts).encode())


def signer_in(folder: Path) -> Signer:
    """The signer of a server, whose key lies in a file of its folder and is made the first time."""
    file = folder / "signing.key"
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        part = folder / f".signing-{secrets.token_hex(8)}"
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            out.write(secrets.token_bytes(_SIZE))
        try:
            os.link(part, file)  # whoever is first has made it
        except FileExistsError:
            pass
        finally:
            part.unlink()
    return Signer(file.read_bytes())
