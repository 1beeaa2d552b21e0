"""The page of a verification: one file that needs nothing beside it, and shows no markup of the data's."""

from __future__ import annotations

import datetime as dt
import json
from html.parser import HTMLParser

import pytest

from weft.cli.main import run
from weft.cli.render.report import report
from weft.errors import error
from weft.model.checks import CheckResult, CheckSeverity, Outcome, Rule

WHEN = dt.datetime(2026, 3, 1, 12, 0, tzinfo=dt.UTC)


def check(result: Outcome, name: str = "id.range", **fields: object) -> CheckResult:
    """A check of one column."""
    severity = fields.pop("severity", CheckSeverity.ERROR)
    return CheckResult(name, Rule.RANGE, "id", "conformity", severity, result, **fields)  # type: ignore[arg-type]


class Page(HTMLParser):
    """A page that was read: its text, its tags, and what it names outside itself."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.opened: list[str] = []
        self.links: list[str] = []
        self.unclosed: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.opened.append(tag)
        self.links += [str(value) for name, value in attrs if name in ("src", "href", "action")]
        if tag not in ("meta", "link", "img", "br"):
            self.unclosed.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.unclosed.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data.strip())


def read(*checks: CheckResult, result: str = "failed", **fields: object) -> Page:
    diagnostics = fields.pop("diagnostics", ())
    return Page(report("Shop <orders>", "1.0.0", result, 7, checks, diagnostics, WHEN))  # type: ignore[arg-type]


def test_the_page_tells_what_was_promised_what_was_found_and_which_rows() -> None:
    found = read(
        check(
            Outcome.FAILED,
            failed_rows=2,
            total_rows=7,
            expected="≥ 1",
            actual="2 rows (28.57 %)",
            samples=({"id": 1, "code": None},),
        )
    )

    for word in (
        "The data breaks its contract",
        "id.range",
        "≥ 1",
        "2 of 7 rows (28.57%)",
        "code",
        "∅",
        "2026-03-01 12:00:00 UTC",
    ):
        assert word in found.words


def test_the_page_is_whole_and_needs_nothing_beside_it() -> None:
    found = read(check(Outcome.PASSED), check(Outcome.ERROR, reason="no column `x`"))

    assert (found.unclosed, found.links) == ([], [])
    assert not {"script", "link", "img", "iframe"} & set(found.opened)


def test_markup_and_control_characters_of_the_data_are_text() -> None:
    evil = "<script>alert(1)</script>`</code><b>\x1b\x00"

    found = read(
        check(Outcome.FAILED, failed_rows=1, total_rows=1, expected=evil, reason=evil, samples=({evil: evil},))
    )

    assert not {"script", "b"} & set(found.opened)
    assert "\x1b" not in "".join(found.words)


def test_what_blocks_comes_first_and_what_is_kept_last() -> None:
    found = read(
        check(Outcome.PASSED, "kept"),
        check(Outcome.FAILED, "warns", severity=CheckSeverity.WARNING),
        check(Outcome.ERROR, "cannot"),
        check(Outcome.FAILED, "breaks"),
    )

    order = [w for w in found.words if w in ("kept", "warns", "cannot", "breaks")]
    assert order == ["breaks", "cannot", "warns", "kept"]
    assert "failed, warning" in found.words


def test_data_that_could_not_be_read_is_told_with_what_mends_it() -> None:
    problem = error("WFT-SRC-010", "`db` cannot be opened", why="no route", fix="try again")

    found = read(result="error", diagnostics=(problem,))

    for word in ("The data could not be read", "cannot be opened", "no route", "try again", "WFT-SRC-010"):
        assert word in found.words


@pytest.mark.parametrize(
    ("form", "begins"), [("html", "<!doctype html>"), ("json", "{"), ("junit", "<?xml"), ("text", "ok")]
)
def test_every_form_can_be_written_to_a_file(tmp_path, monkeypatch, capsys, form, begins) -> None:
    monkeypatch.chdir(tmp_path)
    schema = [{"name": "t", "properties": [{"name": "id", "logicalType": "integer"}]}]
    data = {"apiVersion": "v3.1.0", "kind": "DataContract", "id": "c", "version": "1.0.0", "status": "active"}
    (tmp_path / "c.odcs.yaml").write_text(json.dumps({**data, "schema": schema}))
    (tmp_path / "t.csv").write_text("id\n1\n")

    ended = run(["verify", "c.odcs.yaml", "--data", "t.csv", "--format", form, "--out", "answer"])

    assert ended == 0
    assert (tmp_path / "answer").read_text(encoding="utf-8").startswith(begins)
    assert capsys.readouterr().out == ""
