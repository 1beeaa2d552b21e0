"""The glossary: terms that columns of all domains share, read from their files, with what cannot be meant."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from weft.errors import Diagnostic, Where, did_you_mean, error
from weft.model.classification import Classification, parse_classification
from weft.model.document import Document, Pointer, entries, group, text, words

URL = "weft:term/"
"""What the address of a term begins with, where its file gives it none of its own."""


class Standard(Struct, frozen=True):
    """What a column has to be that means a term; what is None or empty is left open.

    Attributes:
        type: an ODCS logical type.
        physical_type: a type of the database, with or without its precision.
        values: the code list.
        level: the least classification.
        tags: that the column carries.
    """

    type: str | None = None
    physical_type: str | None = None
    unit: str | None = None
    values: tuple[str, ...] = ()
    pattern: str | None = None
    level: Classification | None = None
    tags: tuple[str, ...] = ()


class Term(Struct, frozen=True):
    """A term of a glossary.

    Attributes:
        id: its name in its file.
        domain: whose it is; None: of the whole mesh.
        broader: full names of terms that it is a kind of.
        says: what it says itself of its columns.
        standard: the same with what its broader terms say: see `Glossary`.
        url: the address by which columns bind to it, beside `weft:term/NAME`.
        sensitive: what its file says: true, false, or None where it says nothing.
    """

    id: str
    domain: str | None
    title: str
    definition: str
    where: Where
    owner: str | None = None
    status: str = "active"
    synonyms: tuple[str, ...] = ()
    broader: tuple[str, ...] = ()
    replaced_by: str | None = None
    url: str | None = None
    sensitive: bool | None = None
    says: Standard = Standard()
    standard: Standard = Standard()

    @property
    def name(self) -> str:
        """Its name in the whole mesh: `currency`, or `network.gate` for a term of a domain."""
        return self.id if self.domain is None else f"{self.domain}.{self.id}"

    def as_json(self) -> dict[str, Any]:
        """The term as `weft glossary show --format json` prints it."""
        standard = self.standard
        return {
            "name": self.name,
            "domain": self.domain,
            "title": self.title,
            "definition": self.definition,
            "owner": self.owner,
            "status": self.status,
            "synonyms": list(self.synonyms),
            "broader": list(self.broader),
            "replaced_by": self.replaced_by,
            "url": self.url or f"{URL}{self.name}",
            "type": standard.type,
            "physical_type": standard.physical_type,
            "unit": standard.unit,
            "values": list(standard.values),
            "pattern": standard.pattern,
            "sensitive": self.sensitive,
            "classification": str(standard.level) if standard.level is not None else None,
            "tags": list(standard.tags),
        }


def term_from_json(data: Mapping[str, Any]) -> Term:
    """The term that `as_json` wrote, as another weft answers it."""
    level = data["classification"]
    standard = Standard(
        data["type"],
        data["physical_type"],
        data["unit"],
        tuple(data["values"]),
        data["pattern"],
        parse_classification(level) if level is not None else None,
        tuple(data["tags"]),
    )
    url = data["url"]
    return Term(
        str(data["name"]).rpartition(".")[2],
        data["domain"],
        data["title"],
        data["definition"],
        Where("the server's glossary"),
        data["owner"],
        data["status"],
        tuple(data["synonyms"]),
        tuple(data["broader"]),
        data["replaced_by"],
        url if not url.startswith(URL) else None,
        data["sensitive"],
        standard,
        standard,
    )


class Glossary(Struct, frozen=True, dict=True):
    """Every term that is known, by its full name, and what is wrong with the files."""

    terms: Mapping[str, Term] = {}
    problems: tuple[Diagnostic, ...] = ()

    def term(self, name: str, domain: str | None = None) -> Term | None:
        """The term that a name means in a domain: its own one or the mesh's, or one by its full name."""
        own = self.terms.get(f"{domain}.{name}") if domain is not None else None
        return own or self.terms.get(name)

    def at(self, url: str) -> Term | None:
        """The term whose file gives it this address."""
        return self._by_url.get(url)

    def nearest(self, name: str, domain: str | None = None) -> str | None:
        """“Did you mean …?” for a name that is none."""
        known = [t.id if t.domain in (None, domain) else t.name for t in self.terms.values()]
        by_words = {s.lower(): t.name for t in self.terms.values() for s in (*t.synonyms, t.title)}
        meant = by_words.get(name.lower().replace("-", " ").replace("_", " "))
        return f"did you mean `{meant}`?" if meant else did_you_mean(name, known)

    def narrower(self, term: Term) -> tuple[str, ...]:
        """Full names of the terms that are a kind of this one."""
        return tuple(sorted(t.name for t in self.terms.values() if term.name in t.broader))

    @cached_property
    def _by_url(self) -> dict[str, Term]:
        return {term.url: term for term in self.terms.values() if term.url}


def glossary_of(
    mesh: Document | None, domains: Mapping[str, Document], beyond: Mapping[str, Term] | None = None
) -> Glossary:
    """The glossary of a mesh's file and of those of domains; what violates the schema has been told before.

    A term takes from its broader terms what it does not say itself: the nearest one's type, unit and code list; of
    levels the highest one and of tags all, so that a kind of a sensitive thing is never less so.

    Args:
        beyond: terms that are known from elsewhere, by full name; what these files define replaces them.
    """
    problems: list[Diagnostic] = []
    elsewhere = {
        name: term
        for name, term in (beyond or {}).items()
        if term.domain not in domains and (term.domain is not None or mesh is None)
    }
    read = _read(mesh, domains, elsewhere, problems)
    known = Glossary({**elsewhere, **{name: term for name, (term, _, _) in read.items()}})
    found: dict[str, Term] = dict(elsewhere)
    for name, (term, document, at) in read.items():
        broader, unknown = _resolved(term.broader, term, known)
        for place, one in unknown:
            problems.append(no_term(one, known, term.domain, document.where((*at, "broader", place))))
        if term.replaced_by is not None and known.term(term.replaced_by, term.domain) is None:
            problems.append(no_term(term.replaced_by, known, term.domain, document.where((*at, "replacedBy"))))
        found[name] = replace(term, broader=broader)
    found, circles = _without_circles(found, read)
    problems += circles
    whole = {name: term.standard for name, term in elsewhere.items()}
    made = {name: replace(term, standard=_standard(term, found, whole)) for name, term in found.items()}
    return Glossary(made, tuple(problems))


_Read = dict[str, tuple[Term, Document, Pointer]]
"""Terms by full name, each with its document and its place there."""


def _read(
    mesh: Document | None, domains: Mapping[str, Document], elsewhere: Mapping[str, Term], problems: list[Diagnostic]
) -> _Read:
    found: _Read = {}
    urls: dict[str, Term] = {term.url: term for term in elsewhere.values() if term.url}
    files: list[tuple[str | None, Document]] = [(None, mesh)] if mesh is not None else []
    for domain, document in [*files, *sorted(domains.items())]:
        for at, term in _terms(document, domain):
            same = found.get(term.name) or found.get(term.id)
            first = same[0] if same is not None else elsewhere.get(term.id)
            if first is not None:
                problems.append(_twice(f"the term `{term.id}`", document, (*at, "id"), first))
                continue
            if term.url is not None and urls.setdefault(term.url, term) is not term:
                problems.append(_twice(f"the address `{term.url}`", document, (*at, "url"), urls[term.url]))
            found[term.name] = (term, document, at)
            problems += _contradictions(term, document, at)
    return found


def _without_circles(terms: dict[str, Term], read: _Read) -> tuple[dict[str, Term], list[Diagnostic]]:
    """Terms of which none is broader than itself, and a diagnostic for each circle that was cut."""
    within = _entangled(terms)
    circles = {name: circle for name in terms if name in within and (circle := _circle(name, terms, within))}
    problems = []
    told: set[frozenset[str]] = set()
    for name, circle in circles.items():
        if frozenset(circle) in told or name not in read:
            continue
        told.add(frozenset(circle))
        _, document, at = read[name]
        problems.append(
            error(
                "WFT-GOV-041",
                f"the term `{name}` is broader than itself: {' → '.join(circle)}",
                document.where((*at, "broader")),
                why="each stands as `broader` of the one before it",
                fix="take one `broader` of the circle away",
            )
        )
    return {n: replace(term, broader=()) if n in circles else term for n, term in terms.items()}, problems


def no_term(name: str, known: Glossary, domain: str | None, where: Where | None) -> Diagnostic:
    """That there is no term of a name, with the nearest one."""
    return error(
        "WFT-GOV-042",
        f"there is no term `{name}`",
        where,
        fix=known.nearest(name, domain) or "`weft glossary list` shows all terms",
    )


def _terms(document: Document, domain: str | None) -> Iterator[tuple[Pointer, Term]]:
    for number, entry in entries(document.data, "terms"):
        name = text(entry, "id")
        if not name:
            continue  # the schema has told it
        at: Pointer = ("terms", number)
        sensitive = entry.get("sensitive")
        marks = group(entry, "sensitive")
        level = text(marks, "level")
        broader = entry.get("broader")
        values = entry.get("values")
        says = Standard(
            text(entry, "type"),
            text(entry, "physicalType"),
            text(entry, "unit"),
            tuple(_code(v) for v in values) if isinstance(values, list) else (),
            text(entry, "pattern"),
            parse_classification(level) if level else (Classification.CONFIDENTIAL if _is_sensitive(entry) else None),
            words(marks, "tags"),
        )
        yield (
            at,
            Term(
                name,
                domain,
                text(entry, "title") or name,
                text(entry, "definition") or "",
                document.where(at),
                text(entry, "owner"),
                text(entry, "status") or "active",
                words(entry, "synonyms"),
                (broader,) if isinstance(broader, str) else words(entry, "broader"),
                text(entry, "replacedBy"),
                text(entry, "url"),
                None if sensitive is None else _is_sensitive(entry),
                says,
                says,
            ),
        )


def _is_sensitive(entry: Mapping[str, Any]) -> bool:
    found = entry.get("sensitive")
    return found is True or isinstance(found, Mapping)


def _code(entry: Any) -> str:
    """A value of a code list, which may be written with its meaning: `{value: US, title: United States}`."""
    found = entry.get("value") if isinstance(entry, Mapping) else entry
    return str(found).lower() if isinstance(found, bool) else str(found)


def _contradictions(term: Term, document: Document, at: Pointer) -> Iterator[Diagnostic]:
    def wrong(field: str, what: str, fix: str) -> Diagnostic:
        return error("WFT-GOV-044", f"the term `{term.name}` {what}", document.where((*at, field)), fix=fix)

    if term.says.values and term.says.pattern:
        yield wrong("pattern", "has a code list and a pattern", "keep one of `values` and `pattern`")
    twice = next((v for n, v in enumerate(term.says.values) if v in term.says.values[:n]), None)
    if twice is not None:
        yield wrong("values", f"lists the code `{twice}` twice", "keep one of them")
    if term.says.pattern is not None:
        try:
            re.compile(term.says.pattern)
        except (re.error, OverflowError, RecursionError) as e:
            yield wrong("pattern", f"has a pattern that is no regular expression: {e}", "correct it")


def _resolved(names: tuple[str, ...], term: Term, known: Glossary) -> tuple[tuple[str, ...], list[tuple[int, str]]]:
    """Full names of the terms that some names mean, and the names that mean none with their places."""
    found: list[str] = []
    unknown: list[tuple[int, str]] = []
    for place, name in enumerate(names):
        one = known.term(name, term.domain)
        if one is None:
            unknown.append((place, name))
        else:
            found.append(one.name)
    return tuple(dict.fromkeys(found)), unknown


def _entangled(terms: Mapping[str, Term]) -> frozenset[str]:
    """The terms that stand in circles or between them: what is left when the ends of all ways are taken away."""
    broader = {name: {b for b in term.broader if b in terms} for name, term in terms.items()}
    narrower: dict[str, set[str]] = {name: set() for name in terms}
    for name, above in broader.items():
        for one in above:
            narrower[one].add(name)
    for onward, back in ((broader, narrower), (narrower, broader)):
        ends = [name for name, further in onward.items() if not further]
        while ends:
            end = ends.pop()
            for before in back.pop(end):
                onward[before].discard(end)
                if not onward[before]:
                    ends.append(before)
            onward.pop(end)
    return frozenset(broader)


def _circle(name: str, terms: Mapping[str, Term], within: frozenset[str]) -> tuple[str, ...]:
    """The shortest way from a term over broader ones back to itself; empty where there is none."""
    came: dict[str, str] = {}
    waiting = [name]
    for one in waiting:
        for broader in terms[one].broader:
            if broader == name:
                way = [name, one]
                while way[-1] != name:
                    way.append(came[way[-1]])
                return tuple(reversed(way)) if one != name else (name, name)
            if broader in within and broader not in came:
                came[broader] = one
                waiting.append(broader)
    return ()


def _standard(term: Term, terms: Mapping[str, Term], known: dict[str, Standard]) -> Standard:
    """What a term says with what its broader terms say; there is no circle any more."""
    below = [term.name]
    while below:
        name = below[-1]
        missing = [b for b in terms[name].broader if b not in known]
        if missing:
            below += missing  # a chain of terms may be longer than Python may call itself
            continue
        below.pop()
        found = terms[name].says
        for above in (known[b] for b in terms[name].broader):
            listed = bool(found.values or found.pattern)
            found = Standard(
                found.type or above.type,
                found.physical_type or (above.physical_type if found.type in (None, above.type) else None),
                found.unit or above.unit,
                found.values if listed else above.values,
                found.pattern if listed else above.pattern,
                max((v for v in (found.level, above.level) if v is not None), default=None),
                tuple(dict.fromkeys((*found.tags, *above.tags))),
            )
        known[name] = found
    return known[term.name]


def _twice(what: str, document: Document, at: Pointer, first: Term) -> Diagnostic:
    return error(
        "WFT-GOV-040",
        f"{what} is defined twice",
        document.where(at),
        why=f"the first one stands in `{first.where}`",
        fix="a domain may add terms of its own, each under a name of its own: name the wider one as `broader`",
    )
