"""The generated pages of docs/reference are what the code says, name by name."""

from __future__ import annotations

import re

import click
import pytest

from scripts.make_reference import PAGES, walk
from tests.docs.pages import REFERENCE
from weft.cli.group import weft
from weft.config import describe_settings
from weft.project.schema import KINDS


def page(name: str) -> str:
    return (REFERENCE / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", PAGES)
def test_a_generated_page_is_not_stale(name: str) -> None:
    assert page(name) == PAGES[name](), "`make docs` writes it again"


def test_every_command_is_documented_and_every_documented_command_is_there() -> None:
    documented = set(re.findall(r"^#+ `(weft[^`]*)`$", page("cli.md"), re.MULTILINE))

    assert documented == {path for path, _ in walk(weft)}


def test_every_option_is_documented_and_every_documented_option_is_there() -> None:
    text = page("cli.md")
    documented = {
        heading: set(
            re.findall(r"(?<![\w-])--[a-z][a-z-]*", options.partition("Options:")[2].partition("Examples:")[0])
        )
        for heading, options in re.findall(r"^#+ `(weft[^`]*)`\n\n```text\n(.*?)\n```", text, re.MULTILINE | re.DOTALL)
    }

    for path, command in walk(weft):
        there = {
            name
            for option in command.params
            if isinstance(option, click.Option) and not option.hidden
            for name in (*option.opts, *option.secondary_opts)
            if name.startswith("--")
        } | {"--help"}
        assert there <= documented[path], f"{path} lacks {there - documented[path]}"
        mentioned = documented[path] - there
        assert mentioned <= _all_options(), f"{path} names {mentioned}, which no command has"


def test_every_option_says_what_it_does() -> None:
    silent = [
        f"{path} {option.opts[0]}"
        for path, command in walk(weft)
        for option in command.params
        if isinstance(option, click.Option) and not option.hidden and not option.help
    ]

    assert silent == []


def test_every_setting_is_documented_and_every_documented_setting_is_there() -> None:
    rows = re.findall(r"^\| `([a-z_.]+)` \| `(.*?)` \| `(WEFT_[A-Z_]+)` \| (.*) \|$", page("settings.md"), re.MULTILINE)

    assert rows == describe_settings()
    assert [key for key, _, _, meaning in rows if not meaning] == []


def test_every_kind_of_file_is_documented_and_every_documented_kind_is_there() -> None:
    assert re.findall(r"^## `(\w+)`$", page("files.md"), re.MULTILINE) == list(KINDS)


def _all_options() -> set[str]:
    return {
        name for _, command in walk(weft) for option in command.params for name in option.opts if name.startswith("--")
    }
