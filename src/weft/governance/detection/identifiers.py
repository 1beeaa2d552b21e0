"""National identifiers of persons: a pattern, the check of python-stdnum, and what such columns are called."""

from __future__ import annotations

import re
from functools import partial

from weft.governance.detection.headers import Headers
from weft.governance.detection.kinds import Kind, Proof
from weft.governance.detection.libraries import of_stdnum, proved
from weft.model.classification import Classification

ANY_WORDS = """
national_id national_identifier national_number national_insurance identity_number id_number
identification_number personal_number person_number personnummer social_security social_security_number
insurance_number tax_number tax_id taxpayer_id fiscal_code citizen_id id_card identity_card passport_or_id ssn
nin tin
"""
ANY = ANY_WORDS.split()
"""Names under which numbers of any country stand."""

_GENERIC = Headers(ANY)
_NINO = re.compile(r"(?!BG|GB|KN|NK|NT|TN)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z]\d{6}[A-D]")


def nino(value: str) -> bool:
    """Whether it is written as a National Insurance number (Source: HMRC NIM39110).

    >>> nino("QQ 12 34 56 C"), nino("AB123456C")
    (False, True)
    """
    return _NINO.fullmatch(value.replace(" ", "").upper()) is not None


def resident(value: str) -> bool:
    """Whether day of birth and check digit of a Chinese number are right; counties come and go, and are not asked."""
    ric = of_stdnum("cn.ric")
    try:
        ric.get_birth_date(value)
    except ValueError:
        return False
    return bool(ric.calc_check_digit(value) == value[-1].upper())


def _stdnum(name: str) -> Proof:
    return partial(proved, name)


def _number(
    id: str,
    title: str,
    pattern: str,
    check: str | Proof,
    says: str,
    *,
    chance: float,
    alone: float | None,
    width: int = 0,
    named: float = 0.5,
) -> Kind:
    return Kind(
        id=id,
        title=title,
        tag="pii.national-id",
        level=Classification.RESTRICTED,
        pattern=pattern,
        proof=_stdnum(check) if isinstance(check, str) else check,
        chance=chance,
        named=named,
        alone=alone,
        says=Headers(says.split()),
        generic=_GENERIC,
        width=width,
        exclusive=True,
        numeric=width > 0,
        package=None if check is nino else "stdnum",
    )


KINDS = (
    _number(
        "us-ssn",
        "United States: Social Security number",
        r"\d{3}-\d{2}-\d{4}",
        "us.ssn",
        "ssn *ssn ss_number socialsecurity",
        chance=0.88,
        alone=0.97,
    ),
    _number(
        "us-ssn",
        "United States: Social Security number",
        r"\d{9}",
        "us.ssn",
        "ssn *ssn ss_number socialsecurity",
        chance=0.88,
        alone=None,
        width=9,
        named=0.95,
    ),
    _number(
        "gb-nino",
        "United Kingdom: National Insurance number",
        r"[A-Z]{2} ?\d{2} ?\d{2} ?\d{2} ?[A-Z]",
        nino,
        "nino ni_number nat_ins",
        chance=0.08,
        alone=0.9,
    ),
    _number(
        "gb-nhs",
        "United Kingdom: NHS number",
        r"\d{3}[ -]\d{3}[ -]\d{4}",
        "gb.nhs",
        "nhs nhs_number nhs_no *nhs",
        chance=0.09,
        alone=0.95,
    ),
    _number(  # ISBN-10 have the same check digit
        "gb-nhs",
        "United Kingdom: NHS number",
        r"\d{10}",
        "gb.nhs",
        "nhs nhs_number nhs_no *nhs",
        chance=0.09,
        alone=None,
        width=10,
    ),
    _number(
        "de-idnr",
        "Germany: Steuer-Identifikationsnummer",
        r"\d{2} ?\d{3} ?\d{3} ?\d{3}",
        "de.idnr",
        "steuer_id steuerid idnr steuernummer steuer_identifikationsnummer steueridentifikationsnummer tin",
        chance=0.02,
        alone=0.8,
        width=11,
    ),
    _number(
        "fr-nir",
        "France: NIR",
        r"[1-478] ?\d{2} ?\d{2} ?\d[\dAB] ?\d{3} ?\d{3} ?\d{2}",
        "fr.nir",
        "nir insee numero_de_securite_sociale numero_securite_sociale securite_sociale num_secu secu",
        chance=0.02,
        alone=0.7,
        width=15,
    ),
    _number(
        "it-cf",
        "Italy: codice fiscale",
        r"[A-Za-z]{6}[\dA-Za-z]{2}[A-Za-z][\dA-Za-z]{2}[A-Za-z][\dA-Za-z]{3}[A-Za-z]",
        "it.codicefiscale",
        "codice_fiscale codicefiscale cod_fiscale cf",
        chance=0.01,
        alone=0.5,
    ),
    _number(
        "es-dni",
        "Spain: DNI",
        r"\d{8}[ -]?[A-Za-z]",
        "es.dni",
        "dni nif documento_nacional documento_de_identidad numero_de_identificacion",
        chance=0.05,
        alone=0.7,
    ),
    _number(
        "es-nie",
        "Spain: NIE",
        r"[XYZxyz][ -]?\d{7}[ -]?[A-Za-z]",
        "es.nie",
        "nie dni nif numero_de_extranjero",
        chance=0.05,
        alone=0.7,
    ),
    _number(
        "nl-bsn",
        "Netherlands: burgerservicenummer",
        r"\d{4}[ .]?\d{2}[ .]?\d{3}|\d{9}",
        "nl.bsn",
        "bsn burgerservicenummer sofinummer sofi",
        chance=0.09,
        alone=0.9,
        width=9,
    ),
    _number(
        "pl-pesel",
        "Poland: PESEL",
        r"\d{11}",
        "pl.pesel",
        "pesel *pesel",
        chance=0.02,
        alone=0.7,
        width=11,
    ),
    _number(
        "br-cpf",
        "Brazil: CPF",
        r"\d{3}\.?\d{3}\.?\d{3}[-/]?\d{2}",
        "br.cpf",
        "cpf *cpf cadastro_de_pessoa",
        chance=0.01,
        alone=0.6,
        width=11,
    ),
    _number(
        "in-aadhaar",
        "India: Aadhaar",
        r"[2-9]\d{3}[ -]?\d{4}[ -]?\d{4}",
        "in_.aadhaar",
        "aadhaar aadhar adhaar uid uidai",
        chance=0.1,
        alone=0.9,
        width=12,
    ),
    _number(
        "in-pan",
        "India: PAN",
        r"[A-Z]{3}[ABCFGHJLPT][A-Z]\d{4}[A-Z]",
        "in_.pan",
        "pan pan_number permanent_account_number",
        chance=0.3,
        alone=0.95,
    ),
    _number(
        "cn-ric",
        "China: resident identity number",
        r"[1-9]\d{5}(?:19|20)\d{2}[01]\d[0-3]\d{4}[\dXx]",
        resident,
        "shenfenzheng resident_id 身份证 身份证号 身份证号码",
        chance=0.01,
        alone=0.5,
        width=18,
    ),
    _number(
        "jp-mynumber",
        "Japan: individual number",
        r"\d{4}[ -]?\d{4}[ -]?\d{4}",
        "jp.in_",
        "my_number mynumber kojin_bango マイナンバー 個人番号",
        chance=0.09,
        alone=None,
        width=12,
    ),
    _number(
        "kr-rrn",
        "South Korea: resident registration number",
        r"\d{6}-?[1-8]\d{6}",
        "kr.rrn",
        "rrn jumin resident_registration 주민등록번호",
        chance=0.02,
        alone=0.8,
        width=13,
    ),
    _number(
        "mx-curp",
        "Mexico: CURP",
        r"[A-Z]{4}\d{6}[A-Z]{6}[A-Z\d]\d",
        "mx.curp",
        "curp clave_unica",
        chance=0.01,
        alone=0.5,
    ),
    _number(
        "ca-sin",
        "Canada: Social Insurance Number",
        r"\d{3}[ -]?\d{3}[ -]?\d{3}",
        "ca.sin",
        "sin sin_number social_insurance nas",
        chance=0.09,
        alone=0.97,
        width=9,
    ),
    _number(
        "za-id",
        "South Africa: identity number",
        r"\d{6} ?\d{4} ?[01]\d{2}",
        "za.idnr",
        "said rsa_id said_number",
        chance=0.02,
        alone=0.8,
        width=13,
    ),
    _number(
        "tr-tckn",
        "Türkiye: T.C. kimlik numarası",
        r"[1-9]\d{10}",
        "tr.tckimlik",
        "tckn tc_kimlik kimlik kimlik_no tckimlik",
        chance=0.01,
        alone=0.7,
        width=11,
    ),
    _number(
        "se-pnr",
        "Sweden: personnummer",
        r"(?:19|20)?\d{6}[-+]?\d{4}",
        "se.personnummer",
        "personnummer persnr",
        chance=0.02,
        alone=0.9,
        width=10,
    ),
    _number(
        "be-nn",
        "Belgium: rijksregisternummer",
        r"\d{2}\.?\d{2}\.?\d{2}-?\d{3}[. ]?\d{2}",
        "be.nn",
        "rijksregisternummer insz niss numero_national registre_national",
        chance=0.01,
        alone=0.7,
        width=11,
    ),
    _number(
        "ch-ahv",
        "Switzerland: AHV number",
        r"756\.?\d{4}\.?\d{4}\.?\d{2}",
        "ch.ssn",
        "ahv avs ahvn ahv_nummer sozialversicherungsnummer",
        chance=0.1,
        alone=0.6,
        width=13,
    ),
)
