"""Files of access policies become values, with a diagnostic for everything in them that cannot be meant."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any, Literal

from weft.access.masks import NULL, SHOWN, Mask
from weft.access.policies import DEFAULTS, Default, Policies, ReaderEntry, Rule, Terms, Who
from weft.access.row_filters import NAMES, Unusable, attributes_of
from weft.errors import Diagnostic, did_you_mean, error
from weft.model.classification import Classification, parse_classification
from weft.model.document import Document, Pointer
from weft.project.access import MESH_FILE

_OF_THE_MESH = ("defaults", "readers", "requests")
_EFFECTS: tuple[Literal["deny", "mask", "filter"], ...] = ("deny", "mask", "filter")
_DURATION = re.compile(r"(\d+) ?(h|hours?|d|days?)")


def policies_of(mesh: Document | None, domains: Mapping[str, tuple[Document, ...]]) -> Policies:
    """The policies of the mesh's file and of those of domains; what violates the schema has been told before.

    Args:
        mesh: None: there is none, and the defaults hold.
        domains: the files of each domain, by its name.
    """
    problems: list[Diagnostic] = []
    rules: list[Rule] = []
    found = Policies()
    if mesh is not None:
        rules += _rules(mesh, None, problems)
        found = Policies((), _defaults(mesh), _readers(mesh, problems), _terms(mesh), mesh.file)
    known = NAMES | {name for entry in found.readers for name, _ in entry.attributes}
    for domain, documents in sorted(domains.items()):
        for document in documents:
            problems += _of_the_mesh_alone(document)
            rules += _rules(document, domain, problems)
            problems += _foreign_ports(document, domain)
    every = [d for d in (mesh, *(d for ds in domains.values() for d in ds)) if d is not None]
    problems += [p for document in every for p in _filter_problems(document, known)]
    return Policies(tuple(rules), found.defaults, found.readers, found.terms, found.file, tuple(problems))


def entries_of(document: Document) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """The rules of a file that have the shape of one, each with its place."""
    listed = document.data.get("rules")
    for number, entry in enumerate(listed if isinstance(listed, list) else ()):
        if isinstance(entry, Mapping):
            yield number, entry


def _rules(document: Document, domain: str | None, problems: list[Diagnostic]) -> Iterator[Rule]:
    seen: set[str] = set()
    for number, entry in entries_of(document):
        at: Pointer = ("rules", number)
        name = str(entry.get("id") or f"rule {number + 1}")
        if name in seen:
            problems.append(
                _wrong(document, (*at, "id"), f"two rules are named `{name}`", "give each a name of its own")
            )
        seen.add(name)
        effects = [e for e in _EFFECTS if e in entry]
        if len(effects) != 1:
            told = " and ".join(f"`{e}`" for e in effects) or "nothing"
            fix = "a rule has exactly one of `deny`, `mask` and `filter`"
            problems.append(_wrong(document, at, f"rule `{name}` says {told}", fix))
            continue
        if effects[0] == "filter" and "columns" in entry:
            what = f"rule `{name}` filters rows, and names columns"
            problems.append(_wrong(document, (*at, "columns"), what, "name ports, or levels or tags of some column"))
            continue
        mask = None
        if effects[0] == "mask":
            mask, wrong = _mask(entry["mask"])
            if wrong:
                problems.append(_wrong(document, (*at, "mask"), f"rule `{name}`: {wrong}"))
        yield Rule(
            name,
            effects[0],
            document.file,
            document.where(at).line or 1,
            domain,
            str(entry.get("description") or ""),
            _listed(entry.get("ports")),
            _listed(entry.get("columns")),
            frozenset(map(parse_classification, _listed(entry.get("classification")))),
            _listed(entry.get("tags")),
            _who(entry.get("when")),
            _who(entry.get("unless")),
            mask,
            str(entry["filter"]) if effects[0] == "filter" else None,
        )


def _mask(entry: Any) -> tuple[Mask, str | None]:
    """A mask, and what is wrong with it; what is wrong hides everything."""
    if entry is None or isinstance(entry, str):
        kind = entry or "null"
        return (Mask(kind, SHOWN) if kind in ("first", "last") else Mask(kind)), None
    kind = str(entry.get("kind") or "null")
    fields = {
        "first": ("count",),
        "last": ("count",),
        "bucket": ("size",),
        "fixed": ("value",),
        "generalise": ("groups", "otherwise"),
    }.get(kind, ())
    foreign = [name for name in entry if name != "kind" and name not in fields]
    if foreign:
        return NULL, f"a mask of kind `{kind}` has no `{foreign[0]}`"
    missing = [name for name in fields if name not in entry and name not in ("count", "otherwise")]
    if missing:
        return NULL, f"a mask of kind `{kind}` needs `{missing[0]}`"
    if kind in ("first", "last"):
        return Mask(kind, int(entry.get("count", SHOWN))), None
    if kind == "bucket":
        return Mask(kind, int(entry["size"])), None
    if kind == "fixed":
        value = entry["value"]
        return Mask(kind, value=str(value).lower() if isinstance(value, bool) else str(value)), None
    if kind == "generalise":
        groups = tuple(sorted((str(k), str(v)) for k, v in entry["groups"].items()))
        otherwise = entry.get("otherwise")
        return Mask(kind, value=str(otherwise) if otherwise is not None else None, groups=groups), None
    return Mask(kind), None


def _who(entry: Any) -> Who:
    if not isinstance(entry, Mapping):
        return Who()
    clearance = entry.get("clearance")
    return Who(
        _listed(entry.get("users")),
        _listed(entry.get("teams")),
        _listed(entry.get("services")),
        _listed(entry.get("products")),
        _listed(entry.get("purposes")),
        _listed(entry.get("roles")),
        _listed(entry.get("domainRoles")),
        _attributes(entry.get("attributes")),
        entry.get("named") is True,
        parse_classification(str(clearance)) if clearance is not None else None,
    )


def _attributes(entry: Any) -> tuple[tuple[str, tuple[str, ...]], ...]:
    found = entry.items() if isinstance(entry, Mapping) else ()
    return tuple(sorted((str(name).lower(), _listed(values)) for name, values in found))


def _defaults(document: Document) -> Mapping[Classification, Default]:
    entries = document.data.get("defaults")
    found = dict(DEFAULTS)
    for name, entry in entries.items() if isinstance(entries, Mapping) else ():
        level = parse_classification(str(name))
        if not isinstance(entry, Mapping):
            continue
        mask = found[level].mask
        if entry.get("show") is True:
            mask = None
        elif "mask" in entry:
            mask = _mask(entry["mask"])[0]
        found[level] = Default(mask, entry.get("clearWhenNamed") is True)
    return found


def _readers(document: Document, problems: list[Diagnostic]) -> tuple[ReaderEntry, ...]:
    listed = document.data.get("readers")
    found = []
    for number, entry in enumerate(listed if isinstance(listed, list) else ()):
        if isinstance(entry, Mapping):
            clearance = entry.get("clearance")
            level = parse_classification(str(clearance)) if clearance is not None else None
            who = _who({k: v for k, v in entry.items() if k not in ("clearance", "attributes")})
            if who.nobody:
                what, fix = "an entry of `readers` names nobody", "name them, or everybody by `users: '*'`"
                problems.append(_wrong(document, ("readers", number), what, fix))
                continue
            found.append(ReaderEntry(who, level, _attributes(entry.get("attributes"))))
    return tuple(found)


def _terms(document: Document) -> Terms:
    entry = document.data.get("requests")
    if not isinstance(entry, Mapping):
        return Terms()
    usual = Terms()
    at_once = str(entry.get("grantAtOnce", "public"))

    def time(name: str, otherwise: timedelta | None) -> timedelta | None:
        match = _DURATION.fullmatch(str(entry.get(name, "")))
        if match is None:
            return otherwise
        return timedelta(hours=int(match[1])) if match[2].startswith("h") else timedelta(days=int(match[1]))

    return Terms(
        None if at_once == "nothing" else parse_classification(at_once),
        time("longest", None),
        time("reviewEvery", None) or usual.review_every,
        time("reviewGrace", None) or usual.review_grace,
        time("nextLevelAfter", None) or usual.next_level_after,
        time("remindAfter", None) or usual.remind_after,
    )


def _of_the_mesh_alone(document: Document) -> Iterator[Diagnostic]:
    for name in _OF_THE_MESH:
        if name in document.data:
            yield error(
                "WFT-ACC-031",
                f"`{name}` is for the whole mesh",
                document.where((name,)),
                why="the policy of a domain may only add rules",
                fix=f"put it into {MESH_FILE}",
            )


def _foreign_ports(document: Document, domain: str) -> Iterator[Diagnostic]:
    for number, entry in entries_of(document):
        for pattern in _listed(entry.get("ports")):
            if "*" not in pattern.partition(".")[0] and pattern.partition(".")[0] != domain:
                yield error(
                    "WFT-ACC-031",
                    f"`{pattern}` is no port of `{domain}`",
                    document.where(("rules", number, "ports")),
                    why="a domain decides on its own ports",
                    fix=f"put the rule into {MESH_FILE}, or into the policies of the other domain",
                )


def _filter_problems(document: Document, known: frozenset[str]) -> Iterator[Diagnostic]:
    """What is wrong with the texts of filters, as far as it can be said without the ports' columns."""
    for number, entry in entries_of(document):
        text = entry.get("filter")
        if not isinstance(text, str):
            continue
        where = document.where(("rules", number, "filter"))
        try:
            unknown = [name for name in attributes_of(text) if name not in known]
        except Unusable as e:
            yield error("WFT-ACC-032", f"the filter cannot be used: {e}", where, fix="write one condition on a row")
            continue
        for name in unknown:
            fix = did_you_mean(name, sorted(known), otherwise=f"give it to readers in {MESH_FILE}")
            what = f"no reader has an attribute `{name}`"
            yield error("WFT-ACC-032", what, where, why="nobody would be shown any row", fix=fix)


def _listed(value: Any) -> tuple[str, ...]:
    if value is None or isinstance(value, Mapping):
        return ()
    return tuple(str(v) for v in value) if isinstance(value, list | tuple) else (str(value),)


def _wrong(document: Document, at: Pointer, what: str, fix: str | None = None) -> Diagnostic:
    return error("WFT-ACC-030", what, document.where(at), fix=fix)
