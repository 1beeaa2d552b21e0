"""Settings of kept tables: which go together."""

from __future__ import annotations

from typing import Any

import pytest

from weft.model.materialization import keeping, wrong_settings


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"materialized": "full"},
        {"materialized": "incremental", "time_column": "at", "lookback": "3d", "batch_size": "1mo"},
        {"materialized": "merge", "key": "id"},
        {"materialized": "merge", "key": ["id", "day"], "delete": "missing"},
        {"materialized": "merge", "key": "id", "delete": "gone", "time_column": "at", "lookback": "0s"},
        {"materialized": "append", "key": "id"},
        {"materialized": "append", "time_column": "at"},
        {"materialized": "scd2", "key": "id", "time_column": "at", "delete": "missing"},
    ],
)
def test_settings_that_go_together(settings: dict[str, Any]) -> None:
    assert wrong_settings(settings) == []
    assert keeping(settings).kind == settings.get("materialized", "full")


@pytest.mark.parametrize(
    ("settings", "at", "what"),
    [
        ({"materialized": "view"}, "materialized", "`materialized: view` is no way to keep rows"),
        ({"time_column": "at"}, "time_column", "`time_column` means nothing for `materialized: full`"),
        ({"materialized": "incremental"}, "materialized", "`materialized: incremental` needs `time_column`"),
        (
            {"materialized": "incremental", "time_column": "at", "key": "id"},
            "key",
            "`key` means nothing for `materialized: incremental`",
        ),
        ({"materialized": "merge"}, "materialized", "`materialized: merge` needs `key`"),
        ({"materialized": "scd2", "time_column": "at"}, "materialized", "`materialized: scd2` needs `key`"),
        ({"materialized": "append"}, "materialized", "`materialized: append` needs `key` or `time_column`"),
        ({"materialized": "merge", "key": "id", "lookback": "1d"}, "lookback", "`lookback` needs a `time_column`"),
        (
            {"materialized": "append", "time_column": "at", "lookback": "1d"},
            "lookback",
            "`lookback` would add rows twice without a `key`",
        ),
        (
            {"materialized": "merge", "key": "id", "time_column": "at", "lookback": "1d", "delete": "missing"},
            "delete",
            "`delete: missing` looks at every key, `lookback` at the newest rows alone",
        ),
        (
            {"materialized": "incremental", "time_column": "at", "batch_size": "0d"},
            "batch_size",
            "`batch_size` must be longer than nothing",
        ),
        ({"materialized": "merge", "key": []}, "key", "`key` must be a column or a list of columns"),
        ({"materialized": "merge", "key": ["id", "ID"]}, "key", "`key` names a column twice"),
        ({"materialized": "merge", "key": "id", "delete": True}, "delete", "`delete` must be the name of a column"),
    ],
)
def test_settings_that_do_not_go_together_are_told_at_one_of_them(settings: dict[str, Any], at: str, what: str) -> None:
    ((found_at, found, fix), *_) = wrong_settings(settings)

    assert (found_at, found) == (at, what)
    assert fix


def test_what_is_cut_by_time_can_be_asked_for_by_time() -> None:
    by_time = {"time_column": "at"}

    assert keeping({"materialized": "incremental", **by_time}).by_time
    assert keeping({"materialized": "merge", "key": "id", **by_time}).by_time
    assert not keeping({"materialized": "merge", "key": "id", "delete": "missing", **by_time}).by_time
    assert not keeping({"materialized": "append", **by_time}).by_time
    assert not keeping({"materialized": "merge", "key": "id"}).by_time
