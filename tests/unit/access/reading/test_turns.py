"""Whose turn it is to fetch from a database."""

from __future__ import annotations

import threading
import time

import pytest

from weft.access.reading.turns import Turns
from weft.errors import TransientError


def test_of_one_reader_only_a_few_wait_and_others_are_not_kept_out():
    turns = Turns(1, 2, 20)
    ended, came = threading.Event(), []

    def ask(name: str) -> None:
        with turns.turn(name):
            came.append(name)
            ended.wait(20)

    threads = [threading.Thread(target=ask, args=("mallory",)) for _ in range(5)]
    for thread in threads:
        thread.start()
    time.sleep(0.1)

    began = time.monotonic()
    with pytest.raises(TransientError), turns.turn("mallory"):
        pass
    with turns.turn("ann"):
        assert time.monotonic() - began < 5
        assert came == ["mallory"]
    ended.set()
    for thread in threads:
        thread.join()
    assert came == ["mallory"] * 5
