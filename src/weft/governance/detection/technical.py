"""E-mail addresses, IBANs, payment cards, IP and MAC addresses."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence

from weft.governance.detection.headers import headers
from weft.governance.detection.kinds import Kind
from weft.governance.detection.libraries import proved
from weft.model.classification import Classification

_FILES_WORDS = """
png jpg jpeg gif svg webp ico js css html json xml pdf txt local
"""
_FILES = frozenset(_FILES_WORDS.split())
_DIGITS = re.compile(r"\D")
_ISSUERS = re.compile(
    r"(?:4\d{12}(?:\d{3}){0,2}|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}|3[47]\d{13}"
    r"|3(?:0[0-5]|[689]\d)\d{11}|6(?:011|4[4-9]\d|5\d\d)\d{12}|35(?:2[89]|[3-8]\d)\d{12}|(?:2131|1800)\d{11}"
    r"|62\d{14,17}|(?:5[0678]|6[0-9])\d{10,17})"
)
EMAIL = r"[\w.%+'!#&*=~-]{1,64}@(?:[\w-]{1,63}\.)+[a-zA-Z][\w-]{1,23}"
"""An address; letters of any alphabet but ours are rare enough to be left out."""
IBAN = r"[A-Z]{2}\d{2} ?(?:[A-Z0-9]{4} ?){2,7}[A-Z0-9]{1,4}"
CARD = r"\d(?:[ -]?\d){11,18}"


def email(value: str) -> bool:
    """Whether it is an address and not a file such as `icon@2x.png`.

    >>> email("ada@example.org"), email("icon@2x.png"), email("a..b@example.org")
    (True, False, False)
    """
    local, _, host = value.rpartition("@")
    if host.rpartition(".")[2].rstrip(">").lower() in _FILES or ".." in value or "-." in host or ".-" in host:
        return False
    local = local.rpartition("<")[2].removeprefix("mailto:")
    return bool(local) and local[0] != "." and local[-1] != "."


def card(value: str) -> bool:
    """Whether an issuer has such numbers and the check digit is right (Source: ISO/IEC 7812-1).

    >>> card("4111 1111 1111 1111"), card("4111 1111 1111 1112")
    (True, False)
    """
    digits = _DIGITS.sub("", value)
    if _ISSUERS.fullmatch(digits) is None or len(set(digits)) == 1:
        return False
    total = 0
    for place, digit in enumerate(reversed(digits)):
        number = int(digit) * (1 + place % 2)
        total += number - 9 if number > 9 else number
    return total % 10 == 0


def iban(value: str) -> bool:
    """Whether its country has such numbers and the check digits are right."""
    return proved("iban", value)


def ip(value: str) -> bool:
    """Whether it is an address of a host, of either version."""
    try:
        ipaddress.ip_address(value.partition("%")[0])
    except ValueError:
        return False
    return True


def spread(values: Sequence[str]) -> bool:
    """Whether numbers are spread as in addresses: those of versions are small.

    >>> spread(["192.168.0.1", "10.20.30.200"]), spread(["1.2.0.4", "10.0.3.1"])
    (True, False)
    """
    large = sum(1 for value in values if ":" in value or max(map(int, value.split("."))) > 63)
    return large >= 0.5 * len(values)


def mac(value: str) -> bool:
    """Whether it is the address of a device and not one that stands for none or for all."""
    return len(set(value.lower()) - set(":.-")) > 1


KINDS = (
    Kind(
        id="email",
        title="e-mail address",
        tag="pii.email",
        level=Classification.CONFIDENTIAL,
        pattern=rf"(?:[^<>@]{{0,80}}<)?(?:mailto:)?{EMAIL}>?",
        proof=email,
        chance=0.001,
        named=0.02,
        alone=0.02,
        says=headers("email *email e_mail mail *mail correo correo_electronico courriel posta_elettronica 邮箱 メール"),
    ),
    Kind(
        id="iban",
        title="IBAN",
        tag="pii.iban",
        level=Classification.RESTRICTED,
        pattern=IBAN,
        proof=iban,
        chance=0.01,
        named=0.02,
        alone=0.02,
        says=headers("iban *iban bank_account account_number konto kontonummer compte cuenta conto rachunek"),
        package="stdnum",
    ),
    Kind(
        id="card",
        title="payment card number",
        tag="pii.card",
        level=Classification.RESTRICTED,
        pattern=CARD,
        proof=card,
        chance=0.06,
        named=0.4,
        alone=0.5,
        says=headers(
            "card credit_card *card card_number cc ccn cc_number cardnumber pan *kartennummer kreditkarte *karte "
            "carte carte_bancaire carte_bleue numero_de_carte tarjeta numero_de_tarjeta carta carta_di_credito karta "
            "cartao"
        ),
        exclusive=True,
        numeric=True,
    ),
    Kind(
        id="ip",
        title="IP address",
        tag="pii.ip",
        level=Classification.CONFIDENTIAL,
        pattern=r"\d{1,3}(?:\.\d{1,3}){3}|[0-9a-fA-F]{0,4}(?::[0-9a-fA-F]{0,4}){2,7}(?::\d{1,3}(?:\.\d{1,3}){3})?",
        proof=ip,
        chance=0.2,
        named=0.5,
        alone=0.9,
        together=spread,
        says=headers("ip ipv4 ipv6 *ip ip_address *ipaddr ip_addr remote_addr adresse_ip ip_adresse direccion_ip host"),
        unless=headers("version release build oid firmware revision section"),
    ),
    Kind(
        id="mac",
        title="MAC address",
        tag="pii.mac",
        level=Classification.CONFIDENTIAL,
        pattern=r"[0-9a-fA-F]{2}(?::[0-9a-fA-F]{2}){5}|[0-9a-fA-F]{2}(?:-[0-9a-fA-F]{2}){5}"
        r"|[0-9a-fA-F]{4}(?:\.[0-9a-fA-F]{4}){2}",
        proof=mac,
        chance=0.01,
        named=0.5,
        alone=0.5,
        says=headers("mac mac_address *macaddr bssid hwaddr adresse_mac mac_adresse device_address"),
    ),
)
