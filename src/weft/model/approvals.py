"""Publications that a person has to agree to: what is asked, and what came of it."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from typing import Any

from msgspec import Struct

from weft.model.records import Publish

WAITING, APPROVED, DECLINED = "waiting", "approved", "declined"
STATES = (WAITING, APPROVED, DECLINED)


class Wanted(Struct, frozen=True):
    """What a policy wants a person to agree to.

    Attributes:
        digest: of what would be published: the approval holds for exactly that.
        roles: one of which decides.
        why: what the policy says of it.
        content: what would change, port by port, for whoever decides; None where an older weft has asked.
    """

    policy: str
    product: str
    digest: str
    roles: tuple[str, ...]
    why: str | None = None
    content: list[dict[str, Any]] | None = None


class AskedApproval(Struct, frozen=True):
    """An approval that was asked for.

    Attributes:
        state: one of `STATES`.
        reason: of the decision; None where there is none, or where it was erased.
        superseded_by: the approval of other content that was asked for last, by the same policy for the same product;
            None where this is the last one.
    """

    approval_id: str
    wanted: Wanted
    state: str
    asked_by: str
    asked_at: datetime
    decided_by: str | None = None
    decided_at: datetime | None = None
    reason: str | None = None
    superseded_by: str | None = None

    def as_json(self) -> dict[str, Any]:
        """The approval as lists show it."""
        return {
            "approval_id": self.approval_id,
            "policy": self.wanted.policy,
            "product": self.wanted.product,
            "digest": self.wanted.digest,
            "roles": list(self.wanted.roles),
            "why": self.wanted.why,
            "state": self.state,
            "asked_by": self.asked_by,
            "asked_at": self.asked_at.isoformat(),
            "decided_by": self.decided_by,
            "decided_at": self.decided_at.isoformat() if self.decided_at else None,
            "reason": self.reason,
            "superseded_by": self.superseded_by,
        }


def content_digest(publish: Publish) -> str:
    """What a publication says and how it is made, as a hash: the same for new rows of the same product.

    It holds documents, contracts, versions, models and lineage; neither rows, nor time, nor who publishes it.
    """
    said: dict[str, Any] = {
        "product": [str(publish.product.address), publish.product.document],
        "ports": sorted(
            [str(p.address), p.version, p.status, p.contract, str(p.address) in map(str, publish.defaults)]
            for p in publish.publications
        ),
        "retired": sorted(map(str, publish.retire)),
        "edges": sorted([e.source, e.target, str(e.kind), str(e.transformation), e.masking] for e in publish.edges),
        "models": sorted(json.dumps(_builtins(m), sort_keys=True, default=str) for m in publish.written),
    }
    if not publish.written:  # where the run has the files it hands in no models: their digests stand for them
        said["digests"] = sorted([str(p.address), sorted(p.model_digests.items())] for p in publish.publications)
    text = json.dumps(said, sort_keys=True, default=str, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _builtins(value: Any) -> Any:
    import msgspec

    return msgspec.to_builtins(value, enc_hook=str, str_keys=True)
