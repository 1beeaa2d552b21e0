"""How the blocks of a page are read and run."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.blocks import BlockFailed, Shell, blocks, reader_environment, same_output

PAGE = """\
Some prose.

```sh accept
make demo
```

1. In a list:

   ```yaml file=a/b.yaml
   a: 1
   ```
"""


@pytest.fixture
def page(tmp_path: Path) -> Path:
    """A page to be written by a test."""
    return tmp_path / "page.md"


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """A reader's shell in an empty folder."""
    folder = tmp_path / "folder"
    folder.mkdir()
    return Shell(folder, reader_environment(), tmp_path / "state")


def run_all(page: Path, shell: Shell, text: str) -> None:
    page.write_text(text, encoding="utf-8")
    for block in blocks(page):
        shell.run(block)


def test_a_block_knows_its_place_its_language_and_its_flags(page: Path) -> None:
    page.write_text(PAGE, encoding="utf-8")

    first, second = blocks(page)

    assert (first.line, first.language, first.accept_only) == (3, "sh", True)
    assert (second.language, second.saved_as, second.text) == ("yaml", "a/b.yaml", "a: 1\n")


def test_a_block_that_is_never_closed_is_an_error(page: Path) -> None:
    page.write_text("```sh\necho\n", encoding="utf-8")

    with pytest.raises(BlockFailed, match="never closed"):
        list(blocks(page))


def test_folder_and_variables_live_from_one_block_to_the_next(page: Path, shell: Shell) -> None:
    run_all(
        page,
        shell,
        "```sh\nmkdir inner\ncd inner\nexport A='b c'\n```\n\n```console\n$ echo $(basename $PWD) $A\ninner b c\n```\n",
    )


def test_a_script_stops_at_its_first_failing_command(page: Path, shell: Shell) -> None:
    with pytest.raises(BlockFailed, match="ended with 1"):
        run_all(page, shell, "```sh\nfalse\ntrue\n```\n")


def test_a_session_says_how_a_command_ends(page: Path, shell: Shell) -> None:
    run_all(page, shell, "```console\n$ exit 3  # exit 3\n```\n")

    with pytest.raises(BlockFailed, match="ended with 0, not 3"):
        run_all(page, shell, "```console\n$ true  # exit 3\n```\n")


def test_another_output_than_the_page_shows_is_an_error(page: Path, shell: Shell) -> None:
    with pytest.raises(BlockFailed, match="prints something else"):
        run_all(page, shell, "```console\n$ echo four\nfive\n```\n")


@pytest.mark.parametrize(
    ("expected", "printed"),
    [
        ("done in 0.4 s", "done in 12.25 s"),
        ("published 2026-01-01 10:00", "published 2027-03-04 11:12"),
        ("snapshot 4411223344556677", "snapshot 9988776655443322"),
        ("run 0b1c2d3e4f", "run 99aabbccdd"),
        ("a   b", "a b"),
        ("first\n…\nlast", "first\nsecond\nthird\nlast"),
        ("rows … checks", "rows 12 checks"),
    ],
)
def test_what_varies_from_run_to_run_is_not_compared(expected: str, printed: str) -> None:
    assert same_output(expected, printed)


@pytest.mark.parametrize(
    ("expected", "printed"), [("336776 rows", "336775 rows"), ("a", "a\nb"), ("planes passed", "planes failed")]
)
def test_everything_else_is_compared(expected: str, printed: str) -> None:
    assert not same_output(expected, printed)
