"""What `import weft` gives."""

from __future__ import annotations

import subprocess
import sys

import pytest

import weft
from weft import api


@pytest.mark.parametrize("name", [n for n in weft.__all__ if n != "__version__"])
def test_each_public_name_of_weft_is_one_of_the_api(name: str) -> None:
    found = getattr(weft, name)

    assert name in api.__all__
    assert found is getattr(api, name)


def test_the_verbs_that_need_no_mesh_are_there() -> None:
    verbs = {n for n in api.__all__ if n.startswith(("contract_", "new_"))} | {"init", "open", "schema", "verify"}

    assert verbs <= set(dir(weft))


def test_a_name_that_weft_has_not_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'weft' has no attribute 'publish'"):
        _ = weft.publish


def test_import_weft_alone_imports_none_of_its_rooms() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import sys, weft; print(*sorted(m for m in sys.modules if m.startswith('weft')))"],
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.split() == ["weft", "weft.release"]


def test_the_command_runs_as_a_module_where_its_script_is_not_on_the_path() -> None:
    done = subprocess.run([sys.executable, "-m", "weft", "plan", "--help"], capture_output=True, text=True, check=True)

    assert done.stdout.startswith("Usage: weft plan ")
