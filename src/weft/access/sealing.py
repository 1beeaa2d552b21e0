"""Secrets of others that are kept to be used again: sealed, so that a copy of the database is no key."""

from __future__ import annotations

import base64
import binascii
import hashlib
import os

_ABOUT = b"weft refresh token 1"
_NONCE = 12


def sealed(text: str, secret: str, owner: str) -> str:
    """A text as only who has the secret can read it, and only for the same owner (AES-256-GCM)."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = os.urandom(_NONCE)
    found = AESGCM(_key(secret)).encrypt(nonce, text.encode(), owner.encode())
    return base64.b64encode(nonce + found).decode()


def unsealed(text: str, secret: str, owner: str) -> str | None:
    """The text; None where it was sealed with another secret, for somebody else, or is damaged."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    try:
        raw = base64.b64decode(text, validate=True)
        return AESGCM(_key(secret)).decrypt(raw[:_NONCE], raw[_NONCE:], owner.encode()).decode()
    except (InvalidTag, ValueError, binascii.Error):
        return None


def _key(secret: str) -> bytes:
    # The secret was made by a provider and is long; HKDF (RFC 5869) only parts this use of it from others.
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    salt = hashlib.sha256(_ABOUT).digest()
    return HKDF(algorithm=SHA256(), length=32, salt=salt, info=_ABOUT).derive(secret.encode())
