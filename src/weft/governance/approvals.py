"""Which publications a person has to agree to, and what is said while nobody has."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from msgspec.structs import replace

from weft.errors import Diagnostic, error
from weft.governance.judging import Objection
from weft.governance.policies import PolicySet
from weft.governance.waivers import role_of
from weft.model.approvals import APPROVED, DECLINED, AskedApproval, Wanted


def needed(
    objections: Iterable[Objection], product: str, digest: str, excused: Callable[[Objection], bool]
) -> list[Wanted]:
    """What a person has to agree to before a product is published with this content, by policy."""
    found: dict[str, Wanted] = {}
    for one in objections:
        policy = one.applied.policy
        if policy.approval is not None and not excused(one):
            roles = tuple(dict.fromkeys(map(role_of, policy.approval.roles)))
            found[policy.id] = Wanted(policy.id, product, digest, roles, policy.approval.why or policy.asks)
    return [found[id_] for id_ in sorted(found)]


def withheld(asked: Sequence[AskedApproval]) -> list[Diagnostic]:
    """Why a publication waits, or does not go on at all; empty where all have agreed."""
    found = []
    for one in asked:
        wanted = one.wanted
        if one.state == APPROVED:
            continue
        why = f"policy `{wanted.policy}`: {wanted.why}"
        if one.state == DECLINED:
            what = f"{one.decided_by} has declined the publication of `{wanted.product}` ({one.approval_id})"
            fix = f"change what was declined: `weft approvals show {one.approval_id}` has the reason"
            found.append(error("WFT-GOV-058", what, why=why, fix=fix))
        else:
            what = f"the publication of `{wanted.product}` waits for {' or '.join(wanted.roles)} ({one.approval_id})"
            fix = f"`weft approvals approve {one.approval_id} --reason …`, then apply again"
            found.append(error("WFT-GOV-057", what, why=why, fix=fix))
    return found


def without_approvals(policies: PolicySet) -> PolicySet:
    """The policies that violations come of: one that asks for an approval says when, and not what is wrong."""
    kept = {id_: policy for id_, policy in policies.policies.items() if policy.approval is None}
    return replace(policies, policies=kept)
