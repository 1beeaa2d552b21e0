"""Whatever people write comes out as text on every page, and every link of a page leads somewhere."""

from __future__ import annotations

import datetime as dt
import json
from collections import deque
from collections.abc import Iterator
from html.parser import HTMLParser
from urllib.parse import urldefrag, urlsplit

import pytest
from fastapi.testclient import TestClient

from tests.meshes import TestMesh, contract, two_products
from weft.access.permissions import Caller, Role
from weft.api.platform import Platform, open_platform
from weft.model.address import ProductAddress
from weft.server.app import create_app

PROBE = '<weft-probe onclick="x">\'"&amp;{{7*7}}</weft-probe>'
MOST = 400
"""Pages that are walked at most: there are fewer."""
_POLICY = """
apiVersion: weft/v1
id: always-broken
title: {probe}
kind: documentation
severity: low
when: [plan, publish, scan]
asks: {probe}
why: {probe}
remediation: {probe}
due_days: 3
owner: {probe}
waivers: {{allowed: true, max_days: 90, roles: [owner]}}
check: select port as subject, {detail} as detail from ports
"""


def _written(root) -> TestMesh:
    """A mesh all of whose texts, and the name of a column, are the probe."""
    mesh = two_products(root)
    (root / "weft.toml").write_text('[mesh]\nname = "two"\n[governance]\ncontact = "lead@example.com"\n')
    domain = {
        "name": "sales",
        "kind": "source-aligned",
        "title": PROBE,
        "description": PROBE,
        "owner": {"team": PROBE, "contact": "sales@example.com"},
        "members": [{"user": "ann", "roles": ["owner", "steward", "developer", "product owner"]}],
        "tags": [PROBE],
        "costCenter": PROBE,
    }
    mesh.write("domains/sales/domain.yaml", json.dumps(domain))
    product = json.loads(mesh.path("domains/sales/orders/product.odps.yaml").read_text())
    product.update(name=PROBE, tags=[PROBE], description=dict.fromkeys(("purpose", "usage", "limitations"), PROBE))
    mesh.write("domains/sales/orders/product.odps.yaml", json.dumps(product))
    key = {"name": "id", "id": "id", "logicalType": "integer", "primaryKey": True, "required": True}
    texts = {"description": PROBE, "businessName": PROBE, "tags": [PROBE]}
    columns = [
        {**key, **texts, "customProperties": [{"property": "weft.term", "value": "probe"}]},
        {"name": "batch", "id": "batch", "logicalType": "integer", "required": True},
        {"name": "amount", "id": "amount", "logicalType": "integer", **texts},
        {"name": "day", "id": "day", "logicalType": "integer", "required": True},
        {"name": PROBE, "id": "probe", "logicalType": "string", **texts},
    ]
    said = dict.fromkeys(("purpose", "usage", "limitations"), PROBE)
    mesh.write(
        "domains/sales/orders/contracts/orders.odcs.yaml",
        contract("sales.orders.orders", columns, name=PROBE, description=said, tags=[PROBE]),
    )
    quoted, text = PROBE.replace('"', '""'), PROBE.replace("'", "''")
    mesh.write(
        "domains/sales/orders/models/orders.sql",
        f"-- {PROBE}\nselect id::integer as id, batch::integer as batch, amount::integer as amount, "
        f"day::integer as day, '{text}' as \"{quoted}\"\nfrom raw\n",
    )
    detail = "'" + text + "'"
    mesh.write(
        "governance/policies/always-broken.yaml",
        _POLICY.format(probe=json.dumps(PROBE), detail=json.dumps(detail)[1:-1].replace('\\"', '"')),
    )
    term = {"id": "probe", "title": PROBE, "definition": PROBE, "owner": PROBE, "synonyms": [PROBE]}
    mesh.write("governance/glossary.yaml", json.dumps({"apiVersion": "weft/v1", "terms": [term]}))
    return mesh


@pytest.fixture(scope="module")
def platform(tmp_path_factory) -> Iterator[Platform]:
    mesh = _written(tmp_path_factory.mktemp("mesh"))
    done = mesh.weft("apply")
    assert done.returncode == 0, done.stdout + done.stderr
    assert mesh.weft("policy", "scan").returncode == 0
    made = open_platform(mesh.root)
    every = [Role.OPERATOR.value, Role.GOVERNANCE_LEAD.value]
    made.identity.user_verbs.add("ann", None, every, actor="ann")
    ann, ben = _caller(made, "ann"), Caller("ben", "user")
    asked = made.access.ask(ben, ["sales.orders.orders@1"], PROBE)
    made.access.ask(Caller("cleo", "user"), ["sales.orders.totals@1"], PROBE)
    made.access.approve(ann, asked["request_id"], reason=PROBE)
    orders = ProductAddress("sales", "orders")
    question = made.feedback.ask(ben, orders, PROBE)
    made.feedback.answer(ann, question["question_id"], PROBE)
    made.feedback.rate(ben, orders, 3, PROBE)
    made.saved_queries.save(ann, "ann", "probe", f"select '{PROBE.replace(chr(39), '')}' as x", title=PROBE)
    until = (made.rooms.now() + dt.timedelta(days=9)).date().isoformat()
    made.governance.waive(ann, "always-broken", "sales.orders.totals@1", reason=PROBE, until=until)
    yield made
    made.close()


def _caller(platform: Platform, name: str) -> Caller:
    found = platform.identity.of_bearer(_secret(platform, name))
    assert found is not None
    return found


def _secret(platform: Platform, name: str) -> str:
    now = platform.rooms.now()
    return platform.identity.tokens.create(
        kind="personal",
        owner=name,
        label=PROBE,
        domain=None,
        actions=None,
        at=now,
        expires_at=now + dt.timedelta(days=9),
    )[1]


class _Seen(HTMLParser):
    """The elements and links of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.elements: set[str] = set()
        self.attributes: set[str] = set()
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links += [value for name, value in attrs if name in ("href", "hx-get", "src") and value]


def test_what_people_write_is_text_on_every_page_and_every_link_leads_somewhere(platform):
    secret = _secret(platform, "ann")
    client = TestClient(create_app(platform), follow_redirects=False, raise_server_exceptions=False)
    headers = {"Authorization": f"Bearer {secret}", "Accept": "text/html"}
    front, seen = deque([("/", "the beginning")]), {"/"}
    wrong, told = [], 0
    front += [
        (path, "the test")
        for path in (
            "/products/sales/orders",
            "/ports/sales/orders/orders",
            "/search?q=orders",
            "/palette?q=orders",
            "/nowhere",
        )
    ]
    while front and len(seen) < MOST:
        path, on = front.popleft()
        answer = client.get(path, headers=headers)
        if answer.status_code >= 400 and path != "/nowhere":
            wrong.append(f"{path} on {on}: {answer.status_code}")
            continue
        if not answer.headers.get("content-type", "").startswith("text/html"):
            continue
        page = _Seen()
        page.feed(answer.text)
        told += "weft-probe" in answer.text
        if page.elements & {"weft-probe"} or page.attributes & {"onclick", "style"}:
            wrong.append(f"{path} on {on}: what somebody wrote is markup")
        if "49</weft-probe" in answer.text or "&amp;49" in answer.text:
            wrong.append(f"{path} on {on}: what somebody wrote is a template")
        for link in page.links:
            target = urldefrag(link).url
            if target.startswith("/") and not target.startswith("//") and target not in seen:
                kind = urlsplit(target).path
                if len([s for s in seen if urlsplit(s).path == kind]) < 8:  # a few of each list's filters will do
                    seen.add(target)
                    front.append((target, path))

    assert wrong == [], "\n".join(wrong)
    assert told >= 20, "the probe stands on many pages"
    assert len(seen) >= 60
