"""Why a server is not reached, and what helps."""

from __future__ import annotations


def tls_fix(failure: Exception) -> str | None:
    """What helps where a server's certificate is not taken; None where the failure is another one.

    >>> tls_fix(OSError("[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: Hostname mismatch, …"))
    'use the name that the certificate is made for'
    >>> tls_fix(OSError("[Errno 111] Connection refused"))
    """
    text = str(failure)
    if "CERTIFICATE_VERIFY_FAILED" not in text:
        return (
            "is the address `https://…` where it says `http://…`, or the other way round?" if "[SSL" in text else None
        )
    if "mismatch" in text:
        return "use the name that the certificate is made for"
    return (
        "the variable SSL_CERT_FILE names a file of certificates (PEM) that are trusted: that of your company, or the "
        "one that `weft serve --dev-tls` prints"
    )
