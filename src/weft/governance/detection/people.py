"""Names of persons and dates of birth: by what the column is called, and by what its values look like."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable

from weft.governance.detection.headers import headers
from weft.governance.detection.kinds import Kind
from weft.model.classification import Classification

_PARTICLES_WORDS = """
de da do das dos del della di du des la le las los lo van von der den ter ten zu zum zur al el ibn bin bint
abu y e i af av of and und et mac mc st san o d l
"""
_PARTICLES = frozenset(_PARTICLES_WORDS.split())
_TITLES = re.compile(
    r"(?i)\b(?:mrs?|ms|mx|miss|dr|prof|univ|sir|lady|dame|herr|frau|hr|fr|mme|mlle|me|sr|sra|srta|don|doña|dott|ssa|ing|"
    r"sig|pan|pani|dipl|mag|bsc|b ?sc|msc|phd|md|dds|dvm|jr|ii|iii|iv|mba|esq|rev)\b\.?|\b[A-Z]\."
)
_COMPANIES = re.compile(
    r"(?i)\b(?:gmbh|ag|kg|kgaa|ohg|gbr|mbh|ug|se|e\.? ?v|inc|llc|llp|lp|ltd|limited|plc|corp|corporation|company|co|"
    r"group|gruppe|groupe|grupo|gruppo|grupa|sons|sa|s\.a|sas|sarl|eurl|sl|s\.l|slne|scoop|coop|spa|s\.p\.a|srl|s\.r\.l|bv|"
    r"b\.v|nv|oy|ab|as|a/s|aps|holding|holdings|partners|associates|associés|hnos|figli|bank|banco|banque|airlines?|"
    r"airways|airport|university|universität|hospital|school|church|hotel|museum|station|fundacja|stowarzyszenie|spółka|"
    r"stiftung|verein|foundation|institute|department|office|team|services?|solutions?|systems?|technologies)\b|&|\+|/"
)
_EASTERN_COMPANIES = re.compile("会社|株式|有限|合同|公司|集团|集團|銀行|银行|大学|病院|医院|주식회사")
_WORD = re.compile(r"[^\W\d_]+(?:['’`.-][^\W\d_]*)*")
_CJK = re.compile(
    r"[\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7af]{1,8}(?:[ \u3000][\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7af]{1,6})?"
)


def _named(value: str, least: int) -> bool:
    if _CJK.fullmatch(value):
        return _EASTERN_COMPANIES.search(value) is None
    if _COMPANIES.search(value):
        return False
    bare = _TITLES.sub(" ", value).replace(",", " ").split()
    if not least <= len(bare) <= 7 and not (least == 1 and not bare):
        return False
    words = [word for word in bare if word.lower() not in _PARTICLES]
    if not all(_WORD.fullmatch(word) for word in bare) or len(words) > 5:
        return False
    lower = [word for word in words if word[0].islower() and "'" not in word and "’" not in word]
    return not lower or len(lower) == len(words) <= 3


def name(value: str) -> bool:
    """Whether it has the shape of a name, or of a part of one.

    >>> name("Geneviève Le Roux"), name("Jones"), name("Jones, Adam B."), name("Acme GmbH"), name("order 12")
    (True, True, True, False, False)
    """
    return _named(value, 1)


def full_name(value: str) -> bool:
    """Whether it has the shape of a name of at least two words.

    >>> full_name("Ada Lovelace"), full_name("Widget")
    (True, False)
    """
    return _named(value, 2)


NAME = Kind(
    id="person-name",
    title="name of a person",
    tag="pii.name",
    level=Classification.CONFIDENTIAL,
    pattern=r"[^\d_@<>{}\[\]|\\;:!?*=%$#]{2,80}",
    proof=name,
    chance=0.4,
    named=0.8,
    says=headers(
        "first_name last_name firstname lastname *firstname *lastname fname lname given_name givenname family_name "
        "familyname surname forename middle_name full_name fullname maiden_name person_name contact_name "
        "contact_person employee_name passenger_name patient_name customer_name client_name guest_name student_name "
        "driver_name member_name user_full_name applicant_name beneficiary_name cardholder cardholder_name "
        "account_holder recipient_name sender_name doctor_name teacher_name author_name owner_name manager_name "
        "name_of_person vorname nachname familienname geburtsname rufname vollname kontoinhaber ansprechpartner "
        "personenname kundenname mitarbeitername prenom nom_de_famille nom_famille nom_complet nom_prenom patronyme "
        "apellido apellidos primer_apellido segundo_apellido nombre_completo nombres cognome nome_completo "
        "nome_e_cognome sobrenome nome_da_mae imie nazwisko imie_i_nazwisko voornaam achternaam fornamn efternamn "
        "fornavn etternavn 姓名 氏名 名字 名前 фамилия имя фио"
    ),
    weak=headers(
        "name names nom nombre nome naam navn namn contact customer client kunde employee mitarbeiter passenger "
        "patient guest student driver member applicant beneficiary recipient sender holder person manager owner "
        "author client cliente empleado cliente dipendente klient pracownik"
    ),
    weak_proof=full_name,
    unless=headers(
        "company employer firm firma organisation organization product item file filename table column field city town "
        "country state region province airport airline carrier brand model event category type status domain host "
        "hostname user username login bank street school hotel ship vessel song album title project team department "
        "group species plant species color colour currency device service server database schema place station store "
        "shop supplier vendor medication drug course metric job role position id key code number no email mail phone "
        "address date count entreprise societe produit ville pays empresa producto ciudad pais azienda prodotto "
        "citta produkt miasto kraj unternehmen stadt land strasse process step stage rule policy tag campaign "
        "channel page"
    ),
    weight=0.75,
)


def born(today: dt.date) -> Callable[[str], bool]:
    """Whether a text is a day on which somebody who lives can have been born, or a year.

    >>> proof = born(dt.date(2026, 1, 1))
    >>> proof("1970-02-28"), proof("31.12.1999"), proof("2027-01-01"), proof("1985"), proof("1985-13-13")
    (True, True, False, True, False)
    """

    def proof(value: str) -> bool:
        parts = [int(part) for part in re.findall(r"\d+", value)[:3]]
        if len(parts) == 1 and len(value) == 8:
            parts = [int(value[:4]), int(value[4:6]), int(value[6:])]
        if len(parts) == 1:
            return today.year - 120 <= parts[0] <= today.year
        if len(parts) != 3:
            return False
        year = next((part for part in (parts[0], parts[2]) if part > 99), None)
        others = parts[1:] if year == parts[0] else parts[:2]
        if year is None:
            year, others = 2000 + parts[2] % 100 - (100 if 2000 + parts[2] > today.year else 0), parts[:2]
        if not (min(others) in range(1, 13) and max(others) in range(1, 32)):
            return False
        return today.year - 120 <= year <= today.year and (year, min(others)) <= (today.year, today.month)

    return proof


BORN_SAYS = headers(
    "birth birthdate birthday birth_date birth_day birth_year date_of_birth dob *dob *birthdate born born_on geboren "
    "geburtsdatum geburtstag geburtsjahr geb_datum gebdatum naissance date_naissance date_de_naissance ne_le "
    "nacimiento fecha_nacimiento fecha_de_nacimiento nascita data_nascita data_di_nascita nascimento data_nascimento "
    "data_de_nascimento urodzenia data_urodzenia geboortedatum fodelsedatum fodselsdato 出生日期 生年月日 生日 рождения"
)


def birth(today: dt.date) -> Kind:
    """The kind of birth dates, as of a day."""
    return Kind(
        id="birth-date",
        title="date of birth",
        tag="pii.birth-date",
        level=Classification.CONFIDENTIAL,
        pattern=r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}(?:[ T][\d:.+Z-]*)?"
        r"|\d{1,2}[-/. ]\d{1,2}[-/. ](?:\d{4}|\d{2})|\d{4}|\d{8}",
        proof=born(today),
        chance=0.6,
        named=0.8,
        says=BORN_SAYS,
        unless=headers("place country city weight order rate count name ort lieu lugar luogo miejsce"),
        weight=0.85,
        numeric=True,
    )
