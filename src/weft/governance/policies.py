"""Policies as values: what each asks of whom, and which of them hold for a product."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from weft.errors import Diagnostic, has_errors


class Kind(StrEnum):
    """What a policy is about."""

    SECURITY = "security"
    PRIVACY = "privacy"
    QUALITY = "quality"
    INTEROPERABILITY = "interoperability"
    DOCUMENTATION = "documentation"


class Severity(StrEnum):
    """How grave a violation is, the gravest first: `block` refuses a publication, the others are recorded."""

    BLOCK = "block"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"

    @property
    def rank(self) -> int:
        """0 for the gravest."""
        return list(Severity).index(self)


class When(StrEnum):
    """Where a policy is looked at: by the author, at publication, over the whole mesh."""

    PLAN = "plan"
    PUBLISH = "publish"
    SCAN = "scan"


class Layer(StrEnum):
    """Who has written a policy. A lower layer adds and tightens, and never loosens."""

    PLATFORM = "platform"
    DOMAIN = "domain"
    PRODUCT = "product"


class Place(Struct, frozen=True):
    """A layer, and whose it is: empty for the platform, `sales`, or `sales.orders`."""

    layer: Layer
    of: str = ""
    file: str = ""
    line: int = 1

    def covers(self, subject: str) -> bool:
        """Whether an address lies in it."""
        return not self.of or subject == self.of or subject.startswith(f"{self.of}.")

    def __str__(self) -> str:
        return f"{self.layer} `{self.of}`" if self.of else str(self.layer)


class Scope(Struct, frozen=True):
    """Which products a policy is about; what is empty says nothing.

    Attributes:
        domains: globs over names of domains.
        products: globs over addresses of products.
        status: of the product; empty: all but retired ones.
        classification: levels of which the product has a column.
        tags: of the product or its domain.
    """

    domains: tuple[str, ...] = ()
    products: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    status: tuple[str, ...] = ()
    classification: tuple[int, ...] = ()


class Bounds(Struct, frozen=True):
    """Within which a lower layer may set a parameter."""

    least: float | None = None
    most: float | None = None
    values: tuple[Any, ...] = ()

    def hold(self, value: Any) -> bool:
        """Whether a value lies within them."""
        if self.values:
            return value in self.values
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        return (self.least is None or value >= self.least) and (self.most is None or value <= self.most)

    def __str__(self) -> str:
        if self.values:
            return "one of " + ", ".join(map(str, self.values))
        return f"{self.least:g}" * (self.least is not None) + " to " + f"{self.most:g}" * (self.most is not None)


class WaiverTerms(Struct, frozen=True):
    """Whether a policy lets somebody off for a while: for how many days at most, and who may decide."""

    allowed: bool = True
    max_days: int = 180
    roles: tuple[str, ...] = ("governance",)


class Approval(Struct, frozen=True):
    """That a person has to agree to a publication which the check returns: who may, and why it is asked."""

    roles: tuple[str, ...]
    why: str | None = None


class PolicyTest(Struct, frozen=True):
    """Rows that are given, and the subjects that are to violate the policy.

    Attributes:
        given: by relation, rows as groups of their columns.
    """

    name: str
    given: Mapping[str, tuple[Mapping[str, Any], ...]]
    expect: tuple[str, ...]
    parameters: Mapping[str, Any]
    line: int


class Tightening(Struct, frozen=True):
    """What a lower layer makes stricter in a policy of a higher one."""

    place: Place
    policy: str
    severity: Severity | None = None
    due_days: int | None = None
    parameters: Mapping[str, Any] = {}


class Policy(Struct, frozen=True):
    """A policy.

    Attributes:
        asks: what it asks, in one sentence.
        why: the regulation or decision behind it.
        due_days: days from the day on which a violation is first seen.
        check: SQL over the relations of the mesh that returns what violates it.
        parameters: `:name` in the SQL, and its value.
        overridable: parameters that a lower layer may set, with their bounds.
        broken: why nothing can be asked, since its file is wrong; then the other fields are what could be read of it.
    """

    id: str
    title: str
    kind: Kind
    severity: Severity
    asks: str
    check: str
    place: Place
    why: str | None = None
    remediation: str | None = None
    owner: str | None = None
    due_days: int = 30
    scope: Scope = Scope()
    when: tuple[When, ...] = (When.PLAN, When.PUBLISH, When.SCAN)
    regulations: tuple[str, ...] = ()
    parameters: Mapping[str, Any] = {}
    overridable: Mapping[str, Bounds] = {}
    waivers: WaiverTerms = WaiverTerms()
    approval: Approval | None = None
    tests: tuple[PolicyTest, ...] = ()
    broken: str | None = None


class Applied(Struct, frozen=True):
    """A policy as it holds somewhere: with what was tightened for that place.

    Attributes:
        within: the domain or product for which it was tightened; empty where it holds as it was written.
        by: what has tightened it, the outermost first.
    """

    policy: Policy
    within: str = ""
    by: tuple[Tightening, ...] = ()


class PolicySet(Struct, frozen=True):
    """All policies of a mesh, by id, with what lower layers tighten and what is wrong with their files."""

    policies: Mapping[str, Policy] = {}
    tightenings: tuple[Tightening, ...] = ()
    problems: tuple[Diagnostic, ...] = ()

    @property
    def whole(self) -> bool:
        """Whether all files are sound: else nobody knows of what is not among the policies whether it was withdrawn."""
        return not has_errors(self.problems) and not any(p.broken for p in self.policies.values())

    def besides_broken(self, diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
        """Diagnostics without those of files of which nothing can be asked: a scan finds each of these policies."""
        broken = {policy.place.file for policy in self.policies.values() if policy.broken is not None}
        return [d for d in diagnostics if d.where is None or d.where.file not in broken]

    def applied(self, when: When | None = None) -> Iterator[Applied]:
        """Every policy in every form that it has somewhere, by its id, the widest form first."""
        for _, policy in sorted(self.policies.items()):
            if when is None or when in policy.when:
                yield Applied(policy)
                yield from self._forms(policy)

    def of(self, subject: str, when: When | None = None) -> Iterator[Applied]:
        """The policies that hold for an address, each in the form that it has there."""
        for _, policy in sorted(self.policies.items()):
            if policy.place.covers(subject) and (when is None or when in policy.when):
                forms = [form for form in self._forms(policy) if _lies_in(subject, form.within)]
                yield max(forms, key=lambda form: len(form.within), default=Applied(policy))

    def narrower(self, applied: Applied) -> tuple[str, ...]:
        """The places inside its own in which a policy has a form of its own."""
        forms = (form.within for form in self._forms(applied.policy))
        return tuple(w for w in forms if w != applied.within and _lies_in(w, applied.within))

    def _forms(self, policy: Policy) -> list[Applied]:
        """Its tightened forms: that of a product keeps what its domain has tightened."""
        if not self.tightenings:
            return []
        ours = [t for t in self.tightenings if t.policy == policy.id and policy.place.covers(t.place.of)]
        found = []
        for within in sorted({t.place.of for t in ours}):
            by = [t for t in sorted(ours, key=lambda t: len(t.place.of)) if t.place.covers(within)]
            found.append(Applied(_tightened(policy, by), within, tuple(by)))
        return found


def _lies_in(subject: str, place: str) -> bool:
    return not place or subject == place or subject.startswith(f"{place}.")


def _tightened(policy: Policy, by: Iterable[Tightening]) -> Policy:
    for one in by:
        severity = min(policy.severity, one.severity or policy.severity, key=lambda s: s.rank)
        due_days = min(policy.due_days, policy.due_days if one.due_days is None else one.due_days)
        policy = replace(
            policy, severity=severity, due_days=due_days, parameters={**policy.parameters, **one.parameters}
        )
    return policy
