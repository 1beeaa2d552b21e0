"""The example mesh that weft carries: flights from New York in 2013."""

from __future__ import annotations

import shutil
from pathlib import Path

from weft.errors import PlatformError, error

DEMO_MARK = "demo/written-by-weft-demo"
"""A file among the state of a mesh that says that `weft demo` has made it."""


def example_folder() -> Path:
    """The folder of the example: inside an installed weft, or at the top of a checkout.

    Raises:
        PlatformError: WFT-CLI-003, this weft was installed without it.
    """
    package = Path(__file__).parents[1]
    for folder in (package / "examples" / "flights", package.parents[1] / "examples" / "flights"):
        if (folder / "weft.toml").is_file():
            return folder
    raise PlatformError(
        error("WFT-CLI-003", "this weft was installed without its example", fix="pip install --force-reinstall weft")
    )


def copy_example(target: Path) -> None:
    """Writes the example's files into a folder, without what was built from them."""
    unwanted = shutil.ignore_patterns(".weft", "__pycache__", ".gitignore")
    shutil.copytree(example_folder(), target, dirs_exist_ok=True, ignore=unwanted)
