"""Does what a newcomer does: README from `git clone` on, in an empty folder; then that clone's acceptance tests."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.docs.blocks import RUN, BlockFailed, Shell, blocks, reader_environment  # noqa: E402

CLONE = re.compile(r"git clone (?P<url>\S+)")


def main() -> int:
    """Runs it all and returns the exit code."""
    changed = subprocess.run(
        ["git", "status", "--porcelain"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.strip()
    if changed:
        print("note: what is not committed is not in the clone", file=sys.stderr)
    readme = ROOT / "README.md"
    url = CLONE.search(readme.read_text(encoding="utf-8"))
    if url is None:
        raise BlockFailed("README.md does not begin with `git clone`")
    with tempfile.TemporaryDirectory(prefix="weft-accept-") as scratch:
        newcomer = Path(scratch) / "newcomer"
        newcomer.mkdir()
        environment = {
            **reader_environment(),
            "HOME": scratch,
            # the address that README names is this repository, as it is committed
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": f"url.{ROOT.as_uri()}.insteadOf",
            "GIT_CONFIG_VALUE_0": url["url"],
            "DEMO_ARGS": "--no-serve",  # a newcomer ends the portal with Ctrl-C, for which nobody is here
            "WEFT_SHARED": os.environ.get("WEFT_SHARED", str(ROOT.parent / "shared")),
        }
        environment.pop("VIRTUAL_ENV", None)
        shell = Shell(newcomer, environment, Path(scratch) / "state", timeout_s=1800)
        for block in blocks(readme):
            if block.language in RUN:
                print(f"README.md:{block.line}", flush=True)
                shell.run(block)
        clone = next(newcomer.iterdir())
        subprocess.run(["make", "setup"], cwd=clone, env=environment, check=True)
        tests = [".venv/bin/python", "-m", "pytest", "-m", "accept", *sys.argv[1:]]
        return subprocess.run(tests, cwd=clone, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
