"""Tokens that an identity provider has signed (JWT, RFC 7519): whether one holds, and what it claims."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

from weft.errors import AccessDenied, error
from weft.sections.identity import IdentitySettings

if TYPE_CHECKING:
    from joserfc.jwk import KeySet

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519")
"""Signatures that are taken: all with a key pair, so that a public key is never a secret to sign with."""


class KeySource(Protocol):
    """Where public keys come from."""

    def keys(self, unknown: str | None = None) -> KeySet:
        """All keys; fetched again when `unknown` is not among them."""
        ...


def checked(
    token: str, source: KeySource, settings: IdentitySettings, *, audience: str, now: float
) -> Mapping[str, Any]:
    """The claims of a token that holds: signed by the issuer, for this audience, at this time.

    Raises:
        AccessDenied: WFT-ACC-017, it does not hold.
        PlatformError: WFT-ACC-015, the provider's keys cannot be had.
    """
    import warnings

    from joserfc import jws, jwt
    from joserfc.errors import ExpiredTokenError, InvalidClaimError, JoseError, MissingClaimError, SecurityWarning

    try:
        header = jws.extract_compact(token.encode("ascii")).headers()
    except (JoseError, ValueError, TypeError, RecursionError):
        _refuse("it is no signed token")
    algorithm, kid = header.get("alg"), header.get("kid")
    if algorithm not in ALGORITHMS:
        _refuse(f"its algorithm is not taken; one of {', '.join(ALGORITHMS)} is")
    keys = list(source.keys(kid if isinstance(kid, str) else None))
    fitting = [k for k in keys if k.kid == kid] if kid is not None else keys
    if len(fitting) != 1:
        _refuse("its key is not among the issuer's" if kid is not None else "it does not say by which key it is signed")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SecurityWarning)  # `EdDSA` has another name by now, not another meaning
            claims = jwt.decode(token, fitting[0], algorithms=list(ALGORITHMS)).claims
        rules = jwt.JWTClaimsRegistry(
            now=int(now),
            leeway=settings.clock_skew_s,
            # Some issuers end their name with a slash, and people leave it out.
            iss={"essential": True, "values": [settings.issuer.rstrip("/"), f"{settings.issuer.rstrip('/')}/"]},
            aud={"essential": True, "value": audience},
            exp={"essential": True},
            sub={"essential": True},
        )
        rules.validate(claims)
    except ExpiredTokenError:
        _refuse("it has expired")
    except MissingClaimError as e:
        _refuse(f"it lacks a claim: {e.description}")
    except InvalidClaimError as e:
        _refuse(f"a claim is not as it must be: {e.description}")
    except (JoseError, ValueError, TypeError, RecursionError):  # TypeError: a header's field of another type than it is
        _refuse("its signature is not the issuer's")
    return claims


def _refuse(why: str) -> NoReturn:
    raise AccessDenied(
        error("WFT-ACC-017", "the token of the identity provider does not hold", why=why, fix="get a new one from it")
    )
