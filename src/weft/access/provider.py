"""The identity provider of a company: what it says of itself, its keys, and the exchange of a code for claims."""

from __future__ import annotations

import threading
import time
import warnings
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from weft.access.claims import claim
from weft.access.tokens_of_others import checked
from weft.errors import AccessDenied, PlatformError, TransientError, error
from weft.sections.identity import IdentitySettings

if TYPE_CHECKING:
    from joserfc.jwk import KeySet

_PATIENCE_S = 10.0
_LARGEST = 1_000_000
_DESCRIBED_FOR_S = 3600.0
_KEYS_FOR_S = 300.0
_STALE_KEYS_FOR_S = 3600.0
_KEYS_EVERY_S = 60.0
"""How often an unknown key makes us ask: whoever sends made-up tokens must not make us flood the provider."""
_AWAY_FOR_S = 5.0
"""For how long a provider that did not answer is not asked again: else each request would wait for it."""


class Keys(Struct, frozen=True):
    """Public keys of the provider, and when they were fetched."""

    found: KeySet
    at: float


class Arrival(Struct, frozen=True):
    """What a provider says of somebody.

    Attributes:
        refresh: the secret by which it can be asked again, where it gives one.
    """

    claims: Mapping[str, Any]
    refresh: str | None = None


class Gone(AccessDenied):
    """The provider says no more who somebody is; whatever else goes wrong with it says nothing about them."""


class Provider:
    """One OpenID provider. Used from several threads; asks over the network, at most as often as it has to."""

    def __init__(self, settings: IdentitySettings, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._clock = clock
        self._guard = threading.Lock()
        self._described: tuple[Mapping[str, Any], float] | None = None
        self._keys: Keys | None = None
        self._asked = float("-inf")
        self._away_since = float("-inf")

    def description(self) -> Mapping[str, Any]:
        """What the provider says of itself (OpenID Connect Discovery, section 4).

        Raises:
            PlatformError: WFT-ACC-015, it does not answer, or says that it is another one.
        """
        with self._guard:
            held, away = self._described, self._clock() - self._away_since < _AWAY_FOR_S
        if held is not None and (away or self._clock() - held[1] < _DESCRIBED_FOR_S):
            return held[0]
        if away:
            raise _away("it did not, a moment ago")
        try:
            found = self._json(f"{self._settings.issuer.rstrip('/')}/.well-known/openid-configuration")
            if str(found.get("issuer")).rstrip("/") != self._settings.issuer.rstrip("/"):
                raise _away(f"it calls itself {found.get('issuer')!r}, not `{self._settings.issuer}`")
            for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
                if not isinstance(found.get(name), str):
                    raise _away(f"it does not say its `{name}`")
        except PlatformError:
            with self._guard:
                self._away_since = self._clock()
            if held is not None:
                return held[0]
            raise
        with self._guard:
            self._described = (found, self._clock())
        return found

    def keys(self, unknown: str | None = None) -> KeySet:
        """The provider's keys; asked for again when they are old, or `unknown` names one that is not among them.

        Raises:
            PlatformError: WFT-ACC-015, there are none and it does not answer.
        """
        with self._guard:
            held, now = self._keys, self._clock()
            usable = held if held is not None and now - held.at < _STALE_KEYS_FOR_S else None
            lacks = unknown is not None and usable is not None and all(k.kid != unknown for k in usable.found)
            wanted = usable is None or lacks or now - usable.at >= _KEYS_FOR_S
            pause = _KEYS_EVERY_S if usable is not None else _AWAY_FOR_S
            due = now - self._asked >= pause
            if wanted and due:
                self._asked = now
        if usable is not None and not (wanted and due):
            return usable.found
        if not due:
            raise _away("it did not, a moment ago")
        try:
            found = self._fetched_keys()
        except PlatformError:
            if usable is not None:
                return usable.found
            raise
        with self._guard:
            self._keys = Keys(found, now)
        return found

    def address(self, *, redirect: str, state: str, nonce: str, verifier: str) -> str:
        """Where a browser goes to sign in (RFC 6749, section 4.1.1, with PKCE, RFC 7636)."""
        with self._client(redirect) as client:
            url, _ = client.create_authorization_url(
                self.description()["authorization_endpoint"], state=state, nonce=nonce, code_verifier=verifier
            )
        return str(url)

    def arrival(self, *, code: str, redirect: str, nonce: str, verifier: str, now: float) -> Arrival:
        """Who has signed in, from the code that their browser has brought.

        Raises:
            AccessDenied: WFT-ACC-014 the provider refuses the code, WFT-ACC-017 its token does not hold.
            PlatformError: WFT-ACC-015, it does not answer.
        """
        answer = self._token(redirect, grant_type="authorization_code", code=code, code_verifier=verifier)
        found = self._identified(answer, now)
        if found is None:
            raise AccessDenied(error("WFT-ACC-014", "the provider sends no ID token", fix="ask for the scope `openid`"))
        if found.get("nonce") != nonce:
            raise AccessDenied(
                error("WFT-ACC-014", "the ID token was made for another sign-in", why="its nonce is another")
            )
        return Arrival(self._with_user_info(found, answer.get("access_token")), _text(answer.get("refresh_token")))

    def again(self, refresh: str, *, subject: str, now: float) -> Arrival:
        """What it says today of somebody who has signed in before (OpenID Connect Core, section 12).

        Raises:
            Gone: WFT-ACC-014, the secret stands for nobody any more, or for somebody else.
            AccessDenied: WFT-ACC-014 it refuses this server, WFT-ACC-017 its token does not hold.
            PlatformError: WFT-ACC-015, it does not answer as it should.
        """
        answer = self._token("", grant_type="refresh_token", refresh_token=refresh)
        found = self._with_user_info(self._identified(answer, now) or {"sub": subject}, answer.get("access_token"))
        if found.get("sub") != subject:
            raise Gone(error("WFT-ACC-014", "the provider means somebody else by now", why="its `sub` is another"))
        if len(found) == 1:
            raise _away("it tells neither by an ID token nor at its userinfo endpoint who it is")
        return Arrival(found, _text(answer.get("refresh_token")) or refresh)

    def _token(self, redirect: str, **asked: str) -> Mapping[str, Any]:
        """What the provider's token endpoint answers."""
        from authlib.common.errors import AuthlibBaseError

        failures: tuple[type[Exception], ...] = (*_failures(), ValueError)
        try:
            with self._client(redirect) as client:
                if asked["grant_type"] == "refresh_token":
                    client.scope = None  # RFC 6749, section 6: what was granted; some providers refuse to hear it again
                answer: Mapping[str, Any] = client.fetch_token(self.description()["token_endpoint"], **asked)
        except AuthlibBaseError as e:
            # RFC 6749, section 5.2: of all errors this one alone is about the code or the secret that was brought.
            kind = Gone if e.error == "invalid_grant" else AccessDenied
            raise kind(
                error("WFT-ACC-014", "the provider refuses the sign-in", why=str(e.error), fix="sign in again")
            ) from None
        except failures as e:
            raise _away(type(e).__name__) from e
        return answer

    def _identified(self, answer: Mapping[str, Any], now: float) -> Mapping[str, Any] | None:
        """The claims of the ID token of an answer, which is for this server; None where there is none."""
        token = answer.get("id_token")
        if not isinstance(token, str):
            return None
        found = checked(token, self, self._settings, audience=self._settings.client_id, now=now)
        authorised = found.get("azp")
        if authorised is not None and authorised != self._settings.client_id:
            raise AccessDenied(error("WFT-ACC-014", "the ID token was made for another client"))
        return found

    def _with_user_info(self, found: Mapping[str, Any], access: Any) -> Mapping[str, Any]:
        """The claims and, where the ID token lacks the name or the groups, what the provider tells besides."""
        lacks = any(claim(found, path) is None for path in (self._settings.user_claim, self._settings.groups_claim))
        url = self.description().get("userinfo_endpoint")
        if not lacks or not isinstance(url, str) or not isinstance(access, str):
            return found
        told = self._json(url, {"Authorization": f"Bearer {access}"})
        # OpenID Connect Core, section 5.3.2: what is told of somebody else is not used.
        return {**told, **found} if told.get("sub") == found["sub"] else found

    def _client(self, redirect: str) -> Any:
        with warnings.catch_warnings():
            # Authlib tells those who use httpx that it prefers another package; httpx is what we ship.
            from authlib.deprecate import AuthlibDeprecationWarning  # this import itself says that it is always shown

            warnings.simplefilter("ignore", AuthlibDeprecationWarning)
            from authlib.integrations import httpx_client
        secret = self._settings.client_secret
        method = "client_secret_basic"
        offered = self.description().get("token_endpoint_auth_methods_supported")
        if isinstance(offered, list) and method not in offered and "client_secret_post" in offered:
            method = "client_secret_post"
        made: Any = httpx_client.OAuth2Client
        return made(
            client_id=self._settings.client_id,
            client_secret=secret.secret("`identity.client_secret`").value if secret is not None else None,
            token_endpoint_auth_method=method if secret is not None else "none",
            scope=" ".join(dict.fromkeys(("openid", *self._settings.scopes))),
            redirect_uri=redirect,
            code_challenge_method="S256",
            timeout=_PATIENCE_S,
        )

    def _fetched_keys(self) -> KeySet:
        from joserfc.errors import JoseError
        from joserfc.jwk import KeySet

        document = self._json(self.description()["jwks_uri"])
        listed = document.get("keys")
        keys = []
        for one in listed if isinstance(listed, list) else ():
            # Keys of kinds that we do not know, or for encryption, are none of ours; a shared secret is never a key.
            if isinstance(one, dict) and one.get("kty") in ("RSA", "EC", "OKP") and one.get("use", "sig") == "sig":
                try:
                    keys += list(KeySet.import_key_set({"keys": [one]}))
                except (JoseError, ValueError):
                    continue
        if not keys:
            raise _away("it shows no key that signs")
        return KeySet(keys)

    def _json(self, url: str, headers: Mapping[str, str] | None = None) -> Mapping[str, Any]:
        import httpx

        headers = {"Accept": "application/json", **(headers or {})}

        try:
            with httpx.stream("GET", url, timeout=_PATIENCE_S, headers=headers) as answer:
                answer.raise_for_status()
                text = bytearray()
                for part in answer.iter_bytes():
                    text += part
                    if len(text) > _LARGEST:
                        raise _away(f"{url} answers more than {_LARGEST} bytes")
        except httpx.HTTPError as e:
            raise _away(f"{url}: {type(e).__name__}") from e
        return _object(bytes(text), url)


def _failures() -> tuple[type[Exception], ...]:
    """What asking over HTTP raises: Authlib takes httpx2 where another package has brought it, else httpx."""
    import importlib.util

    import httpx

    if importlib.util.find_spec("httpx2") is None:
        return (httpx.HTTPError,)
    return httpx.HTTPError, importlib.import_module("httpx2").HTTPError


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _object(text: bytes, url: str) -> Mapping[str, Any]:
    import json

    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise _away(f"{url} is no JSON object")
    return found


def _away(why: str) -> TransientError:
    return TransientError(
        error(
            "WFT-ACC-015",
            "the identity provider does not answer as it should",
            why=why,
            fix="check `identity.issuer`, and that this machine reaches it; tokens of weft and local users still work",
        )
    )
