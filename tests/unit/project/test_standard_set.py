"""The policies that weft ships, written into a mesh."""

from __future__ import annotations

from pathlib import Path

import pytest

import weft
from weft.api import init, new_domain
from weft.errors import UsageError
from weft.project.example import example_folder
from weft.project.standard_set import FOLDER


def shipped() -> list[str]:
    return ["governance/README.md", *(f"governance/policies/{p.name}" for p in sorted(FOLDER.glob("policies/*.yaml")))]


def below(root: Path, written: list[Path]) -> list[str]:
    return [p.relative_to(root).as_posix() for p in written]


def test_a_new_mesh_begins_with_the_standard_set_when_it_is_asked_for(tmp_path: Path) -> None:
    written = below(tmp_path, init(tmp_path, "ours", "none", "standard"))

    assert written == ["weft.toml", ".gitignore", *shipped()]
    new_domain(tmp_path, "fleet")
    with weft.open(tmp_path) as mesh:
        assert not mesh.check().diagnostics


def test_without_being_asked_for_it_is_not_written(tmp_path: Path) -> None:
    init(tmp_path, "ours", "none")

    assert not (tmp_path / "governance").exists()


def test_a_mesh_that_is_there_gets_the_set_and_keeps_what_it_has(tmp_path: Path) -> None:
    init(tmp_path, "ours", "none")
    new_domain(tmp_path, "fleet")
    settings = (tmp_path / "weft.toml").read_text()
    policies = tmp_path / "governance" / "policies"
    policies.mkdir(parents=True)
    (policies / "names-are-plain.yaml").write_text("# ours\n")
    (policies / "mine.yaml").write_text(
        "id: owner-is-named\ntitle: Mine\nkind: documentation\nseverity: low\nasks: Mine.\n"
        "check: select product as subject from products where 0\n"
    )

    written = below(tmp_path, init(tmp_path, "other", "github", "standard"))

    kept = {"governance/policies/names-are-plain.yaml", "governance/policies/owner-is-named.yaml"}
    assert written == [name for name in shipped() if name not in kept]
    assert (policies / "names-are-plain.yaml").read_text() == "# ours\n"
    assert not (policies / "owner-is-named.yaml").exists()
    assert (tmp_path / "weft.toml").read_text() == settings
    assert not (tmp_path / ".github").exists()


def test_asked_for_twice_it_is_written_once(tmp_path: Path) -> None:
    init(tmp_path, "ours", "none", "standard")

    assert init(tmp_path, "ours", "none", "standard") == []


def test_a_set_that_is_not_there_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as raised:
        init(tmp_path, "ours", "none", "standart")

    (diagnostic,) = raised.value.diagnostics
    assert diagnostic.code == "WFT-GOV-060"
    assert "standard" in str(diagnostic.fix)
    assert list(tmp_path.iterdir()) == []


def test_the_example_has_a_part_of_the_set_as_it_is_shipped() -> None:
    theirs = sorted((example_folder() / "governance" / "policies").glob("*.yaml"))

    assert len(theirs) >= 15
    # the example keeps two of them for scans: a plan of it would otherwise say the same each time
    written = [p.read_text().replace("\nwhen: [scan]\nasks", "\nasks") for p in theirs]
    shipped = [(FOLDER / "policies" / p.name).read_text().replace("\nwhen: [scan]\nasks", "\nasks") for p in theirs]
    assert written == shipped
