"""Postal addresses and coordinates."""

from __future__ import annotations

import re

from weft.governance.detection.headers import headers
from weft.governance.detection.kinds import Kind
from weft.model.classification import Classification

_ENGLISH = (
    "street|st|avenue|ave|road|rd|boulevard|blvd|lane|ln|drive|dr|court|ct|way|square|sq|terrace|parkway|pkwy|highway|hwy|"
    "crescent|close|grove|gardens?|place|trail|circle|alley|mews|hill|view|views|islands?|isle|ridge|park|plaza|point|"
    "points?|river|rest|roads|route|row|run|shoals?|shores?|skyway|springs?|spurs?|squares?|station|stravenue|stream|"
    "streets|summit|throughway|trace|track|trafficway|tunnel|turnpike|underpass|union|unions|valleys?|via|viaduct|village|"
    "villages|ville|vista|walks?|wall|well|wells|rapids?|ranch|radial|ramp|prairie|ports?|plains?|plain|pines?|pike|path|"
    "passage|parks|parkways|overpass|oval|orchard|neck|mountains?|mount|motorway|mission|mills?|mill|meadows?|manors?|"
    "mall|loop|lodge|locks?|loaf|lights?|lakes?|land|landing|knolls?|keys?|key|junctions?|inlet|hollow|hills|heights|haven|"
    "harbors?|groves|greens?|glens?|gateway|garden|freeway|forks?|forges?|ford|forest|flats?|field|fields|ferry|falls?|"
    "extensions?|expressway|estates?|drives|divide|dam|dale|curve|crossroad|crossing|crest|creek|coves?|courts|corners?|"
    "course|common|cliffs?|club|center|centers|causeway|cape|canyon|camp|bypass|burgs?|brooks?|bridge|branch|bottom|"
    "bluffs?|bend|beach|bayou|arcade|annex"
)
_GERMAN = (
    "stra(?:ß|ss)e|str\\.|gasse|weg|platz|allee|ring|ufer|damm|steig|chaussee|laan|straat|dreef|hof|plein|gracht|kade"
)
_BEFORE = (
    "rue|avenue|boulevard|chemin|impasse|place|all[ée]e|quai|route|cours|calle|c/|avenida|avda\\.?|plaza|paseo|camino|cuesta|"
    "ronda|glorieta|callej[óo]n|pasadizo|v[íi]a|vial|rambla|acceso|urbanizaci[óo]n|alameda|ca[ñn]ada|pasaje|viale|piazza|"
    "corso|vicolo|largo|borgo|contrada|strada|stretto|rotonda|incrocio|canale|rua|travessa|alameda|pra[çc]a|ladeira|"
    "ul\\.|ulica|al\\.|aleja|pl\\.|plac|os\\.|osiedle|rondo|skwer|ulitsa|ул\\."
)
_STREET = re.compile(
    rf"(?is)(?:.{{0,40}}\b)?(?:\d{{1,6}}[a-z]?,? (?:[^\d\n,]{{1,30}} )?(?:{_ENGLISH})\b\.?.{{0,80}}"
    rf"|[^\d\n]{{0,40}}(?:{_GERMAN}) ?\d{{1,5}} ?[a-z]?(?:[/ -]\d{{1,4}})?(?:[\n,].{{0,80}})?"
    rf"|(?:\d{{1,4}},? ?(?:bis|ter)?,? )(?:{_BEFORE}) .{{1,100}}"
    rf"|(?:{_BEFORE}) [^\d\n]{{1,45}}[ ,]+(?:n\.?[°º]? ?)?\d{{1,5}}.{{0,80}})"
)

_LETTERS = re.compile(r"[^\W\d_]{2,}")
_CJK = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7af].*[\d\u4e00-\u9fff\u3040-\u30ff\uac00-\ud7af]", re.DOTALL)


def addressed(value: str) -> bool:
    """Whether it can be a line of an address: words, and a number or several words.

    >>> addressed("49, chemin Legendre"), addressed("avenue Antoine Barre"), addressed("https://example.org/a")
    (True, True, False)
    """
    if "://" in value or "@" in value or "{" in value:
        return False
    if _CJK.fullmatch(value):
        return True
    words = _LETTERS.findall(value)
    numbered = any(c.isdigit() for c in value)
    return bool(words) and (len(words) + numbered) >= 2 and any(c in " .\n-" for c in value)


def street(value: str) -> bool:
    """Whether a street and the number of a house stand in it.

    >>> street("Radischstr. 34-81"), street("20 Elliot Land"), street("Avenida Odalis 65"), street("3 red boxes")
    (True, True, True, False)
    """
    return _STREET.fullmatch(value) is not None and addressed(value)


_ADDRESS_SAYS = headers(
    "address *address addr address_line street street_address strasse *strasse anschrift *anschrift adresse *adresse "
    "rue direccion domicilio calle indirizzo residenza via endereco logradouro rua ulica adres adres_zamieszkania "
    "straat wohnort_strasse home_address billing_address shipping_address mailing_address postal_address "
    "lieferadresse 住所 地址 住址 адрес улица"
)
_ADDRESS_UNLESS = headers(
    "email mail e_mail ip mac web url wallet bitcoin btc memory host id type country city code count number no "
    "network device hardware bus port return_code contract hash"
)
ADDRESS = Kind(
    id="address",
    title="postal address",
    tag="pii.address",
    level=Classification.CONFIDENTIAL,
    pattern=r"(?s).{5,250}",
    proof=addressed,
    chance=0.5,
    named=0.7,
    says=_ADDRESS_SAYS,
    unless=_ADDRESS_UNLESS,
    weight=0.75,
)
"""Under a name that says so."""

STREETS = Kind(
    id="address",
    title="postal address",
    tag="pii.address",
    level=Classification.CONFIDENTIAL,
    pattern=r"(?s)[^@{}<>]{6,250}",
    proof=street,
    chance=0.1,
    named=0.5,
    alone=0.6,
    says=_ADDRESS_SAYS,
    unless=_ADDRESS_UNLESS,
    weight=0.75,
)
"""By the words for streets."""

_NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?")


def on_earth(value: str) -> bool:
    """Whether two numbers are degrees, with so many decimals that they name a place.

    >>> on_earth("52.5163, 13.3777"), on_earth("POINT(13.3777 52.5163)"), on_earth("1.50, 2.50"), on_earth("640,480")
    (True, True, False, False)
    """
    found = _NUMBER.findall(value)
    if len(found) != 2 or any(len(one.partition(".")[2]) < 3 for one in found):
        return False
    first, second = (abs(float(one)) for one in found)
    return min(first, second) <= 90 and max(first, second) <= 180


PAIR = Kind(
    id="coordinates",
    title="coordinates",
    tag="pii.location",
    level=Classification.CONFIDENTIAL,
    pattern=r"(?i)\(?[-+]?\d{1,3}\.\d{3,}°?\s?[,; ]\s?[-+]?\d{1,3}\.\d{3,}°?\)?"
    r"|(?:srid=\d+;)?point ?\([-+\d. ]{5,50}\)",
    proof=on_earth,
    chance=0.3,
    named=0.6,
    alone=0.8,
    says=headers(
        "coordinates coords coordinate location geo gps latlon lat_lon latlng lat_lng lat_long geopoint geo_point "
        "position point koordinaten standort coordonnees coordenadas coordinate posizione wspolrzedne ubicacion"
    ),
    weight=0.7,
)
"""Both in one text."""

DEGREES = Kind(
    id="coordinates",
    title="coordinates",
    tag="pii.location",
    level=Classification.CONFIDENTIAL,
    pattern=r"[-+]?(?:\d{1,2}|1[0-7]\d|180)\.\d{2,}|[-+]?\d{1,3}",
    chance=0.5,
    named=0.9,
    says=headers(
        "latitude longitude lat lon lng *latitude *longitude breitengrad laengengrad latitud longitud latitudine "
        "longitudine szerokosc dlugosc"
    ),
    unless=headers("ms latency ency late count"),
    weight=0.7,
    numeric=True,
)
"""One of both, in a column that is called so."""
