"""The example mesh with markup in every text that people write: files, requests, queries, reasons, comments."""

from __future__ import annotations

import datetime as dt
import subprocess
from pathlib import Path
from typing import Any

import yaml

from tests.browser.company import CONSUMER, LEAD, OPERATOR, OWNER, PASSWORD, PEOPLE, READER, STRANGER
from tests.meshes import command
from weft.access.permissions import Caller
from weft.api.platform import Platform, open_platform
from weft.cli.demo_changes import spoil_source
from weft.errors import ContractBroken
from weft.model.address import ProductAddress
from weft.project.example import copy_example

EVIL = """<img src=x onerror="window.owned=1"><script>window.owned=1</script>'"><svg/onload=window.owned=1>{{7*7}}"""
"""Makes `window.owned` where it is taken for markup in a text, in an attribute or in a script."""
LINK = "javascript:window.owned=1"
COLUMN = "tail<b onmouseover=window.owned=1>"
"""A column's name."""
TAG = "a<i>b"
_TEXTS = {
    *("title", "description", "purpose", "limitations", "usage", "businessName", "dataGranularityDescription"),
    *("team", "contact", "costCenter", "definition", "asks", "why", "remediation", "owner", "tool", "channel"),
}
"""Fields of descriptors, contracts, domains, policies and glossaries whose text is free."""


def make(folder: Path) -> None:
    """Writes and applies the mesh, with a run that fails, and lets people write markup wherever they can."""
    copy_example(folder)
    (folder / "governance" / "glossary.yaml").write_text(
        yaml.safe_dump(
            {"terms": [{"id": "delay", "title": "Delay", "definition": "d", "synonyms": [EVIL], "owner": "x"}]}
        )
    )
    for file in (*folder.glob("domains/**/*.yaml"), *folder.glob("governance/**/*.yaml")):
        file.write_text(yaml.safe_dump(_spoilt(yaml.safe_load(file.read_text())), sort_keys=False, width=10_000))
    _spoil_column(folder)
    _weft(folder, "apply")
    spoil_source(folder)
    _weft(folder, "apply", expect=ContractBroken.exit_code)
    _weft(folder, "policy", "scan")
    platform = open_platform(folder)
    for name, roles in PEOPLE.items():
        platform.identity.user_verbs.add(name, PASSWORD, [r.value for r in roles], actor="tests")
    platform.close()


def _weft(folder: Path, *words: str, expect: int = 0) -> None:
    done = subprocess.run(command("-C", str(folder), *words), capture_output=True, text=True, check=False)
    assert done.returncode == expect, done.stdout + done.stderr


def _spoilt(document: Any, key: str = "") -> Any:
    """A document with markup behind each free text, and a tag with markup."""
    if isinstance(document, dict):
        return {name: value if name == "given" else _spoilt(value, name) for name, value in document.items()}
    if isinstance(document, list):
        return [*(_spoilt(one) for one in document), *([TAG] if key == "tags" else [])]
    if key == "url" and isinstance(document, str):
        return LINK
    return f"{document} {EVIL}" if key in _TEXTS and isinstance(document, str) else document


def _spoil_column(folder: Path) -> None:
    """Gives a port a column whose name is markup."""
    aircraft = folder / "domains" / "fleet" / "aircraft"
    contract = aircraft / "contracts" / "planes.odcs.yaml"
    document = yaml.safe_load(contract.read_text())
    document["schema"][0]["properties"].append(
        {
            "id": "evil", "name": COLUMN, "logicalType": "string", "physicalType": "VARCHAR",
            "description": EVIL, "classification": "public",
        }
    )  # fmt: skip
    contract.write_text(yaml.safe_dump(document, sort_keys=False, width=10_000))
    model = aircraft / "models" / "planes.sql"
    text = model.read_text()
    value = EVIL.replace("'", "''")
    model.write_text(f"""select made.*, '{value}' as "{COLUMN}" from (\n{text}\n) as made\n""")


def _who(platform: Platform, name: str) -> Caller:
    return Caller(name, "user", frozenset(PEOPLE[name]), platform.identity.roles_of(name))


def written(platform: Platform) -> list[str]:
    """Lets people write markup; gives the pages of what they have written."""
    access, day = platform.access, (platform.rooms.now() + dt.timedelta(days=20)).date().isoformat()
    waits = access.ask(_who(platform, OWNER), ["crew.roster.assignments"], EVIL)["request_id"]
    declined = access.ask(_who(platform, STRANGER), ["crew.roster.assignments"], EVIL)["request_id"]
    access.decline(_who(platform, CONSUMER), declined, reason=EVIL)
    granted = access.ask(_who(platform, READER), ["crew.roster.assignments"], EVIL)["request_id"]
    access.approve(_who(platform, CONSUMER), granted, reason=EVIL)
    product = ProductAddress("operations", "on_time")
    asked = platform.feedback.ask(_who(platform, CONSUMER), product, EVIL)["question_id"]
    platform.feedback.answer(_who(platform, OWNER), asked, EVIL)
    platform.feedback.rate(_who(platform, CONSUMER), product, 2, EVIL)
    query = f'select 1 as "{EVIL.replace(chr(34), chr(34) * 2)}" from operations.on_time.flights limit 1'
    platform.saved_queries.save(_who(platform, OWNER), OWNER, "evil", query, title=EVIL, purpose=EVIL)
    lead = _who(platform, LEAD)
    violation = platform.governance.violations(lead)["items"][0]
    platform.governance.waive(lead, violation["policy"], violation["subject"], reason=EVIL, until=day)
    platform.governance.accept(lead, domain="operations", owner=EVIL, plan=EVIL, until=day)
    platform.incidents.look()
    incident = platform.incidents.listed(domain="operations")[0]["incident_id"]
    platform.incidents.comment(_who(platform, OWNER), incident, EVIL)
    platform.identity.token_verbs.create(_who(platform, OWNER), label=EVIL)
    platform.notices.subscribe(_who(platform, OWNER), "operations", f"https://hooks.example.com/{TAG}", channel="slack")
    made = {"name": "evil", "title": EVIL, "kind": "aggregate", "description": EVIL, "owner": {"team": EVIL}}
    platform.requisitions.create(_who(platform, OPERATOR), made | {"tags": [TAG]})
    return [
        *(f"/access/requests/{one}" for one in (waits, declined, granted)),
        f"/governance/violations/{violation['violation_id']}",
        f"/incidents/{incident}",
        f"/workbench?saved={OWNER}/evil",
        "/domains/evil",
    ]
