"""Whatever stands in a file that a person writes, weft says what is wrong with it and never fails itself."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import weft
from tests.meshes import command
from tests.unit.project.changed_documents import DOCUMENTS, ELSEWHERE, changed, rich_mesh, written
from weft.errors import WeftError


@pytest.fixture(scope="module")
def mesh(tmp_path_factory):
    return rich_mesh(tmp_path_factory.mktemp("odd") / "mesh")


def test_only_the_problem_elsewhere_is_wrong_with_the_mesh_that_is_changed(mesh):
    with weft.open(mesh.root) as opened:
        assert {d.where.file for d in opened.check().diagnostics if d.severity.value == "error"} == {ELSEWHERE}


@pytest.mark.parametrize("document", DOCUMENTS)
@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck), database=None)
@given(data=st.data())
def test_odd_content_of_a_document_is_a_diagnostic_and_hides_no_other(mesh, document, data):
    path = mesh.path(document)
    original = path.read_text(encoding="utf-8")
    text = written(data.draw(changed(json.loads(original))))
    try:
        path.write_text(text, encoding="utf-8")
        with weft.open(mesh.root) as opened:
            found = opened.check().diagnostics
    finally:
        path.write_text(original, encoding="utf-8")

    assert any(d.where is not None and d.where.file == ELSEWHERE for d in found), "a problem elsewhere went missing"
    for diagnostic in found:
        assert diagnostic.where is not None and diagnostic.where.file, diagnostic
        assert str(diagnostic).encode() and json.dumps(diagnostic.as_json())


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck), database=None)
@given(data=st.data())
def test_odd_settings_are_a_diagnostic(mesh, data):
    kinds = st.none() | st.integers() | st.text(max_size=5) | st.lists(st.integers(), max_size=2) | st.booleans()
    path = mesh.path("weft.toml")
    original = path.read_text(encoding="utf-8")
    section = data.draw(st.sampled_from(["mesh", "storage", "engine", "sources"]))
    name = data.draw(
        st.sampled_from(["name", "domains", "registry", "warehouse", "catalog", "memory_limit", "threads", "allow"])
    )
    value = data.draw(kinds)
    try:
        path.write_text(f"[{section}]\n{name} = {json.dumps(value)}\n", encoding="utf-8")
        try:
            with weft.open(mesh.root) as opened:
                opened.check()
        except WeftError as e:
            assert e.diagnostics
    finally:
        path.write_text(original, encoding="utf-8")


@pytest.mark.parametrize(
    "file",
    [
        *DOCUMENTS[2:],
        "domains/sales/orders/models/orders.sql",
        "domains/sales/orders/models/late.py",
        "domains/sales/policies/names.yaml",
        "governance/policies/names.yaml",
    ],
)
def test_a_pipe_in_place_of_a_file_is_told_and_not_waited_for(mesh, tmp_path, file):
    """In a process of its own, since one that waits for a pipe cannot be told to stop."""
    copy = tmp_path / "mesh"
    shutil.copytree(mesh.root, copy)
    (copy / file).unlink(missing_ok=True)
    (copy / file).parent.mkdir(parents=True, exist_ok=True)
    os.mkfifo(copy / file)

    told = subprocess.run(command("-C", str(copy), "check"), capture_output=True, text=True, timeout=60)

    assert told.returncode == 2, told
    assert f"{Path(file).name}` cannot be read: it is a pipe, a socket or a device" in told.stdout
