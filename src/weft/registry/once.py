"""Publications sent twice: the same content under the same run is published once, and answered as it was."""

from __future__ import annotations

import datetime as dt
import hashlib
import json

from msgspec.structs import replace

from weft.errors import Conflict, error
from weft.model.publication import Publication
from weft.model.records import Publish
from weft.registry import codec
from weft.registry.tables import Tables

_ANY_TIME = dt.datetime.fromtimestamp(0, dt.UTC)


def digest(publish: Publish) -> str:
    """What a publication says, but for its time: whoever sends it again may look at the clock again."""
    found = hashlib.sha256()
    for one in publish.publications:
        for part in codec.publication_row(replace(one, revision=0, published_at=_ANY_TIME))[3:]:
            found.update(part if isinstance(part, bytes) else str(part).encode())
        found.update(f"{one.address} {one.snapshot_id} {one.address in publish.kept}".encode())
    rest = [
        codec.domain_text(publish.domain),
        codec.product_text(publish.product),
        dict(publish.requires),
        {port: codec.checks_text(results) for port, results in publish.checks.items()},
        [
            [e.source, e.target, str(e.kind), str(e.transformation), e.hiding if e.anonymised else e.masking]
            for e in publish.edges
        ],
        publish.actor,
        *([str(a) for a in addresses] for addresses in (publish.defaults, publish.retire)),
        [[one.model, one.snapshot_id, before] for one, before in publish.tables],
        list(publish.models) if publish.models is not None else None,
    ]
    found.update(codec.dumps(rest).encode())
    return found.hexdigest()


def published_before(tables: Tables, publish: Publish, content: str) -> list[Publication] | None:
    """What the run has published of the product already; None when it has published nothing of it.

    Args:
        content: the digest of what it publishes now.

    Raises:
        Conflict: WFT-REG-014, it was something else.
    """
    found = tables.published(publish.run_id, str(publish.product.address))
    if found is None:
        return None
    if found[0] != content:
        what = f"run {publish.run_id} has published something else of `{publish.product.address}` already"
        why = "a run publishes each product once; the same content may be sent again"
        raise Conflict(error("WFT-REG-014", what, why=why, fix="publish in a new run"))
    revisions = json.loads(found[1])
    ports = [str(one.address) for one in publish.publications]
    return [codec.publication(tables.publication_row(port, revisions[port])) for port in ports]
