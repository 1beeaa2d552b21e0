"""What `weft init` writes for CI, run on the example as the service would: what it asks of GitHub and of GitLab."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.command_server import command_server
from tests.meshes import TestMesh
from weft.api import init
from weft.project.example import copy_example

MODEL = "domains/operations/on_time/models/flights.sql"

# What the service answers stands in comments.json; what it was asked is added to asked.jsonl.
GH = """
import json, pathlib, subprocess, sys
here, words = pathlib.Path(__file__).parent, sys.argv[1:]
given = {w.partition("=")[0]: pathlib.Path(w.partition("=@")[2]).read_text() for w in words if "=@" in w}
with open(here / "asked.jsonl", "a") as log:
    print(json.dumps({"words": [w for w in words if "=@" not in w], "body": given.get("body")}), file=log)
if "--jq" in words:
    comments = (here / "comments.json").read_text()
    query = words[words.index("--jq") + 1]
    sys.exit(subprocess.run(["jq", "--raw-output", query], input=comments, text=True).returncode)
"""
CURL = """
import json, pathlib, sys
here, words = pathlib.Path(__file__).parent, sys.argv[1:]
body = [pathlib.Path(w.partition("@")[2]).read_text() for w in words if w.startswith("body@")]
method = words[words.index("--request") + 1] if "--request" in words else "GET"
asked = {"method": method, "url": words[-1], "body": (body or [None])[0], "header": words[words.index("--header") + 1]}
with open(here / "asked.jsonl", "a") as log:
    print(json.dumps(asked), file=log)
if method == "GET":
    print((here / "comments.json").read_text())
"""


class Service:
    """A CI service that runs the steps of a workflow in a folder, with programs of its own before all others."""

    def __init__(self, mesh: TestMesh, folder: Path) -> None:
        self.mesh, self.folder, self.variables = mesh, folder, {}
        folder.mkdir()
        self.comments([])
        command_server().program(folder / "weft")
        self._program("gh", GH)
        self._program("curl", CURL)
        self._program("pip", "")

    def _program(self, name: str, code: str) -> None:
        path = self.folder / name
        path.write_text(f"#!{sys.executable}\n{code}")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)

    def comments(self, comments: list[dict[str, Any]]) -> None:
        (self.folder / "comments.json").write_text(json.dumps(comments))
        (self.folder / "asked.jsonl").write_text("")

    @property
    def asked(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.folder / "asked.jsonl").read_text().splitlines()]

    def run(self, script: str, **variables: str) -> int:
        """Runs a script as GitHub runs one without a `shell`."""
        path = f"{self.folder}:{os.environ['PATH']}"
        env = {**os.environ, "PATH": path, "NO_COLOR": "1", **self.variables, **variables}
        done = subprocess.run(["bash", "-e", "-c", script], cwd=self.mesh.root, env=env, check=False, timeout=120)
        return done.returncode


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> TestMesh:
    root = tmp_path_factory.mktemp("ci") / "flights"
    copy_example(root)
    mesh = TestMesh(root)
    mesh.json("apply")
    return mesh


@pytest.fixture
def service(published: TestMesh, tmp_path: Path) -> Service:
    return Service(published, tmp_path / "service")


def workflow(tmp_path: Path, ci: str, path: str) -> dict[str, Any]:
    init(tmp_path / "new", "new", ci)
    return YAML(typ="safe").load((tmp_path / "new" / path).read_text())


def on_github(service: Service, steps: list[dict[str, Any]], tmp_path: Path) -> list[int]:
    """Runs the steps; what they write into GITHUB_ENV is there for the next ones."""
    environment, summary = tmp_path / "environment", tmp_path / "summary.md"
    environment.write_text("")
    service.variables = {"GITHUB_ENV": str(environment), "GITHUB_STEP_SUMMARY": str(summary)}
    service.variables |= {"GITHUB_REPOSITORY": "acme/mesh"}
    found = []
    for step in steps:
        if "run" in step:
            assert set(step.get("env", ())) <= {"GH_TOKEN", "PULL_REQUEST"}
            given = {"GH_TOKEN": "token", "PULL_REQUEST": "7"} if "env" in step else {}
            found.append(service.run(step["run"], **given))
            service.variables |= dict(line.split("=", 1) for line in environment.read_text().splitlines())
    return found


def test_on_github_the_plan_becomes_a_comment_and_the_next_push_updates_it(service: Service, tmp_path: Path) -> None:
    written = workflow(tmp_path, "github", ".github/workflows/weft.yml")
    assert written["permissions"] == {"contents": "read", "pull-requests": "write"}
    steps = written["jobs"]["plan"]["steps"]
    before = service.mesh.path(MODEL).read_text()
    service.mesh.edit(MODEL, "    dep_delay,", "    greatest(dep_delay, -60) as dep_delay,")

    first = on_github(service, steps, tmp_path)
    asked = service.asked
    body = asked[1]["body"]
    others = [
        {"id": 1, "user": {"login": "ada"}, "body": body},
        {"id": 2, "user": {"login": "github-actions[bot]"}, "body": "<!-- weft plan: another mesh -->\n"},
        {"id": 3, "user": {"login": "github-actions[bot]"}, "body": body.replace("\n", "\r\n")},
    ]
    service.comments(others)
    second = on_github(service, steps, tmp_path)
    service.mesh.path(MODEL).write_text(before)

    assert first == second == [0, 0, 0, 0, 0, 0]
    comments = "repos/acme/mesh/issues/7/comments"
    assert asked[0]["words"][:3] == ["api", "--paginate", comments]
    assert asked[1]["words"] == ["api", "--silent", "--method", "POST", comments, "-F"]
    assert body.startswith("<!-- weft plan: flights -->\n### weft plan: flights: 4 to rebuild")
    assert "**Downstream: 5 may change, 35 unaffected**" in body
    assert (tmp_path / "summary.md").read_text() == body * 2
    assert service.asked[1]["words"] == [
        *("api", "--silent", "--method", "PATCH"),
        *("repos/acme/mesh/issues/comments/3", "-F"),
    ]


def test_on_github_a_refused_plan_is_commented_and_fails_the_job_at_its_end(service: Service, tmp_path: Path) -> None:
    steps = workflow(tmp_path, "github", ".github/workflows/weft.yml")["jobs"]["plan"]["steps"]
    contract = "domains/fleet/aircraft/contracts/planes.odcs.yaml"
    before = {
        path: service.mesh.path(path).read_text() for path in (contract, "domains/fleet/aircraft/models/planes.sql")
    }
    service.mesh.edit("domains/fleet/aircraft/models/planes.sql", "    seats,", "    seats as places,")
    service.mesh.edit(contract, "name: seats", "name: places")

    found = on_github(service, steps, tmp_path)
    for path, text in before.items():
        service.mesh.path(path).write_text(text)

    assert found == [0, 0, 0, 0, 0, 1]
    body = service.asked[1]["body"]
    assert "REFUSED" in body
    assert "**error WFT-CON-004**" in body and "**Downstream: 1 breaks, 12 unaffected**" in body


def test_on_gitlab_the_plan_becomes_a_note_and_the_next_push_updates_it(service: Service, tmp_path: Path) -> None:
    job = workflow(tmp_path, "gitlab", ".gitlab-ci.yml")["weft"]
    script = "\n".join([*job["before_script"], *job["script"]])
    service.variables = {
        "CI_API_V4_URL": "https://git.example/api/v4",
        "CI_PROJECT_ID": "5",
        "CI_MERGE_REQUEST_IID": "9",
    }

    without = service.run(script)
    assert (without, service.asked) == (0, [])
    first = service.run(script, WEFT_COMMENT_TOKEN="secret")
    asked = service.asked
    service.comments([{"id": 4, "body": "hello"}, {"id": 8, "body": asked[1]["body"]}])
    second = service.run(script, WEFT_COMMENT_TOKEN="secret")

    assert first == second == 0
    notes = "https://git.example/api/v4/projects/5/merge_requests/9/notes"
    assert [(a["method"], a["url"], a["header"]) for a in asked] == [
        ("GET", f"{notes}?per_page=100&sort=asc", "PRIVATE-TOKEN: secret"),
        ("POST", notes, "PRIVATE-TOKEN: secret"),
    ]
    assert asked[1]["body"].startswith("<!-- weft plan: flights -->\n")
    assert [(a["method"], a["url"]) for a in service.asked][1] == ("PUT", f"{notes}/8")
