"""How dates and times are written where a contract says it in a pattern (Source: ODCS, logical type options)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from msgspec import Struct

from weft.contracts.checks import Unusable
from weft.contracts.zones import known_zone, zone_of
from weft.model.odcs import Contract, Property
from weft.model.type_text import TypeText
from weft.sql.quoting import literal

_TWO = "[0-9]{2}"
_ONE_OR_TWO = "[0-9]{1,2}"
_PARTS = {
    "yyyy": ("%Y", "[0-9]{4}"),
    "yy": ("%y", _TWO),
    "M": ("%-m", _ONE_OR_TWO),
    "MM": ("%m", _TWO),
    "MMM": ("%b", "[A-Za-z]{3}"),
    "MMMM": ("%B", "[A-Za-z]+"),
    "d": ("%-d", _ONE_OR_TWO),
    "dd": ("%d", _TWO),
    "DDD": ("%j", "[0-9]{3}"),
    "E": ("%a", "[A-Za-z]{3}"),
    "EEEE": ("%A", "[A-Za-z]+"),
    "H": ("%-H", _ONE_OR_TWO),
    "HH": ("%H", _TWO),
    "h": ("%-I", _ONE_OR_TWO),
    "hh": ("%I", _TWO),
    "m": ("%-M", _ONE_OR_TWO),
    "mm": ("%M", _TWO),
    "s": ("%-S", _ONE_OR_TWO),
    "ss": ("%S", _TWO),
    "SSS": ("%g", "[0-9]{3}"),
    "SSSSSS": ("%f", "[0-9]{6}"),
    "SSSSSSSSS": ("%n", "[0-9]{9}"),
    "a": ("%p", "[AaPp][Mm]"),
    "X": ("%z", "(Z|[+-][0-9]{2}([0-9]{2})?)"),
    "XX": ("%z", "(Z|[+-][0-9]{4})"),
    "XXX": ("%z", "(Z|[+-][0-9]{2}:[0-9]{2})"),
    "Z": ("%z", "[+-][0-9]{4}"),
    "ZZZZZ": ("%z", "(Z|[+-][0-9]{2}:[0-9]{2})"),
    "VV": ("%Z", "[A-Za-z_+/-]+"),
    "z": ("%Z", "[A-Za-z]+"),
}
"""Parts of a pattern (Source: java.time.format.DateTimeFormatter): as strptime names them, and what is written."""

_SAME = {
    "y": "yyyy",
    "u": "yyyy",
    "uuuu": "yyyy",
    "YYYY": "yyyy",
    "uu": "yy",
    "YY": "yy",
    "DD": "dd",
    "D": "d",
    "L": "M",
    "LL": "MM",
    "LLL": "MMM",
    "LLLL": "MMMM",
    "EE": "E",
    "EEE": "E",
    "x": "X",
    "xx": "XX",
    "xxx": "XXX",
    "ZZ": "Z",
    "ZZZ": "Z",
    "zz": "z",
    "zzz": "z",
}
"""Other spellings. `YYYY` and `DD` are the year of a week and the day of the year, but nobody means them."""

_TOKEN = re.compile(r"'(?P<quoted>(?:[^']|'')*)'|(?P<part>([A-Za-z])\3*)|(?P<other>[^A-Za-z'\[\]{}#])")


class Form(Struct, frozen=True):
    """A pattern as DuckDB understands it.

    Attributes:
        strptime: for the function of this name.
        regex: what a text in this form looks like; strptime alone is lenient.
        zoned: whether an offset or a zone is written.
    """

    strptime: str
    regex: str
    zoned: bool


def form_of(pattern: str) -> Form | None:
    """What a pattern says; None where it has parts that are not understood.

    >>> form_of("dd/MM/yyyy")
    Form(strptime='%d/%m/%Y', regex='[0-9]{2}/[0-9]{2}/[0-9]{4}', zoned=False)
    >>> form_of("yyyy-'W'ww") is None
    True
    """
    pieces = list(_pieces(pattern))
    known = [piece for piece in pieces if piece is not None]
    if not pieces or len(known) < len(pieces):
        return None
    names = {name for name, _ in known}
    return Form("".join(name for name, _ in known), "".join(text for _, text in known), bool({"%z", "%Z"} & names))


def _pieces(pattern: str) -> Iterator[tuple[str, str] | None]:
    at = 0
    while at < len(pattern):
        match = _TOKEN.match(pattern, at)
        if match is None:
            yield None
            return
        at = match.end()
        if part := match["part"]:
            yield _PARTS.get(_SAME.get(part, part))
        else:
            text = match["other"] or match["quoted"].replace("''", "'") or "'"
            yield text.replace("%", "%%"), re.escape(text).replace("\\ ", " ").replace("\\/", "/")


def stated_form(prop: Property) -> str | None:
    """The pattern in which a column's dates or times are written, if its contract states one."""
    stated = prop.options.get("format")
    return str(stated) if stated and prop.logical_type in ("date", "timestamp", "time") else None


def written_date(text: str, contract: Contract, prop: Property, wanted: TypeText) -> str | None:
    """SQL of a text as the date or time that is wanted, null where it is not in the contract's form.

    None where the contract states no form, or one that is not understood or does not tell what is wanted.

    Raises:
        Unusable: texts stand in a zone that there is not.
    """
    pattern = stated_form(prop)
    form = form_of(pattern) if pattern else None
    with_zone = wanted.name in ("TIMESTAMPTZ", "TIMESTAMPTZ_NS")
    if form is None or (form.zoned and not with_zone):
        return None
    spelled = f"regexp_replace({text}, 'Z$', '+00')" if "%z" in form.strptime else text
    value = f"try_strptime({spelled}, {literal(form.strptime)})"
    if with_zone and not form.zoned:
        zone = zone_of(contract, prop)
        if known_zone(zone) is None:
            raise Unusable(f"`{prop.name}`: there is no time zone `{zone}`")
        value = f"timezone({literal(zone)}, {value})"
    read = f"TRY_CAST({value} AS {wanted})"
    if wanted.name == "DATE" and any(part in form.strptime for part in ("H", "I")):
        read = f"CASE WHEN CAST({value} AS TIME) = TIME '00:00' THEN {read} END"
    return f"CASE WHEN regexp_full_match({text}, {literal(form.regex)}) THEN {read} END"
