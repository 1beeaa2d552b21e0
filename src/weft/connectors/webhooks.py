"""Webhooks: one POST to a checked address, signed; no redirect is followed and no answer is kept."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from urllib.parse import SplitResult, urlsplit

from weft.errors import PlatformError, TransientError, UsageError, error

TIMEOUT_S = 10.0
"""How long one delivery may take, from looking the name up to the end of the answer."""
_ANSWER_BYTES = 64 * 1024
_METADATA = frozenset(map(ipaddress.ip_address, ("168.63.129.16",)))
"""Addresses with public numbers that are services of a cloud's own machine room."""
_INSIDE = tuple(
    map(
        ipaddress.ip_network,
        (
            "0.0.0.0/8",
            "100.64.0.0/10",
            "192.0.0.0/24",
            "192.88.99.0/24",
            "198.18.0.0/15",
            "240.0.0.0/4",
            "::/96",
            "64:ff9b:1::/48",
            "100::/64",
            "2001::/23",
            "2001:db8::/32",
            "3fff::/20",
            "5f00::/16",
            "fec0::/10",
        ),
    )
)
"""Networks for special purposes (Source: IANA, RFC 6890), some of which Python may take for global ones."""
_NAT64 = ipaddress.ip_network("64:ff9b::/96")

Resolve = Callable[[str, int], Sequence[str]]
"""The addresses of a name."""
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def resolved(host: str, port: int) -> list[str]:
    """The addresses of a name, as the system finds them."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def checked_url(url: str, allowed: Collection[str]) -> SplitResult:
    """The parts of a URL to which messages may go.

    Raises:
        UsageError: WFT-OBS-002 it is no such URL, WFT-OBS-004 it names an address inside.
    """
    try:
        parts = urlsplit(url)
        fine = parts.scheme in ("https", "http") and parts.hostname and parts.port != 0
    except ValueError:
        fine = False
    if not fine or any(ord(sign) <= 32 or ord(sign) >= 127 for sign in url):
        raise UsageError(error("WFT-OBS-002", "that is no URL of a webhook", fix="write it like https://host/path"))
    if parts.username is not None or parts.password is not None:
        what = "the URL of a webhook holds a name or password"
        raise UsageError(error("WFT-OBS-002", what, fix="leave it away: messages are signed"))
    host = str(parts.hostname)
    if not _is_allowed(host, allowed):
        if parts.scheme != "https":
            fix = "use https, or have the operator name the host in `[notices] allow_hosts`"
            raise UsageError(error("WFT-OBS-002", f"the webhook on `{host}` is not encrypted", fix=fix))
        with suppress(ValueError):
            _require_outside(host, [str(ipaddress.ip_address(host))])
        if host == "localhost" or host.endswith((".localhost", ".internal", ".local")):
            raise _inside(host)
    return parts


def signature(message_id: str, at: datetime, body: bytes, secret: str) -> str:
    """The value of `webhook-signature` (Source: Standard Webhooks 1.0, symmetric signatures).

    Args:
        secret: `whsec_` and base64, or any other text, which is taken as it is.
    """
    key = base64.b64decode(secret.removeprefix("whsec_")) if secret.startswith("whsec_") else secret.encode()
    signed = f"{message_id}.{int(at.timestamp())}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def post(
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    *,
    allowed: Collection[str],
    resolve: Resolve = resolved,
    timeout_s: float = TIMEOUT_S,
) -> None:
    """Posts a JSON document. Returns when the receiver has taken it.

    Args:
        allowed: names of hosts that may be addresses inside.

    Raises:
        UsageError: WFT-OBS-002 or 004, it may not be sent there.
        TransientError: WFT-OBS-005, it was not taken; another time may do.
        PlatformError: WFT-OBS-006, the receiver wants no more (410).
    """
    parts = checked_url(url, allowed)
    host = str(parts.hostname)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    deadline = time.monotonic() + timeout_s
    addresses = _found(resolve, host, port, timeout_s)
    if not addresses:
        raise _not_taken(host, "its name is not known")
    if not _is_allowed(host, allowed):
        _require_outside(host, addresses)
    try:
        status = _exchange(parts, host, addresses, port, body, headers, deadline)
    except TimeoutError:
        raise _not_taken(host, f"no answer within {timeout_s:g} s") from None
    except ssl.SSLError as e:
        raise _not_taken(host, f"no safe connection: {e.reason or type(e).__name__}") from None
    except (OSError, http.client.HTTPException, ValueError) as e:
        raise _not_taken(host, f"no answer: {type(e).__name__}") from None
    if status == http.HTTPStatus.GONE:
        raise PlatformError(error("WFT-OBS-006", f"`{host}` wants no more messages", why="it answered 410 Gone"))
    if 300 <= status < 400:
        raise _not_taken(host, f"it answered {status}: redirects are not followed")
    if not 200 <= status < 300:
        raise _not_taken(host, f"it answered {status}")


def _found(resolve: Resolve, host: str, port: int, timeout_s: float) -> Sequence[str]:
    """The addresses of a name, or none. The system has no limit of time for a look-up: it may go on by itself.

    Raises:
        TransientError: WFT-OBS-005, nobody has answered for the name in time.
    """
    found: list[str] = []

    def look() -> None:
        with suppress(OSError, UnicodeError):
            found.extend(resolve(host, port))

    looking = threading.Thread(target=look, name="look-up", daemon=True)
    looking.start()
    looking.join(timeout_s)
    if looking.is_alive():
        raise _not_taken(host, f"its name was not found within {timeout_s:g} s")
    return found


def _exchange(
    parts: SplitResult,
    host: str,
    addresses: Sequence[str],
    port: int,
    body: bytes,
    headers: Mapping[str, str],
    deadline: float,
) -> int:
    """The status that a receiver answers with. The connection goes to the address that was checked and no other."""
    ended = threading.Event()
    timeout_s = max(deadline - time.monotonic(), 0.001)
    held = _connected(addresses, port, timeout_s)

    def end() -> None:
        ended.set()
        with suppress(OSError):
            held.shutdown(socket.SHUT_RDWR)

    # a socket's own timeout counts from its last byte: whoever sends one now and then would never be left
    watch = threading.Timer(max(deadline - time.monotonic(), 0), end)
    watch.daemon = True
    watch.start()
    try:
        if parts.scheme == "https":
            held = ssl.create_default_context().wrap_socket(held, server_hostname=host)
            if ended.is_set():  # during the handshake the watch had a socket that was no longer connected to anything
                raise TimeoutError
        connection = http.client.HTTPConnection(host, port, timeout=timeout_s)
        connection.sock = held
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        standard = 443 if parts.scheme == "https" else 80
        name = f"[{host}]" if ":" in host else host
        named = {"Host": name if port == standard else f"{name}:{port}", "Connection": "close"}
        connection.request("POST", path, body, {**headers, **named})
        answer = connection.getresponse()
        if ended.is_set():  # an answer that was cut reads like one that is whole
            raise TimeoutError
        # into a buffer: a chunk of length -1 would be read to the end of the stream, and one of -2 is a ValueError
        with suppress(OSError, http.client.HTTPException, ValueError):
            answer.readinto(bytearray(_ANSWER_BYTES))
        return answer.status
    except (OSError, http.client.HTTPException):
        if ended.is_set():
            raise TimeoutError from None
        raise
    finally:
        watch.cancel()
        held.close()


def _connected(addresses: Sequence[str], port: int, timeout_s: float) -> socket.socket:
    """A connection to the first of the addresses that answers."""
    *first, last = addresses
    for address in first:
        with suppress(OSError):
            return socket.create_connection((address, port), timeout_s / len(addresses))
    return socket.create_connection((last, port), timeout_s / len(addresses))


def _require_outside(host: str, addresses: Sequence[str]) -> None:
    """Refuses a name of which any address is inside: which one is connected to may not be a matter of luck."""
    if not all(_outside(ipaddress.ip_address(address.partition("%")[0])) for address in addresses):
        raise _inside(host)


def _outside(address: _Address) -> bool:
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return _outside(address.ipv4_mapped)
        if address in _NAT64:
            return _outside(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
        if address.sixtofour is not None or address.teredo is not None:
            return False
    inside = address.is_multicast or address in _METADATA or any(address in network for network in _INSIDE)
    return address.is_global and not inside


def _is_allowed(host: str, allowed: Collection[str]) -> bool:
    return host.lower().rstrip(".") in {name.lower().rstrip(".") for name in allowed}


def _inside(host: str) -> UsageError:
    return UsageError(
        error(
            "WFT-OBS-004",
            f"`{host}` is an address inside: of this machine, its network or its cloud",
            why="whoever may subscribe could reach through the server what only the server reaches",
            fix="the operator may name the host in `[notices] allow_hosts`",
        )
    )


def _not_taken(host: str, why: str) -> TransientError:
    return TransientError(error("WFT-OBS-005", f"`{host}` did not take a message", why=why))
