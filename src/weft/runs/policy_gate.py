"""The gate at publication: what policies say of a product as it is about to be registered."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from msgspec.structs import replace

from weft.errors import Awaited, Diagnostic, GateRefused, error, has_errors
from weft.governance.approvals import needed, withheld
from weft.governance.inheriting import inherit
from weft.governance.judging import Judgement, Objection, Unasked, judge
from weft.governance.policies import Policy, PolicySet, Severity, When
from weft.governance.policy_files import policies_of
from weft.governance.rows import PortFacts, product_rows
from weft.governance.term_rows import concept_rows
from weft.model.address import Address
from weft.model.approvals import DECLINED, WAITING, content_digest
from weft.model.collapsing import collapsed
from weft.model.document import Document
from weft.model.publication import Publication
from weft.model.records import Publish
from weft.plan.verdicts import port_facts, told
from weft.project.policies import carried_policies, wrong_in
from weft.registry.approvals import ApprovalStore
from weft.registry.base import RegistryReader
from weft.runs.asked_content import asked_content
from weft.runs.mesh_book import MeshBook


class PolicyGate:
    """Holds publications against the policies of the platform, the domain and the product."""

    def __init__(
        self,
        book: Callable[[], MeshBook],
        platform: Callable[[], Sequence[Document]],
        reader: Callable[[], RegistryReader],
        now: Callable[[], datetime],
        excused: Callable[[Objection], bool] = lambda _: False,
        approvals: Callable[[], ApprovalStore | None] = lambda: None,
    ) -> None:
        """Each part is asked for when a policy wants to know: a mesh without policies pays nothing.

        Args:
            excused: whether an objection is waived or known debt.
            approvals: where a person agrees to a publication; without it none that needs that goes on.
        """
        self._book = book
        self._platform = platform
        self._reader = reader
        self._now = now
        self._excused = excused
        self._approvals = approvals

    def require(self, publish: Publish) -> None:
        """Lets a publication pass, or refuses it.

        Raises:
            GateRefused: WFT-GOV-010, a policy of severity `block` is violated; WFT-GOV-001 and others, a file of a
                policy of the domain or product is wrong; WFT-GOV-058, a person has declined.
            Awaited: WFT-GOV-057, a person has to agree first.
            PlatformError: WFT-GOV-009, nobody can tell.
        """
        wrong = [d for record in (publish.domain, publish.product) for d in wrong_in(record.document)]
        if wrong:
            raise GateRefused(*wrong)
        policies = self._policies(publish)
        carried = {d.file for record in (publish.domain, publish.product) for d in carried_policies(record.document)}
        own = [p for p in policies.problems if p.where is not None and p.where.file in carried]
        if has_errors(own):
            raise GateRefused(*own)
        if not any(When.PUBLISH in p.when for p in policies.policies.values()):
            return
        judgement = self.judged(publish, policies)
        broken = told(Judgement((), tuple(u for u in judgement.unasked if not u.sound)), lambda _: None)
        untold = [_untold(u, str(publish.product.address)) for u in judgement.unasked if _refuses(u.policy) and u.sound]
        if untold:
            raise GateRefused(*untold, *broken)
        blocking = [
            o
            for o in judgement.objections
            if o.applied.policy.severity is Severity.BLOCK and o.applied.policy.approval is None
        ]
        refused = told(Judgement(tuple(blocking)), lambda _: None, self._excused)
        if has_errors(refused):
            raise GateRefused(*refused, *broken)
        self._require_approval(publish, judgement)

    def _require_approval(self, publish: Publish, judgement: Judgement) -> None:
        """Lets pass what nobody has to agree to, or somebody has; asks for what is missing."""
        product = str(publish.product.address)
        wanted = needed(judgement.objections, product, content_digest(publish), self._excused)
        store = self._approvals() if wanted else None
        if not wanted:
            return
        if store is None:
            what = f"the publication of `{product}` needs an approval, and this registry keeps none"
            raise GateRefused(error("WFT-GOV-057", what, fix="publish it where the registry is a database"))
        content = asked_content(publish, self._reader())
        asked = store.asked([replace(one, content=content) for one in wanted], actor=publish.actor, at=self._now())
        missing = withheld(asked)
        if any(one.state == DECLINED for one in asked):
            raise GateRefused(*missing)
        if missing:
            raise Awaited(*missing, approvals=[one.approval_id for one in asked if one.state == WAITING])

    def judged(self, publish: Publish, policies: PolicySet) -> Judgement:
        """What policies say of a product as it would be registered, beside the whole mesh as it is."""
        product = publish.product
        states = {state.address: state for state in self._reader().ports_of(product.address)}
        facts: dict[Address, PortFacts] = {a: port_facts(s) for a, s in states.items() if a not in publish.retire}
        facts |= {p.address: _facts(p, publish) for p in publish.publications}
        rows = product_rows(publish.domain, product, [facts[a] for a in sorted(facts)], collapsed(publish.edges))
        of_terms = concept_rows(list(facts.values()), self._book().glossary())
        with self._book().current() as book, book.supposing():
            book.put(str(product.address), {**rows, **of_terms})
            inherit(book, [str(product.address)])
            return judge(book, policies, self._now(), when=When.PUBLISH, within=[str(product.address)])

    def _policies(self, publish: Publish) -> PolicySet:
        domain, product = publish.domain, publish.product
        return policies_of(
            self._platform(),
            {domain.name: carried_policies(domain.document)},
            {str(product.address): carried_policies(product.document)},
        )


def _refuses(policy: Policy) -> bool:
    return policy.severity is Severity.BLOCK or policy.approval is not None


def _untold(unasked: Unasked, product: str) -> Diagnostic:
    """A publication on which a blocking policy fails does not get past it for that; one that is broken stops nobody."""
    policy = unasked.policy
    return error(
        "WFT-GOV-071",
        f"whether `{product}` violates `{policy.id}` cannot be told: {unasked.why}",
        why=f"policy `{policy.id}` ({policy.place.file}) refuses publications, and fails on this one",
        fix=f"look at what is unusual in the contract; `{policy.owner or 'who wrote the policy'}` may mend its check",
    )


def _facts(publication: Publication, publish: Publish) -> PortFacts:
    return PortFacts(
        publication.address,
        publication.status,
        publication.version,
        publication.contract,
        publication.address in publish.defaults,
        rows=publication.rows,
        published_at=publish.at,
    )
