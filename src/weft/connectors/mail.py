"""Mail through a server of SMTP: one message in plain text and HTML."""

from __future__ import annotations

import smtplib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime

from msgspec import Struct

from weft.config import NoticesSettings, Secret
from weft.errors import PlatformError, TransientError, UsageError, error

TIMEOUT_S = 20.0
"""How long a server of mail may say nothing."""
LONGEST_S = 60.0
"""How long one message may take altogether."""
_LOOK_AGAIN_S = 0.1
_FOR_GOOD = 500
"""From this answer on a server of mail says that another time would be no better (Source: RFC 5321, section 4.2.1)."""
_SIGN_IN = frozenset({530, 534, 535, 538})
"""Answers about the sign-in, which the operator mends: the message is fine (Source: RFC 4954, section 6)."""


class Mail(Struct, frozen=True):
    """A message before it is wrapped."""

    message_id: str
    to: str
    subject: str
    text: str
    html: str


def checked_address(text: str) -> str:
    """An address of mail, as it is kept.

    Raises:
        UsageError: WFT-OBS-002, it is none.
    """
    try:
        address = Address(addr_spec=text.strip())
        if not address.username or "." not in f"{address.domain}." or not address.domain or not text.isascii():
            raise ValueError
    except (ValueError, IndexError, AttributeError):
        fix = "write it like ada@example.com"
        raise UsageError(error("WFT-OBS-002", f"`{text}` is no address of mail", fix=fix)) from None
    return str(address.addr_spec)


def wrapped(mail: Mail, settings: NoticesSettings, at: datetime) -> EmailMessage:
    """The message as it goes over the wire. Its id is that of the delivery: a repetition can be seen."""
    message = EmailMessage()
    domain = settings.smtp_from.rpartition("@")[2] or "weft"
    message["From"] = settings.smtp_from
    message["To"] = mail.to
    message["Subject"] = " ".join(mail.subject.split())
    message["Date"] = format_datetime(at)
    message["Message-ID"] = f"<{mail.message_id}@{domain}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody answers that they are on holiday
    message["X-Weft-Delivery"] = mail.message_id
    message.set_content(mail.text)
    message.add_alternative(mail.html, subtype="html")
    return message


def send(
    message: EmailMessage,
    settings: NoticesSettings,
    password: Secret | None,
    *,
    timeout_s: float = TIMEOUT_S,
    longest_s: float = LONGEST_S,
) -> None:
    """Hands a message to the server.

    Args:
        timeout_s: how long the server may say nothing.
        longest_s: how long it may take altogether.

    Raises:
        TransientError: WFT-OBS-005, it was not taken; another time may do.
        PlatformError: WFT-OBS-006, the server refuses the message or its address for good.
    """
    host, over = settings.smtp_host, threading.Event()
    try:
        with _ended(over, longest_s) as watched, _connected(settings, timeout_s, watched) as server:
            if settings.smtp_user:
                server.login(settings.smtp_user, password.value if password is not None else "")
            server.send_message(message)
    except UnicodeError:  # of what is sent only name and password of the sign-in may be other than ASCII
        raise _refused(host, 0, "the sign-in takes ASCII alone, and name or password is not") from None
    except (smtplib.SMTPException, OSError) as e:
        if over.is_set():
            raise _refused(host, 0, f"it was not done within {longest_s:g} s") from None
        raise _failed(host, e) from None


def _failed(host: str, e: smtplib.SMTPException | OSError) -> PlatformError:
    match e:
        case smtplib.SMTPRecipientsRefused():
            status, of = max(code for code, _ in e.recipients.values()), " to the address"
        case smtplib.SMTPAuthenticationError():
            status, of = e.smtp_code, " to the sign-in"
        case smtplib.SMTPResponseException():
            status, of = e.smtp_code, ""
        case ssl.SSLError():
            return _refused(host, 0, f"no safe connection: {e.reason or type(e).__name__}")
        case _:
            return _refused(host, 0, f"no answer: {type(e).__name__}")
    if isinstance(e, smtplib.SMTPAuthenticationError) or status in _SIGN_IN:
        return _refused(host, 0, f"it answered {status} to the sign-in")
    return _refused(host, status, f"it answered {status}{of}")


_Watched = Callable[[smtplib.SMTP], None]


@contextmanager
def _ended(over: threading.Event, longest_s: float) -> Iterator[_Watched]:
    """Takes a connection, and ends it when the time is over.

    A socket's own timeout counts from its last byte: a server that sends one now and then would never be left.
    """
    held: list[smtplib.SMTP] = []
    left = threading.Event()

    def watch() -> None:
        if left.wait(longest_s):
            return
        over.set()
        # again and again: while it connects or shakes hands there is no socket to shut
        while not left.wait(_LOOK_AGAIN_S):
            for server in held:
                with suppress(OSError):
                    if server.sock is not None:
                        server.sock.shutdown(socket.SHUT_RDWR)

    watching = threading.Thread(target=watch, name="mail-watch", daemon=True)
    watching.start()
    try:
        yield held.append
    finally:
        left.set()
        watching.join()


class _Plain(smtplib.SMTP):
    """A connection that is known to whoever watches it before the server has said a word."""

    def __init__(self, settings: NoticesSettings, timeout_s: float, watched: _Watched) -> None:
        watched(self)
        super().__init__(settings.smtp_host, settings.smtp_port, timeout=timeout_s)


class _Encrypted(smtplib.SMTP_SSL):
    """The same over TLS from the first byte."""

    def __init__(self, settings: NoticesSettings, timeout_s: float, watched: _Watched) -> None:
        watched(self)
        context = ssl.create_default_context()
        super().__init__(settings.smtp_host, settings.smtp_port, timeout=timeout_s, context=context)


@contextmanager
def _connected(settings: NoticesSettings, timeout_s: float, watched: _Watched) -> Iterator[smtplib.SMTP]:
    made = _Encrypted if settings.smtp_security == "tls" else _Plain
    server = made(settings, timeout_s, watched)
    try:
        if settings.smtp_security == "starttls":
            server.starttls(context=ssl.create_default_context())
        yield server
        with suppress(smtplib.SMTPException, OSError):  # the message is taken: how the server takes leave is all one
            server.quit()
    finally:
        server.close()


def _refused(host: str, status: int, why: str) -> PlatformError:
    if status >= _FOR_GOOD:
        return PlatformError(error("WFT-OBS-006", f"the mail server `{host}` refuses a message", why=why))
    return TransientError(error("WFT-OBS-005", f"the mail server `{host}` did not take a message", why=why))
