"""A column whose contract says less than lineage gives it is shown as lineage demands, from the next read on."""

from __future__ import annotations

import csv
import io
from contextlib import closing
from pathlib import Path

import pytest

from tests.meshes import TestMesh
from tests.scenarios.test_classification import prepared
from weft.api.platform import Platform, open_platform
from weft.errors import PlatformError, WeftError
from weft.model.address import parse_address

PORT = "news.letter.subscribers"
MODEL = "domains/news/letter/models/subscribers.sql"
ASKED = f"select contact, token from {PORT} order by all"


@pytest.fixture
def mesh(tmp_path: Path) -> TestMesh:
    made = prepared(tmp_path)
    assert made.weft("apply").returncode == 0
    with closing(open_platform(tmp_path)) as platform:
        _grant(platform)
    return made


def _grant(platform: Platform) -> None:
    address, now = parse_address(f"{PORT}@1"), platform.rooms.now()
    platform.scanning.grants.grant(address, "user", "eve", basis="request", actor="ann", at=now, ends_at=None)


def seen(mesh: TestMesh) -> list[dict[str, str]]:
    """What eve is shown."""
    done = mesh.weft("query", "--as", "eve", "--format", "csv", ASKED)
    assert done.returncode == 0, done.stderr
    return list(csv.DictReader(io.StringIO(done.stdout)))


def test_what_is_declared_public_and_made_from_what_is_confidential_is_masked_and_explained(mesh):
    rows = seen(mesh)
    (contact, _, token, _) = mesh.json("access", "explain", "eve", PORT)["columns"]
    page = mesh.weft("access", "explain", "eve", PORT).stdout

    assert [len(row["contact"]) for row in rows] == [64, 64], "a hash"
    assert not any("@" in row["contact"] for row in rows)
    assert contact["shown"] == "masked"
    assert contact["why"][0]["effect"] == "inherit"
    assert token["shown"] == "clear", "an anonymisation that is recognised lowers the level"
    assert "it is confidential by what it is made from, and declares public" in page
    assert "sales.crm" not in page, "of what it is made is not for whoever may not see that"
    owner = mesh.weft("query", "--format", "csv", ASKED).stdout
    assert "a@example.com" in owner


def test_a_decision_follows_the_registry_in_both_directions(mesh):
    with closing(open_platform(mesh.root)) as platform:
        eve = platform.rooms.principal_named("eve")

        def shown() -> str:
            _, decision = platform.rooms.counter.decision(eve, parse_address(PORT))
            return str(decision.masks.get("contact"))

        before = shown()
        mesh.edit(MODEL, "mail as contact", "team as contact")
        assert mesh.weft("apply").returncode == 0
        lowered = shown()
        mesh.edit(MODEL, "team as contact", "mail as contact")
        assert mesh.weft("apply").returncode == 0
        raised = shown()

    assert (before, lowered, raised) == ("hash", "None", "hash")


def test_where_nobody_can_tell_what_columns_inherit_nothing_is_shown(mesh):
    book = mesh.path(".weft/governance.db")
    for file in (book, book.with_name("governance.db-wal"), book.with_name("governance.db-shm")):
        file.unlink(missing_ok=True)
    book.mkdir()

    with closing(open_platform(mesh.root)) as platform:
        eve = platform.rooms.principal_named("eve")
        with pytest.raises(PlatformError, match="WFT-GOV-009"):
            platform.rooms.counter.open(eve, parse_address(PORT))
    done = mesh.weft("query", "--as", "eve", ASKED)

    assert done.returncode == 5, done.stdout
    assert "WFT-GOV-009" in done.stderr
    assert mesh.weft("query", ASKED).returncode == 0, "the owner of the folder reads as before"


def test_what_inherits_more_than_its_level_is_neither_granted_at_once_nor_free_for_products(mesh):
    with closing(open_platform(mesh.root)) as platform:
        scanning, rooms = platform.scanning, platform.rooms
        state = rooms.published(f"{PORT}@1")
        level = rooms.grounds.level_of(state.address, state.contract)
        with pytest.raises(WeftError, match="there is no published port"):
            rooms.published("news.letter.nothing@1")

        assert str(level) == "confidential"
        assert not scanning.may_build_on(parse_address("other.report.x@1").of_product, state)
