"""A certificate for this machine alone, for trying a server out over TLS."""

from __future__ import annotations

import datetime as dt
import ipaddress
import os
from pathlib import Path

from weft.server.serving import Certificate

_DAYS = 30


def certificate(folder: Path, now: dt.datetime) -> tuple[Certificate, str]:
    """The certificate of a folder, made anew when it is over, and its SHA-256 fingerprint."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    files = Certificate(folder / "dev-tls.crt", folder / "dev-tls.key")
    if files.cert.is_file() and files.key.is_file():
        found = x509.load_pem_x509_certificate(files.cert.read_bytes())
        if found.not_valid_before_utc <= now < found.not_valid_after_utc - dt.timedelta(days=1):
            return files, _fingerprint(found.fingerprint(hashes.SHA256()))
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    addresses = [x509.IPAddress(ipaddress.ip_address(a)) for a in ("127.0.0.1", "::1")]
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(minutes=5))
        .not_valid_after(now + dt.timedelta(days=_DAYS))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost"), *addresses]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    folder.mkdir(parents=True, exist_ok=True)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    files.key.unlink(missing_ok=True)
    with os.fdopen(os.open(files.key, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(pem)
    files.cert.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    return files, _fingerprint(made.fingerprint(hashes.SHA256()))


def _fingerprint(digest: bytes) -> str:
    return ":".join(f"{byte:02X}" for byte in digest)
