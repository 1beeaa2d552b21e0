"""Webhooks and mail over encrypted connections, and what a receiver may not do to the sender."""

from __future__ import annotations

import datetime as dt
import ipaddress
import socket
import ssl
import threading
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from tests.receivers import mailing, receiving
from weft.config import NoticesSettings
from weft.connections import Secret
from weft.connectors import mail, webhooks
from weft.errors import TransientError, UsageError

HOST = "hooks.example.com"
AT = dt.datetime(2026, 3, 2, tzinfo=dt.UTC)


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate for a host, with its key, that nobody has signed but itself."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    now = dt.datetime.now(dt.UTC)
    names = [x509.DNSName(HOST), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "certificate.pem"
    form = serialization.Encoding.PEM
    private = key.private_bytes(form, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(made.public_bytes(form) + private)
    return path


def server_side(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def test_a_message_goes_encrypted_to_the_address_that_was_checked(certificate, monkeypatch):
    asked: list[str] = []

    def resolve(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"]

    with receiving(server_side(certificate)) as receiver:
        port = receiver.url.rpartition(":")[2]
        url = f"https://{HOST}:{port}/x?y=1"
        with pytest.raises(TransientError, match="no safe connection"):
            webhooks.post(url, b"{}", {}, allowed=[HOST], resolve=resolve)
        assert receiver.requests == []

        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        webhooks.post(url, b"{}", {"webhook-id": "d-1"}, allowed=[HOST], resolve=resolve)

        (request,) = receiver.requests
        assert (request.path, request.headers["host"]) == ("/x?y=1", f"{HOST}:{port}")
        with pytest.raises(UsageError, match="WFT-OBS-004"):
            webhooks.post(url, b"{}", {}, allowed=[], resolve=resolve)
        with pytest.raises(TransientError, match="no safe connection"):
            webhooks.post(
                f"https://other.example.com:{port}/", b"{}", {}, allowed=["other.example.com"], resolve=resolve
            )
    assert asked == [HOST, HOST, HOST, "other.example.com"]


def test_the_next_address_of_a_name_is_tried_when_one_does_not_answer():
    with receiving() as receiver:
        port = receiver.url.rpartition(":")[2]
        webhooks.post(
            f"http://{HOST}:{port}/", b"{}", {}, allowed=[HOST], resolve=lambda h, p: ["127.0.0.2", "127.0.0.1"]
        )

        assert len(receiver.requests) == 1


@contextmanager
def speaking(*parts: bytes, pause_s: float) -> Iterator[int]:
    """A server that answers each connection with parts, a pause before each."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            try:
                while True:
                    connection, _ = listening.accept()
                    with connection:
                        for part in parts:
                            time.sleep(pause_s)
                            connection.sendall(part)
            except OSError:
                return

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield int(listening.getsockname()[1])


@pytest.mark.parametrize(
    "parts", [[b"HTTP/1.1 200 OK\r\n"] + [b"X: y\r\n"] * 200, [b"HTTP/1.1 100 Continue\r\n\r\n"] * 200, [b"H"] * 200]
)
def test_a_receiver_that_answers_drop_by_drop_is_left_in_time(parts):
    with speaking(*parts, pause_s=0.05) as port:
        began = time.monotonic()
        with pytest.raises(TransientError, match="no answer"):
            webhooks.post(f"http://127.0.0.1:{port}/", b"{}", {}, allowed=["127.0.0.1"], timeout_s=0.5)

        assert time.monotonic() - began < 3


def test_an_answer_without_end_is_not_read_to_its_end():
    with speaking(b"HTTP/1.1 200 OK\r\n\r\n", *[b"x" * 65_536] * 2_000, pause_s=0) as port:
        began = time.monotonic()
        webhooks.post(f"http://127.0.0.1:{port}/", b"{}", {}, allowed=["127.0.0.1"], timeout_s=5)

        assert time.monotonic() - began < 3


def test_what_is_no_http_is_a_message_that_was_not_taken():
    with speaking(b"SSH-2.0-OpenSSH_9.9\r\n", pause_s=0) as port, pytest.raises(TransientError, match="WFT-OBS-005"):
        webhooks.post(f"http://127.0.0.1:{port}/", b"{}", {}, allowed=["127.0.0.1"], timeout_s=2)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.100.100.200", "0.0.0.0",
        "224.0.0.1", "255.255.255.255", "192.0.0.192", "168.63.129.16", "::1", "::", "fe80::1%eth0", "fd00:ec2::254",
        "ff02::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "2001:0:4136:e378:8000:63bf:3fff:fdd2",
        "::7f00:1", "::10.1.2.3",
    ],
)  # fmt: skip
def test_no_name_leads_to_an_address_inside(address):
    with pytest.raises(UsageError, match="WFT-OBS-004"):
        webhooks.post(f"https://{HOST}/", b"{}", {}, allowed=[], resolve=lambda host, port: ["93.184.215.14", address])


def test_the_signature_is_that_of_the_standard():
    at = dt.datetime.fromtimestamp(1614265330, dt.UTC)
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

    made = webhooks.signature("msg_p5jXN8AQM9LWM0D4loKWxJek", at, b'{"test": 2432232314}', secret)

    assert made == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_mail_goes_by_starttls_with_a_password_and_not_to_a_server_that_nobody_vouches_for(certificate, monkeypatch):
    message = mail.wrapped(
        mail.Mail("d-1", "ada@example.com", "a\r\nBcc: eve@x", "t", "<p>t</p>"), NoticesSettings(), AT
    )
    assert message["Subject"] == "a Bcc: eve@x"
    with mailing(server_side(certificate), {"weft": "sesame"}) as (box, port):
        settings = NoticesSettings(smtp_host="127.0.0.1", smtp_port=port, smtp_user="weft")
        with pytest.raises(TransientError, match="no safe connection"):
            mail.send(message, settings, Secret("sesame"))
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        with pytest.raises(TransientError, match="535 to the sign-in"):
            mail.send(message, settings, Secret("wrong"))
        assert box.messages == []

        mail.send(message, settings, Secret("sesame"))

        assert [to for to, _ in box.messages] == [["ada@example.com"]]


def test_a_server_of_mail_that_is_not_there_or_cannot_encrypt_is_tried_again():
    message = mail.wrapped(mail.Mail("d-1", "ada@example.com", "a", "t", "<p>t</p>"), NoticesSettings(), AT)
    with mailing() as (box, port), pytest.raises(TransientError, match="WFT-OBS-005"):
        mail.send(message, NoticesSettings(smtp_host="127.0.0.1", smtp_port=port), None)
    assert box.messages == []
    with pytest.raises(TransientError, match="ConnectionRefusedError"):
        mail.send(message, NoticesSettings(smtp_host="127.0.0.1", smtp_port=port), None)


@contextmanager
def talking(*answers: bytes, every_s: float = 0.0) -> Iterator[NoticesSettings]:
    """A server of mail that says one thing after the other, whatever it hears; byte by byte if it takes its time."""

    def serve() -> None:
        with suppress(OSError):
            held, _ = listening.accept()
            with held:
                for answer in answers:
                    if every_s:
                        for byte in answer:
                            held.sendall(bytes([byte]))
                            time.sleep(every_s)
                    else:
                        held.sendall(answer)
                    held.recv(4096)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=serve, daemon=True).start()
        port = int(listening.getsockname()[1])
        yield NoticesSettings(smtp_host="127.0.0.1", smtp_port=port, smtp_security="none", smtp_from="weft@example.com")


MESSAGE = mail.wrapped(mail.Mail("d-1", "ada@example.com", "a", "t", "<p>t</p>"), NoticesSettings(), AT)


@pytest.mark.parametrize(
    "answers", [(b"220 " + b"x" * 300,), (b"220 x\r\n", b"250-x\r\n" * 40)], ids=["greeting", "answer"]
)
def test_a_server_of_mail_that_answers_drop_by_drop_is_left_in_time(answers):
    with talking(*answers, every_s=0.05) as settings:
        began = time.monotonic()
        with pytest.raises(TransientError, match="not done within 1 s"):
            mail.send(MESSAGE, settings, None, timeout_s=0.5, longest_s=1)

        assert time.monotonic() - began < 3


def test_a_message_that_was_taken_is_not_sent_again_since_the_server_does_not_take_leave():
    with talking(
        b"220 x\r\n", b"250 x\r\n", b"250 x\r\n", b"250 x\r\n", b"354 x\r\n", b"250 x\r\n", b"421 x\r\n"
    ) as settings:
        mail.send(MESSAGE, settings, None)


def test_a_server_of_mail_that_wants_a_sign_in_is_tried_again_since_the_message_is_fine():
    with (
        talking(b"220 x\r\n", b"250 x\r\n", b"530 5.7.0 sign in first\r\n", b"250 x\r\n") as settings,
        pytest.raises(TransientError, match="530 to the sign-in"),
    ):
        mail.send(MESSAGE, settings, None)


def test_a_password_that_mail_cannot_say_is_told_without_it():
    with talking(b"220 x\r\n", b"250-x\r\n250 AUTH PLAIN\r\n") as settings:
        signing_in = replace(settings, smtp_user="weft")
        with pytest.raises(TransientError, match="ASCII") as told:
            mail.send(MESSAGE, signing_in, Secret("sésame"))

        assert "sésame" not in str(told.value)


@pytest.mark.parametrize("size", [b"-5", b"-2", b"zz", b"-1", b"7fffffffffffffff", b"f" * 40])
def test_a_receiver_that_lies_about_the_length_of_its_answer_harms_nobody_but_itself(size):
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + size + b"\r\n"
    with speaking(head + b"x" * 65_536, *[b"x" * 65_536] * 400, pause_s=0) as port:
        tracemalloc.start()
        try:
            webhooks.post(f"http://127.0.0.1:{port}/", b"{}", {}, allowed=["127.0.0.1"], timeout_s=5)
            _, most = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

        assert most < 5_000_000


def test_a_receiver_that_takes_all_the_time_for_its_handshake_is_left_when_the_time_is_over(certificate, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    connecting = socket.create_connection

    def slowly(*where: object) -> socket.socket:
        held = connecting(*where)
        time.sleep(0.4)  # as a receiver far away does: the handshake then has a time of its own
        return held

    monkeypatch.setattr(webhooks.socket, "create_connection", slowly)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = int(listening.getsockname()[1])

        def serve() -> None:
            with suppress(OSError):
                taken, _ = listening.accept()
                time.sleep(1.2)
                with server_side(certificate).wrap_socket(taken, server_side=True) as held:
                    held.sendall(b"HTTP/1.1 200 OK\r\n")
                    for _ in range(60):
                        time.sleep(0.1)
                        held.sendall(b"X: y\r\n")

        threading.Thread(target=serve, daemon=True).start()
        began = time.monotonic()
        with pytest.raises(TransientError, match="WFT-OBS-005"):
            webhooks.post(
                f"https://{HOST}:{port}/", b"{}", {}, allowed=[HOST], resolve=lambda h, p: ["127.0.0.1"], timeout_s=1
            )

        assert time.monotonic() - began < 4


def test_a_name_that_nobody_answers_for_is_given_up_in_time():
    gate = threading.Event()

    def resolve(host: str, port: int) -> list[str]:
        gate.wait(10)
        return ["127.0.0.1"]

    began = time.monotonic()
    with pytest.raises(TransientError, match="its name was not found within"):
        webhooks.post(f"https://{HOST}/", b"{}", {}, allowed=[HOST], resolve=resolve, timeout_s=0.3)
    gate.set()

    assert time.monotonic() - began < 3
