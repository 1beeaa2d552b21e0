"""The example mesh on a server, with people who can sign in."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.conformance.test_verbs import listening
from tests.meshes import command
from weft.access.permissions import Role
from weft.api.platform import Platform, open_platform

PASSWORD = "a password of the tests"
CONSUMER = "rebecca.stone@example.com"
OWNER = "dana.kessler@example.com"
LEAD = "gaia.lead@example.com"
PRODUCER = "yusuf.demir@example.com"
DEVELOPER = "alice.moreno@example.com"
OPERATOR = "otto.operator@example.com"
READER = "hanna.virtanen@example.com"
"""Has a grant on the crew's roster, with masks and some of its rows."""
STRANGER = "sam.stranger@example.com"
PEOPLE: dict[str, list[Role]] = {
    CONSUMER: [],
    OWNER: [],
    PRODUCER: [],
    READER: [],
    DEVELOPER: [],
    STRANGER: [],
    LEAD: [Role.GOVERNANCE_LEAD],
    OPERATOR: [Role.OPERATOR],
}


@dataclass
class Served:
    """A server over a mesh in a folder."""

    root: Path
    url: str
    platform: Platform


def make(folder: Path) -> None:
    """Makes the demo's mesh in a folder, with people who can sign in."""
    done = subprocess.run(command("demo", str(folder), "--no-serve"), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    platform = open_platform(folder)
    for name, roles in PEOPLE.items():
        platform.identity.user_verbs.add(name, PASSWORD, [r.value for r in roles], actor="tests")
    platform.close()


@contextmanager
def served(root: Path, template: Path) -> Iterator[Served]:
    """A copy of a demo's mesh on a server of this process."""
    folder = root / "mesh"
    shutil.copytree(template, folder)
    platform = open_platform(folder)
    try:
        with listening(platform) as number:
            yield Served(folder, f"http://127.0.0.1:{number}", platform)
    finally:
        platform.close()
