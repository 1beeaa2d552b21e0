"""In which form and encoding rows are answered, by what a request accepts (RFC 9110, 12.5)."""

from __future__ import annotations

from msgspec import Struct

from weft.access.reading.wire import Form
from weft.errors import UsageError, error

MEDIA: dict[str, Form] = {
    "application/json": Form.JSON,
    "application/vnd.apache.arrow.stream": Form.ARROW,
    "application/vnd.apache.parquet": Form.PARQUET,
    "text/csv": Form.CSV,
    "application/x-ndjson": Form.NDJSON,
}
"""Forms by their media types, the one first that is taken where any will do."""

_ENCODINGS = ("zstd", "gzip")
_CODECS = ("zstd", "lz4")
_MOST = 2_000


class Chosen(Struct, frozen=True):
    """A form as it is answered.

    Attributes:
        packed: how the bytes as a whole are packed, or Arrow's batches inside.
        encoding: the `Content-Encoding`, or nothing.
    """

    form: Form
    media_type: str
    packed: str = ""
    encoding: str = ""


def chosen(accept: str, accept_encoding: str) -> Chosen:
    """What is answered.

    Arrow is packed inside of its batches, by the parameter `codecs` (`lz4` or `zstd`), and Parquet always is: only text
    has an encoding.

    Raises:
        UsageError: WFT-ACC-048, none of the forms is accepted.
    """
    best: tuple[float, int, str, dict[str, str]] | None = None
    for entry in accept[:_MOST].split(",") if accept.strip() else ["*/*"]:
        kind, parameters = _parsed(entry)
        quality = _quality(parameters)
        for place, media in enumerate(MEDIA):
            exact = kind == media
            if quality > 0 and (exact or kind == "*/*" or kind == f"{media.partition('/')[0]}/*"):
                # what is named wins over what is meant along, then the quality, then our order
                rank = (quality + (1 if exact else 0), -place)
                if best is None or rank > (best[0], best[1]):
                    best = (*rank, media, parameters)
    if best is None:
        raise UsageError(
            error("WFT-ACC-048", "rows are not written in any form that is accepted", fix=f"accept {', '.join(MEDIA)}")
        )
    form = MEDIA[best[2]]
    if form is Form.ARROW:
        codec = next((c for c in best[3].get("codecs", "").split(",") if c in _CODECS), "")
        return Chosen(form, best[2], codec)
    encoding = "" if form is Form.PARQUET else _encoding(accept_encoding)
    media = f"{best[2]}; charset=utf-8; header=present" if form is Form.CSV else best[2]
    return Chosen(form, media, encoding, encoding)


def _encoding(accepted: str) -> str:
    qualities = {name: _quality(parameters) for name, parameters in map(_parsed, accepted[:_MOST].split(","))}
    offered = [(qualities[name], -place, name) for place, name in enumerate(_ENCODINGS) if qualities.get(name, 0) > 0]
    return max(offered)[2] if offered else ""


def _parsed(entry: str) -> tuple[str, dict[str, str]]:
    kind, *parameters = (part.strip() for part in entry.split(";"))
    pairs = (parameter.partition("=") for parameter in parameters)
    return kind.lower(), {name.strip().lower(): value.strip().strip('"') for name, _, value in pairs}


def _quality(parameters: dict[str, str]) -> float:
    try:
        return min(max(float(parameters.get("q", "1")), 0.0), 1.0)
    except ValueError:
        return 0.0
