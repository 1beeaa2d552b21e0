"""What is known of a model from its text alone: what it reads, its digest, what is wrong with it."""

from __future__ import annotations

import hashlib
import re

from msgspec import Struct

from weft.sql.allowlist import Walk, walk
from weft.sql.plain import plain_references
from weft.sql.problem import Problem
from weft.sql.statements import ByteOffsets

__all__ = ["Analysis", "Problem", "analyse", "digest"]

# In the JSON text a quotation mark inside a string is escaped, so this never matches inside a literal of the SQL.
# Both places of a node are taken at once: half as many matches.
_PLACE = re.compile(r'"query_location(?:_length)?":\d+,?(?:"query_location_length":\d+,?)?')


class Analysis(Struct, frozen=True):
    """A model's SQL, understood without binding it; offsets are characters of the SQL, from 0.

    Attributes:
        references: each table it names once, in order of appearance, with the offset of the first mention.
        digest: hash of the parsed SQL; comments and layout do not change it, anything else does.
        volatile: functions like now() whose result depends on when it runs.
        problems: errors and warnings.
    """

    references: tuple[tuple[str, int], ...]
    digest: str
    volatile: tuple[tuple[str, int], ...]
    problems: tuple[Problem, ...]


def analyse(sql: str, tree_json: str) -> Analysis:
    """The analysis of a model's SQL from its parse tree (`json_serialize_sql`), which may be an error."""
    plain = plain_references(tree_json)
    if plain is None:
        found = walk(sql, tree_json, qualified=False)
    else:
        at = ByteOffsets(sql)
        found = Walk(tuple((name, at(offset)) for name, offset in plain))
    first: dict[str, int] = {}
    for name, offset in found.references:
        first.setdefault(name, offset)
    return Analysis(tuple(first.items()), digest(tree_json), found.volatile, found.problems)


def digest(tree_json: str) -> str:
    """SHA-256 of a parse tree without places: comments and layout do not change it."""
    return hashlib.sha256(_PLACE.sub("", tree_json).encode("utf-8", "surrogatepass")).hexdigest()
