"""Files of policies become values, with a diagnostic for everything in them that cannot hold."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from weft.errors import Diagnostic, Where, did_you_mean, error
from weft.governance.policies import (
    Approval,
    Bounds,
    Kind,
    Layer,
    Place,
    Policy,
    PolicySet,
    PolicyTest,
    Scope,
    Severity,
    Tightening,
    WaiverTerms,
    When,
)
from weft.governance.relations import BY_NAME
from weft.model.classification import Classification
from weft.model.document import UNREAD, Document, Pointer, entries, group, text, words

_SET_BELOW = frozenset({"severity", "due_days", "parameters"})
_TIGHTENED = _SET_BELOW | {"tightens", "apiVersion", "enabled"}
_PARAMETER = re.compile(r"(?<![:\w]):([a-z_][a-z0-9_]*)")
GIVEN = frozenset({"now", "today"})
"""Parameters that every check has: the moment and the day (UTC) for which it is asked."""


def policies_of(
    platform: Iterable[Document],
    domains: Mapping[str, Iterable[Document]],
    products: Mapping[str, Iterable[Document]],
) -> PolicySet:
    """The policies of all files; what violates the schema has been told before.

    Args:
        domains: files by the name of their domain.
        products: files by the address of their product, `domain.product`.
    """
    problems: list[Diagnostic] = []
    policies: dict[str, Policy] = {}
    by_id: dict[str, list[Policy]] = {}
    places = [(Layer.PLATFORM, "", platform)]
    places += [(Layer.DOMAIN, name, documents) for name, documents in sorted(domains.items())]
    places += [(Layer.PRODUCT, name, documents) for name, documents in sorted(products.items())]
    tightening: list[tuple[Place, Document]] = []
    broken: list[Policy] = []
    for layer, of, documents in places:
        for document in documents:
            place = Place(layer, of, document.file, document.where().line or 1)
            if "tightens" in document.data:
                tightening.append((place, document))
                continue
            policy = _policy(document, place, problems)
            if policy.broken is not None:
                broken.append(policy)
                continue
            same = by_id.setdefault(policy.id, [])
            if same:
                problems.append(_twice(policy, same[0], document))
            if not any(p.place.covers(of) for p in same):  # no domain takes another's policy from it by its name
                policies[f"{policy.id} of {of}" if same else policy.id] = policy
                same.append(policy)
    for policy in broken:  # of its id nobody is sure: it takes none from another
        policies.setdefault(policy.id, policy)
    tightenings = [t for place, document in tightening for t in _tightening(document, place, by_id, problems)]
    setting = [t for t in tightenings if t.parameters]
    again = {id(t): found for t in setting if (found := _set_above(t, setting))}
    problems += [_set_again(t, *one) for t in setting for one in again.get(id(t), ())]
    tightenings = [t for t in tightenings if id(t) not in again]
    return PolicySet(policies, tuple(tightenings), tuple(problems))


def _broken(document: Document, place: Place) -> Policy | None:
    """What stands for a policy of which a file does not say enough to ask it; None where it does."""
    data = document.data
    kind, severity = text(data, "kind") or "", text(data, "severity") or ""
    why = text(data, UNREAD)
    sound = text(data, "id") and text(data, "check") and kind in [*Kind] and severity in [*Severity]
    if why is None and sound:
        return None
    name = text(data, "id") or PurePosixPath(document.file).stem
    return Policy(
        id=name,
        title=text(data, "title") or name,
        kind=Kind(kind) if kind in [*Kind] else Kind.QUALITY,
        severity=Severity(severity) if severity in [*Severity] else Severity.HIGH,
        asks=text(data, "asks") or "Nobody knows: its file is wrong.",
        check="",
        place=place,
        owner=text(data, "owner"),
        waivers=WaiverTerms(allowed=False),  # nobody knows whether it lets anybody off
        broken=why or f"{document.file} lacks `id`, `check`, `kind` or `severity`, or says something else there",
    )


def _policy(document: Document, place: Place, problems: list[Diagnostic]) -> Policy:
    broken = _broken(document, place)
    if broken is not None:
        return broken
    data = document.data
    name, check = text(data, "id") or "", text(data, "check") or ""
    if data.get("enabled") is False:
        what, fix = f"policy `{name}` is switched off in its own file", "take the file away"
        problems.append(error("WFT-GOV-005", what, document.where(("enabled",)), fix=fix))
    parameters = dict(group(data, "parameters"))
    used = {p for p in _PARAMETER.findall(_without_texts(check)) if p not in GIVEN}
    for missing in sorted(used - parameters.keys()):
        what = f"policy `{name}` reads `:{missing}`, which is no parameter of it"
        fix = did_you_mean(missing, [*parameters, *GIVEN]) or f"add `parameters: {{{missing}: …}}`"
        problems.append(error("WFT-GOV-002", what, document.where(("check",)), fix=fix))
    overridable = {n: _bounds(b) for n, b in group(data, "overridable").items() if isinstance(b, Mapping)}
    for foreign in sorted(overridable.keys() - parameters.keys()):
        what = f"policy `{name}` lets `{foreign}` be set, which is no parameter of it"
        problems.append(error("WFT-GOV-002", what, document.where(("overridable", foreign))))
    terms, approval = group(data, "waivers"), group(data, "approval")
    scope = group(data, "scope")
    levels = {str(level): int(level) for level in Classification}
    return Policy(
        id=name,
        title=text(data, "title") or name,
        kind=Kind(text(data, "kind") or ""),
        severity=Severity(text(data, "severity") or ""),
        asks=text(data, "asks") or text(data, "title") or name,
        check=check.strip().rstrip(";"),
        place=Place(place.layer, place.of, place.file, document.where(("check",)).line or place.line),
        why=text(data, "why"),
        remediation=text(data, "remediation"),
        owner=text(data, "owner"),
        due_days=_number(data, "due_days", 30),
        scope=Scope(
            words(scope, "domains"),
            words(scope, "products"),
            words(scope, "tags"),
            words(scope, "status"),
            tuple(levels[w] for w in words(scope, "classification") if w in levels),
        ),
        when=tuple(When(w) for w in words(data, "when") if w in [*When]) or tuple(When),
        regulations=words(data, "regulations"),
        parameters=parameters,
        overridable=overridable,
        waivers=WaiverTerms(
            bool(terms.get("allowed", True)), _number(terms, "max_days", 180), words(terms, "roles") or ("governance",)
        ),
        approval=Approval(words(approval, "roles") or ("governance",), text(approval, "why")) if approval else None,
        tests=tuple(_tests(document, name, problems)),
    )


def _number(data: Mapping[str, Any], name: str, otherwise: int) -> int:
    found = data.get(name)
    return found if isinstance(found, int) and not isinstance(found, bool) else otherwise


def _without_texts(check: str) -> str:
    """SQL without its texts, quoted names and comments: a colon in those is no parameter."""
    return re.sub(r"'(?:[^']|'')*'|\"[^\"]*\"|--[^\n]*|/\*.*?\*/", " ", check, flags=re.DOTALL)


def _tests(document: Document, policy: str, problems: list[Diagnostic]) -> Iterable[PolicyTest]:
    for number, entry in entries(document.data, "tests"):
        at: Pointer = ("tests", number)
        given: dict[str, tuple[Mapping[str, Any], ...]] = {}
        for relation, rows in group(entry, "given").items():
            known = BY_NAME.get(relation)
            if known is None:
                what = f"a test of policy `{policy}` gives rows of `{relation}`, which is no relation"
                where = document.where((*at, "given", relation))
                problems.append(error("WFT-GOV-003", what, where, fix=did_you_mean(relation, BY_NAME)))
                continue
            listed = tuple(r for r in rows if isinstance(r, Mapping)) if isinstance(rows, list) else ()
            for place, row in enumerate(listed):
                for column in row:
                    if column not in known.names:
                        what = f"a test of policy `{policy}` gives `{relation}.{column}`, which is no column"
                        where = document.where((*at, "given", relation, place, column))
                        problems.append(error("WFT-GOV-003", what, where, fix=did_you_mean(column, known.names)))
            given[relation] = listed
        line = document.where(at).line or 1
        name = text(entry, "name") or f"test {number + 1}"
        yield PolicyTest(name, given, words(entry, "expect"), dict(group(entry, "parameters")), line)


def _bounds(entry: Mapping[str, Any]) -> Bounds:
    values = entry.get("values")
    least, most = (v if isinstance(v, int | float) else None for v in (entry.get("min"), entry.get("max")))
    return Bounds(least, most, tuple(values) if isinstance(values, list) else ())


def _tightening(
    document: Document, place: Place, policies: Mapping[str, Sequence[Policy]], problems: list[Diagnostic]
) -> Sequence[Tightening]:
    """What a file of a lower layer makes stricter; nothing where it would loosen."""
    data, name = document.data, text(document.data, "tightens") or ""
    policy = next((p for p in policies.get(name, ()) if p.place.covers(place.of)), None)
    if policy is None or not policy.place.covers(place.of) or policy.place.of == place.of:
        what = f"`{name}` is no policy of a layer above {place}"
        above = [
            p.id for same in policies.values() for p in same if p.place.covers(place.of) and p.place.of != place.of
        ]
        fix = did_you_mean(name, above) or "`weft policy list` has them all"
        problems.append(error("WFT-GOV-004", what, document.where(("tightens",)), fix=fix))
        return ()
    before = len(problems)
    named = text(data, "severity") or ""
    severity = Severity(named) if named in [*Severity] else None
    if severity is not None and severity.rank > policy.severity.rank:
        problems.append(
            _loosens(document, ("severity",), policy, place, f"`{severity}` is milder than", policy.severity)
        )
    due_days = data.get("due_days") if isinstance(data.get("due_days"), int) else None
    if due_days is not None and due_days > policy.due_days:
        problems.append(_loosens(document, ("due_days",), policy, place, f"{due_days} is later than", policy.due_days))
    if data.get("enabled") is False:
        what = f"{place} switches policy `{name}` off, which stands in {policy.place.file}:{policy.place.line}"
        fix = "take the file away; a waiver that ends lets a subject off for a while: `weft waiver add`"
        problems.append(
            error(
                "WFT-GOV-005", what, document.where(("enabled",)), why="a lower layer adds and tightens only", fix=fix
            )
        )
    parameters = dict(group(data, "parameters"))
    for parameter, value in parameters.items():
        bounds = policy.overridable.get(parameter)
        if bounds is None:
            told = "which may not be set below" if parameter in policy.parameters else "which is no parameter of it"
            what = f"{place} sets `{parameter}` of policy `{name}`, {told}"
            fix = did_you_mean(parameter, policy.overridable) or "its `overridable` names what may be set"
            problems.append(error("WFT-GOV-005", what, document.where(("parameters", parameter)), fix=fix))
        elif not bounds.hold(value):
            what = f"{place} sets `{parameter}` of policy `{name}` to {value}, which is not {bounds}"
            where = document.where(("parameters", parameter))
            why = f"the bounds stand in {policy.place.file}"
            problems.append(error("WFT-GOV-005", what, where, why=why, fix=f"set it to {bounds}"))
    for foreign in sorted(data.keys() - _TIGHTENED):
        what = f"{place} sets `{foreign}` of policy `{name}`, which stands in {policy.place.file}"
        fix = f"only {', '.join(sorted(_SET_BELOW))} are made stricter; add a policy of your own for more"
        problems.append(error("WFT-GOV-005", what, document.where((foreign,)), fix=fix))
    if len(problems) > before:
        return ()
    return (Tightening(place, name, severity, due_days, parameters),)


def _set_above(one: Tightening, tightenings: Iterable[Tightening]) -> list[tuple[str, Tightening]]:
    """Parameters that one sets otherwise than a layer above it, or a file before it, has set them already."""
    found: list[tuple[str, Tightening]] = []
    for other in tightenings:
        if other is one:
            return found
        if other.policy == one.policy and other.place.covers(one.place.of):
            found += [(n, other) for n, value in one.parameters.items() if other.parameters.get(n, value) != value]
    return found


def _set_again(one: Tightening, parameter: str, other: Tightening) -> Diagnostic:
    """Only who set a parameter first sets it: whether another value is milder, nobody can tell."""
    return error(
        "WFT-GOV-005",
        f"{one.place} sets `{parameter}` of policy `{one.policy}`, which {other.place} has set to "
        f"{other.parameters[parameter]}",
        Where(one.place.file, one.place.line),
        why=f"it is set in {other.place.file}, and a lower layer adds and tightens only",
        fix=f"take `{parameter}` away, or change it there",
    )


def _loosens(document: Document, at: Pointer, policy: Policy, place: Place, than: str, value: object) -> Diagnostic:
    return error(
        "WFT-GOV-005",
        f"{place} would loosen policy `{policy.id}`: its {at[0]} {than} `{value}`",
        document.where(at),
        why=f"it stands in {policy.place.file}:{policy.place.line}, and a lower layer adds and tightens only",
        fix="take it away; a waiver that ends lets a subject off for a while: `weft waiver add`",
    )


def _twice(policy: Policy, first: Policy, document: Document) -> Diagnostic:
    fix = "give it an id of its own"
    if first.place.of != policy.place.of:
        fix += f"; to make that one stricter write `tightens: {policy.id}` instead of `id`"
    return error(
        "WFT-GOV-001",
        f"two policies have the id `{policy.id}`",
        document.where(("id",)),
        why=f"the first one stands in {first.place.file}:{first.place.line}",
        fix=fix,
    )
