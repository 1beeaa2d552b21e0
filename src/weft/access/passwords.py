"""Passwords of local users: argon2id hashes, made slowly on purpose."""

from __future__ import annotations

import secrets
from functools import cache
from typing import TYPE_CHECKING

from weft.errors import PlatformError, UsageError, error

if TYPE_CHECKING:
    from argon2 import PasswordHasher

LEAST_CHARACTERS = 12
_MOST_BYTES = 1024
"""What is longer nobody types, and hashing it would take a server's time."""


@cache
def _hasher() -> PasswordHasher:
    try:
        from argon2 import PasswordHasher
    except ImportError:
        raise PlatformError(
            error("WFT-CLI-002", "the package `argon2-cffi` is not installed", fix="pip install 'weft[server]'")
        ) from None
    # OWASP Password Storage Cheat Sheet: Argon2id with 19 MiB, 2 passes, 1 lane.
    return PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)


@cache
def _nobody() -> str:
    return _hasher().hash(secrets.token_urlsafe(16))


def generated() -> str:
    """A new password that nobody can guess."""
    return secrets.token_urlsafe(15)


def hashed(password: str) -> str:
    """The hash of a password.

    Raises:
        UsageError: WFT-ACC-022, it is too short or too long.
    """
    if len(password) < LEAST_CHARACTERS or len(password.encode()) > _MOST_BYTES:
        what = f"a password has {LEAST_CHARACTERS} characters or more, and at most {_MOST_BYTES} bytes"
        raise UsageError(error("WFT-ACC-022", what, fix="several words in a row are easy to keep in mind"))
    return _hasher().hash(password)


def fits(kept: str | None, password: str) -> bool:
    """Whether a password is the one of a hash; takes as long where there is none, so that time tells nothing."""
    from argon2.exceptions import InvalidHashError, VerificationError

    if len(password.encode(errors="surrogatepass")) > _MOST_BYTES:
        password = ""
    try:
        return _hasher().verify(kept or _nobody(), password) and kept is not None
    except (VerificationError, InvalidHashError):
        return False


def is_old(kept: str) -> bool:
    """Whether a hash was made with less work than is asked for today."""
    return _hasher().check_needs_rehash(kept)
