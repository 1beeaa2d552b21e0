"""Mail through a server of SMTP: one message in plain text and HTML."""

from __future__ import annotations

import smtplib
import ssl
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime

from msgspec import Struct

from weft.config import NoticesSettings, Secret
from weft.errors import PlatformError, TransientError, UsageError, error

TIMEOUT_S = 20.0
_FOR_GOOD = 500
"""From this answer on a server of mail says that another time would be no better (Source: RFC 5321, section 4.2.1)."""


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


def send(message: EmailMessage, settings: NoticesSettings, password: Secret | None) -> None:
    """Hands a message to the server.

    Raises:
        TransientError: WFT-OBS-005, it was not taken; another time may do.
        PlatformError: WFT-OBS-006, the server refuses the message or its address for good.
    """
    host = settings.smtp_host
    try:
        with _connected(settings) as server:
            if settings.smtp_user:
                server.login(settings.smtp_user, password.value if password is not None else "")
            server.send_message(message)
    except smtplib.SMTPRecipientsRefused as e:
        codes = [code for code, _ in e.recipients.values()]
        raise _refused(host, max(codes), f"it answered {max(codes)} to the address") from None
    except smtplib.SMTPAuthenticationError as e:
        raise _refused(host, 0, f"it answered {e.smtp_code} to the sign-in") from None
    except smtplib.SMTPResponseException as e:
        raise _refused(host, e.smtp_code, f"it answered {e.smtp_code}") from None
    except ssl.SSLError as e:
        raise _refused(host, 0, f"no safe connection: {e.reason or type(e).__name__}") from None
    except (smtplib.SMTPException, OSError) as e:
        raise _refused(host, 0, f"no answer: {type(e).__name__}") from None


def _connected(settings: NoticesSettings) -> smtplib.SMTP:
    if settings.smtp_security == "tls":
        return smtplib.SMTP_SSL(
            settings.smtp_host, settings.smtp_port, timeout=TIMEOUT_S, context=ssl.create_default_context()
        )
    server = smtplib.SMTP(settings.smtp_host, settings.smtp_port, timeout=TIMEOUT_S)
    if settings.smtp_security == "starttls":
        try:
            server.starttls(context=ssl.create_default_context())
        except BaseException:
            server.close()
            raise
    return server


def _refused(host: str, status: int, why: str) -> PlatformError:
    if status >= _FOR_GOOD:
        return PlatformError(error("WFT-OBS-006", f"the mail server `{host}` refuses a message", why=why))
    return TransientError(error("WFT-OBS-005", f"the mail server `{host}` did not take a message", why=why))
