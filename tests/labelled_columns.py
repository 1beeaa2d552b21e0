"""Columns of which it is known what they hold: people who do not exist, and what only looks like their data.

Made by Faker in six locales, the same ones for the same seed. A quarter of the columns is dirty: nulls, blanks and
words such as `n/a` stand between the values.
"""

from __future__ import annotations

import random
import string
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from faker import Faker

LOCALES = ("en_US", "de_DE", "fr_FR", "es_ES", "it_IT", "pl_PL")
ELSEWHERE = ("en_GB", "nl_NL", "pt_BR", "sv_SE", "cs_CZ", "ja_JP")
"""Locales whose data nobody looked at while patterns were written."""
SIZES = (60, 150, 400)
DRAWS = 4
NEUTRAL = ("value", "c1", "field_7", "attr", "x", "data")
"""Names that say nothing."""

Make = Callable[[], Any]


class Labelled(NamedTuple):
    """A column.

    Attributes:
        table: what it belongs to.
        kind: what it holds; None: nothing of people.
        telling: whether its name says it.
        source: what it was made as.
    """

    table: str
    name: str
    values: list[Any]
    kind: str | None
    telling: bool
    source: str


NAMES: dict[str, dict[str, str]] = {
    "en_US": {
        "email": "contactEmail customer_email_address",
        "phone": "mobile_phone PhoneNumber",
        "iban": "iban payout_iban",
        "card": "credit_card_number card_no",
        "ip": "client_ip last_login_ip",
        "mac": "device_mac mac_address",
        "address": "shipping_address street_line_1",
        "birth-date": "date_of_birth DOB",
        "person-name": "full_name LastName",
        "coordinates": "home_coordinates gps",
    },
    "de_DE": {
        "email": "E-Mail-Adresse kontakt_mail",
        "phone": "Telefonnummer handy_nr",
        "iban": "iban_kunde IBAN",
        "card": "Kreditkartennummer karte",
        "ip": "ip_adresse letzte_ip",
        "mac": "mac_adresse geraet_mac",
        "address": "Wohnanschrift lieferadresse",
        "birth-date": "Geburtsdatum geboren_am",
        "person-name": "Nachname ansprechpartner",
        "coordinates": "standort koordinaten",
    },
    "fr_FR": {
        "email": "courriel adresse_email",
        "phone": "telephone_portable numero_tel",
        "iban": "iban code_iban",
        "card": "numero_carte_bancaire carte",
        "ip": "adresse_ip ip_client",
        "mac": "adresse_mac mac",
        "address": "adresse_postale rue",
        "birth-date": "date_naissance né_le",
        "person-name": "prénom nom_complet",
        "coordinates": "coordonnées gps_position",
    },
    "es_ES": {
        "email": "correo_electronico email_cliente",
        "phone": "teléfono_móvil telefono",
        "iban": "cuenta_iban iban",
        "card": "numero_tarjeta tarjeta_credito",
        "ip": "direccion_ip ip",
        "mac": "mac direccion_mac",
        "address": "dirección domicilio_cliente",
        "birth-date": "fecha_nacimiento fechaDeNacimiento",
        "person-name": "apellidos nombre_completo",
        "coordinates": "coordenadas ubicacion",
    },
    "it_IT": {
        "email": "posta_elettronica indirizzo_email",
        "phone": "cellulare numero_di_telefono",
        "iban": "iban conto_iban",
        "card": "carta_di_credito numero_carta",
        "ip": "indirizzo_ip ip_cliente",
        "mac": "indirizzo_mac mac",
        "address": "indirizzo residenza",
        "birth-date": "data_di_nascita nascita",
        "person-name": "cognome nome_completo",
        "coordinates": "coordinate posizione",
    },
    "pl_PL": {
        "email": "adres_email email",
        "phone": "telefon_komórkowy numer_telefonu",
        "iban": "iban numer_iban",
        "card": "numer_karty karta",
        "ip": "adres_ip ip",
        "mac": "adres_mac mac",
        "address": "ulica adres_zamieszkania",
        "birth-date": "data_urodzenia dataUrodzenia",
        "person-name": "imię_i_nazwisko nazwisko",
        "coordinates": "współrzędne gps",
    },
}
NUMBERED: dict[str, tuple[str, ...]] = {
    "us-ssn": ("ssn", "social_security_number"),
    "gb-nino": ("nino", "ni_number"),
    "gb-nhs": ("nhs_number", "NHSNo"),
    "de-idnr": ("steuer_id", "SteuerIdentifikationsnummer"),
    "fr-nir": ("nir", "numero_securite_sociale"),
    "it-cf": ("codice_fiscale", "cod_fiscale"),
    "es-dni": ("dni", "nif"),
    "es-nie": ("nie", "numero_nie"),
    "nl-bsn": ("bsn", "burgerservicenummer"),
    "pl-pesel": ("pesel", "nr_pesel"),
    "br-cpf": ("cpf", "cpf_cliente"),
    "in-aadhaar": ("aadhaar_number", "aadhaar"),
    "in-pan": ("pan_number", "pan"),
    "cn-ric": ("resident_id", "身份证号"),
}


def labelled(seed: int, locales: Sequence[str] = LOCALES, draws: int = DRAWS) -> Iterator[Labelled]:
    """All columns of one draw; so many draws of the numbers of states. Names are English where we have no others."""
    for place, locale in enumerate(locales):
        fake, rng = Faker(locale), random.Random(seed * 100 + place)
        fake.seed_instance(seed * 100 + place)
        for kind, makes in personal(fake, rng).items():
            for name, make in zip(_names(locale, kind), (makes * 2)[:2], strict=True):
                yield _column(rng, "customers", name, make, kind, True)
            for make in awkward(fake, rng).get(kind, ()):
                yield _column(rng, "customers", rng.choice(_names(locale, kind)), make, kind, True)
            if kind not in ("birth-date", "person-name"):
                for make in (makes * 2)[:2]:
                    yield _column(rng, "rows", rng.choice(NEUTRAL), make, kind, False)
        yield _column(rng, "notes", rng.choice(("notes", "comment", "body")), texts(fake, rng), "free-text", False)
        yield _column(rng, "notes", "value", texts(fake, rng), "free-text", False)
        for name, make in otherwise(fake, rng).items():
            source, _, telling = name.partition(":")
            source, _, table = source.partition("@")
            yield _column(rng, table or "items", telling or rng.choice(NEUTRAL), make, None, False, source)
    for draw in range(draws):
        for kind, make in national(seed * DRAWS + draw).items():
            rng = random.Random(f"{seed} {draw} {kind}")
            for name in NUMBERED[kind]:
                yield _column(rng, "customers", name, make, kind, True)
                yield _column(rng, "rows", rng.choice(NEUTRAL), make, kind, False)
            if kind in ("de-idnr", "nl-bsn", "pl-pesel", "in-aadhaar"):  # as whole numbers, which begin with no zero
                yield _column(rng, "customers", NUMBERED[kind][0], lambda make=make: int(make()), kind, True)


def _names(locale: str, kind: str) -> list[str]:
    return NAMES.get(locale, NAMES["en_US"])[kind].split()


def _column(
    rng: random.Random, table: str, name: str, make: Make, kind: str | None, telling: bool, source: str = ""
) -> Labelled:
    values = [make() for _ in range(rng.choice(SIZES))]
    if rng.random() < 0.25 and isinstance(values[0], str):
        dirt = (None, "", "n/a", "unknown", "-")
        values = [rng.choice(dirt) if rng.random() < 0.08 else value for value in values]
    return Labelled(table, name, values, kind, telling, source or kind or "")


def personal(fake: Faker, rng: random.Random) -> dict[str, list[Make]]:
    """Makers of what every locale has, one or two ways of writing it."""
    return {
        "email": [fake.email, lambda: fake.email().upper() if rng.random() < 0.2 else fake.company_email()],
        "phone": [fake.phone_number],
        "iban": [fake.iban, lambda: _spaced(fake.iban())],
        "card": [fake.credit_card_number, lambda: int(fake.credit_card_number("visa16"))],
        "ip": [fake.ipv4, lambda: fake.ipv6() if rng.random() < 0.3 else fake.ipv4_public()],
        "mac": [fake.mac_address, lambda: fake.mac_address().replace(":", "-").upper()],
        "address": [fake.street_address, lambda: fake.address().replace("\n", ", ")],
        "birth-date": [
            lambda: fake.date_of_birth(minimum_age=0, maximum_age=100),
            lambda: fake.date_of_birth(minimum_age=18, maximum_age=90).strftime(_date_format(fake)),
        ],
        "person-name": [fake.name, fake.last_name],
        "coordinates": [
            lambda: f"{fake.latitude()}, {fake.longitude()}",
            lambda: f"POINT({fake.longitude()} {fake.latitude()})",
        ],
    }


def awkward(fake: Faker, rng: random.Random) -> dict[str, list[Make]]:
    """Makers of the same, written as people and systems write it on bad days."""
    return {
        "email": [
            lambda: f"{fake.name()} <{fake.email()}>",
            lambda: fake.email() if rng.random() < 0.3 else fake.user_name(),
        ],
        "phone": [
            lambda: "".join(c for c in fake.phone_number() if c.isdigit())[:15],
            lambda: int("4" + "".join(rng.choice(string.digits) for _ in range(10))),
            lambda: float(rng.randrange(10**9, 10**10)),
        ],
        "card": [lambda: _spaced(fake.credit_card_number("visa16")), lambda: fake.credit_card_number("amex")],
        "iban": [lambda: fake.iban() if rng.random() < 0.3 else fake.bothify("########")],
        "address": [fake.address, lambda: fake.street_address().upper()],
        "birth-date": [
            lambda: fake.date_of_birth().strftime("%Y%m%d"),
            lambda: f"{fake.date_of_birth().isoformat()} 00:00:00",
            lambda: fake.date_of_birth().year,
        ],
        "person-name": [
            lambda: fake.name().upper(),
            lambda: f"{fake.last_name()}, {fake.first_name()}",
            lambda: fake.first_name().lower(),
        ],
    }


def national(seed: int) -> dict[str, Make]:
    """Makers of numbers by which states know people."""
    from stdnum.iso7064 import mod_11_10

    fakes = {locale: Faker(locale) for locale in ("en_US", "fr_FR", "it_IT", "es_ES", "pl_PL", "nl_NL", "pt_BR")}
    fakes |= {"zh_CN": Faker("zh_CN")}
    for fake in fakes.values():
        fake.seed_instance(seed)
    rng = random.Random(seed)

    def digits(count: int) -> str:
        return "".join(rng.choice(string.digits) for _ in range(count))

    def nino() -> str:
        pair = rng.choice("ABCEHJKLMPRSTWXY") + rng.choice("ABCEHJKLMPRSTWXY")
        pair = "AB" if pair in ("BG", "GB", "KN", "NK", "NT", "TN") else pair
        number = digits(6)
        spaced = f"{pair} {number[:2]} {number[2:4]} {number[4:]} "
        return (spaced if rng.random() < 0.5 else pair + number) + rng.choice("ABCD")

    def health() -> str:
        while True:
            number = digits(9)
            rest = 11 - sum(int(digit) * (10 - place) for place, digit in enumerate(number)) % 11
            if rest != 10:
                return f"{number[:3]} {number[3:6]} {number[6:]}{rest % 11}"

    def tax() -> str:
        while True:
            first = list(rng.sample("123456789", 9))
            number = "".join(first) + rng.choice(first)
            number = "".join(rng.sample(number, 10))
            if number[0] != "0":
                return number + str(mod_11_10.calc_check_digit(number))

    return {
        "us-ssn": fakes["en_US"].ssn,
        "gb-nino": nino,
        "gb-nhs": health,
        "de-idnr": tax,
        "fr-nir": fakes["fr_FR"].ssn,
        "it-cf": fakes["it_IT"].ssn,
        "es-dni": fakes["es_ES"].nif,
        "es-nie": fakes["es_ES"].nie,
        "nl-bsn": fakes["nl_NL"].ssn,
        "pl-pesel": fakes["pl_PL"].pesel,
        "br-cpf": fakes["pt_BR"].cpf,
        "in-aadhaar": lambda: _aadhaar(rng),  # Faker's have another check digit
        "in-pan": lambda: _pan(rng),
        "cn-ric": fakes["zh_CN"].ssn,
    }


def texts(fake: Faker, rng: random.Random) -> Make:
    """A maker of sentences, in one of eight of which something stands that concerns a person."""

    def text() -> str:
        words = fake.sentence(nb_words=rng.randint(6, 14))
        if rng.random() > 0.125:
            return words
        inside = rng.choice(
            (fake.email(), fake.iban(), fake.email(), "+49 30 901820 " + "".join(rng.sample("123456", 2)))
        )
        return f"{words[:-1]} {inside} {fake.sentence(nb_words=4)}"

    return text


def otherwise(fake: Faker, rng: random.Random) -> dict[str, Make]:
    """Makers of what holds nothing of people; behind a colon stands a name that could mislead."""
    words = fake.word
    small = lambda: rng.randint(0, 12)  # noqa: E731
    return {
        "order number": lambda: f"ORD-{rng.randrange(10**8):08}",
        "order number 2": lambda: fake.bothify("??-####-????-##").upper(),
        "order number 3": lambda: fake.numerify("%##-%##-####"),
        "order number 4": lambda: fake.numerify("###-##-####"),
        "order number 5": lambda: 100_000_000 + rng.randrange(90_000),
        "order number 6": lambda: fake.numerify("%###-######-##"),
        "whole number": lambda: rng.randrange(10**9),
        "digits 9": lambda: fake.numerify("#########"),
        "digits 10": lambda: fake.numerify("##########"),
        "digits 11": lambda: fake.numerify("###########"),
        "digits 12": lambda: fake.numerify("############"),
        "digits 16": lambda: fake.numerify("%###############"),
        "digits 16 in groups": lambda: fake.numerify("%### #### #### ####"),
        "numbers like a series": lambda: 4_000_000_000_000_000 + rng.randrange(10**7),
        "date": lambda: fake.date(),
        "local date": lambda: fake.date_object().strftime(_date_format(fake)),
        "a day": fake.date_object,
        "time stamp": lambda: fake.date_time().isoformat(" "),
        "time of day": fake.time,
        "epoch": lambda: rng.randrange(1_500_000_000, 1_800_000_000),
        "epoch in ms": lambda: str(rng.randrange(1_500_000_000_000, 1_800_000_000_000)),
        "amount": lambda: f"{rng.randrange(10**7) / 100:.2f}",
        "local amount": lambda: f"{rng.randrange(10**7) / 100:,.2f}".translate(str.maketrans(",.", ".,")),
        "large amount": lambda: f"{rng.randrange(10**6, 10**9):,}".replace(",", " "),
        "ratio": lambda: rng.random(),
        "percent": lambda: f"{rng.random() * 100:.1f} %",
        "ean 13": fake.ean13,
        "ean 8": fake.ean8,
        "isbn 10": fake.isbn10,
        "isbn 10 in digits": lambda: fake.isbn10().replace("-", ""),
        "isbn 13": fake.isbn13,
        "md5": fake.md5,
        "sha1": fake.sha1,
        "sha256": fake.sha256,
        "uuid": fake.uuid4,
        "hex 12": lambda: f"{rng.randrange(16**12):012x}",
        "imei": lambda: _with_luhn(f"35{rng.randrange(10**12):012}"),
        "version": lambda: f"{rng.randrange(12)}.{rng.randrange(20)}.{rng.randrange(30)}.{rng.randrange(60)}",
        "version 2": lambda: f"10.0.{rng.randrange(10000, 22000)}.{rng.randrange(3000)}",
        "sku": lambda: fake.bothify("???-#####").upper(),
        "sku 2": lambda: fake.bothify("?#######").upper(),
        "sku 3": lambda: fake.bothify("########?").upper(),
        "sku 4": lambda: fake.bothify("?????####?").upper(),
        "sku 5": lambda: fake.bothify("??######?").upper(),
        "batch": lambda: fake.bothify("??##############????").upper(),
        "tracking number": lambda: fake.bothify("1Z###?########").upper(),
        "number plate": fake.license_plate,
        "bic": fake.swift,
        "user name": fake.user_name,
        "host name": fake.hostname,
        "url": fake.url,
        "path": fake.file_path,
        "image": lambda: f"{words()}@{rng.randint(2, 3)}x.png",
        "package": lambda: f"{words()}@{rng.randint(1, 9)}.{small()}.{small()}",
        "handle": lambda: f"@{fake.user_name()}",
        "agent": fake.user_agent,
        "colour": fake.hex_color,
        "sentence": fake.sentence,
        "sentence with numbers": lambda: (
            f"{fake.sentence(5)} {fake.numerify('%##############')} {fake.numerify('##-####')}"
        ),
        "sentence with ids": lambda: f"{fake.sentence(4)} ref {fake.uuid4()} at {fake.date_time().isoformat()}",
        "json": lambda: f'{{"id": {rng.randrange(10**9)}, "state": "{words()}", "at": "{fake.date()}"}}',
        "words": lambda: f"{words()} {words()}".title(),
        "pixels": lambda: f"{rng.randrange(100, 4000)},{rng.randrange(100, 3000)}",
        "measures": lambda: f"{rng.random() * 100:.4f}",
        "company:company_name": fake.company,
        "company:name": fake.company,
        "city:city": fake.city,
        "city:name": fake.city,
        "country:country_name": fake.country,
        "product:product_name": lambda: f"{words()} {words()} {words()}".title(),
        "product:name": lambda: f"{words()} {words()}".title(),
        "company@customers:company_name": fake.company,
        "company@customers:name": fake.company,
        "company@customers:employer_name": fake.company,
        "city@customers:city": fake.city,
        "job@customers:position": fake.job,
        "words@customers:segment": lambda: f"{words()} {words()}".title(),
        "product@customers:last_product_name": lambda: f"{words()} {words()}".title(),
        "number@customers:customer_number": lambda: fake.numerify("%########"),
        "number@customers:tax_id": lambda: rng.randrange(10**8, 10**9),
        "date@customers:created_on": fake.date_object,
        "epoch@customers:phone_verified_at": lambda: rng.randrange(1_500_000_000, 1_800_000_000),
        "user@customers:login_name": fake.user_name,
        "text@customers:remark": fake.sentence,
        "wallet:wallet_address": lambda: "0x" + fake.sha1(),
        "url:web_address": fake.url,
        "host:host": fake.hostname,
        "network:network": lambda: f"{rng.randrange(1, 12)}.{small()}",
        "number:card_count": small,
        "state:email_status": lambda: rng.choice(("sent", "bounced", "opened")),
        "subject:email_subject": fake.sentence,
        "flag:email_verified": lambda: rng.random() < 0.5,
        "type:phone_type": lambda: rng.choice(("mobile", "home", "work")),
        "model:phone_model": lambda: rng.choice(("Pixel 9", "iPhone 17", "Galaxy S26", "Xperia 10")),
        "count:phone_calls": small,
        "type:address_type": lambda: rng.choice(("billing", "shipping")),
        "count:address_count": small,
        "hash:address_hash": fake.sha256,
        "brand:card_type": lambda: rng.choice(("visa", "amex", "maestro")),
        "last four:card_last4": lambda: fake.numerify("####"),
        "city:birth_place": fake.city,
        "country:birth_country": fake.country,
        "weight:birth_weight": lambda: rng.randrange(2000, 4500),
        "ms:latency_ms": lambda: rng.random() * 500,
        "date:order_date": fake.date_object,
        "date:created_at": lambda: fake.date_time().isoformat(" "),
        "date:delivery_date": lambda: fake.date_object().strftime(_date_format(fake)),
        "ean:ean": fake.ean13,
        "ean:product_code": fake.ean13,
        "hash:checksum": fake.md5,
        "version:firmware_version": lambda: f"{small()}.{small()}.{small()}.{small()}",
        "file:file_name": fake.file_name,
        "number:order_id": lambda: rng.randrange(10**10, 10**11),
        "number:invoice_number": lambda: fake.numerify("20########"),
        "job:job_title": fake.job,
        "code:postcode": fake.postcode,
        "user:user_name": fake.user_name,
    }


def _date_format(fake: Faker) -> str:
    return {"en_US": "%m/%d/%Y", "de_DE": "%d.%m.%Y", "pl_PL": "%d.%m.%Y"}.get(fake.locales[0], "%d/%m/%Y")


def _spaced(number: str) -> str:
    return " ".join(number[i : i + 4] for i in range(0, len(number), 4))


def _with_luhn(number: str) -> str:
    from stdnum import luhn

    return number + str(luhn.calc_check_digit(number))


def _aadhaar(rng: random.Random) -> str:
    from stdnum import verhoeff

    number = f"{rng.randrange(2 * 10**10, 10**11)}"
    return number + str(verhoeff.calc_check_digit(number))


def _pan(rng: random.Random) -> str:
    letters = "".join(rng.choice(string.ascii_uppercase) for _ in range(3))
    last = rng.choice(string.ascii_uppercase)
    return f"{letters}{rng.choice('PPPPCHF')}{last}{rng.randrange(1, 10000):04}{rng.choice(string.ascii_uppercase)}"
