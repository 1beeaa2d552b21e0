"""The two worlds, asked by an assistant: what it gets does not depend on what its person may not see."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from mcp.client.client import Client

from tests.unit.access.reading.attacks import ATTACKS
from tests.unit.access.reading.worlds import READER, Unguarded, World, bounded, shown_sentinels
from weft.access.query_places import placed
from weft.access.reading.asking import Readers
from weft.api.wires.assistant_rows import rows, taken
from weft.api.wires.assistant_wants import Query, tool_named
from weft.server.mcp.desk import desk


class Asked:
    """The tools of somebody who reads a world: the pages of a query are those of every assistant."""

    def __init__(self, readers: Readers, world: World) -> None:
        self._ask = taken(lambda question: readers.ask(world, READER, question, placed))  # type: ignore[arg-type]

    def call(self, name: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        want = tool_named(name).want(arguments)
        assert isinstance(want, Query)
        return rows(want, self._ask)

    def stop(self) -> None:
        """Nothing runs on."""


def answers(readers: Readers, world: World, asked: list[str]) -> list[str]:
    """The whole of what an assistant is told for each text, its second page included."""

    async def script() -> list[str]:
        told = []
        async with Client(desk(Asked(readers, world)), mode="legacy") as weft:
            for sql in asked:
                found = await weft.call_tool("query", {"sql": sql, "limit": 100})
                told.append(f"{found.is_error} {found.content[0].text} {found.structured_content}")
                if not found.is_error and found.structured_content["next"]:
                    cursor = found.structured_content["next"]
                    found = await weft.call_tool("query", {"sql": sql, "limit": 100, "cursor": cursor})
                    told[-1] += f"{found.is_error} {found.content[0].text}"
        return told

    return asyncio.run(script())


@pytest.mark.parametrize("kind", list(ATTACKS))
def test_an_attack_gets_the_same_in_both_worlds_and_shows_nothing(kind, worlds, readers, impatient, every):
    before = worlds[0].state()
    asked = impatient if kind == "exhaustion" else readers

    first, second = (answers(asked, world, every[kind]) for world in worlds)

    bad = []
    for sql, one, other in zip(every[kind], first, second, strict=True):
        shown = [
            word
            for text, world in ((one, worlds[0]), (other, worlds[1]))
            for word in shown_sentinels(text, world)
            if word.lower() not in sql.lower()
        ]
        if bounded(kind, one) != bounded(kind, other) or shown or "Traceback" in one or "WFT-SRV-074" in one:
            bad.append((sql, one[:300], other[:300], shown))
    assert bad == []
    assert worlds[0].state() == before


def test_the_same_attacks_tell_worlds_apart_where_nothing_is_hidden(worlds, readers, every):
    opened = [worlds[0], *(Unguarded(world) for world in worlds)]

    for kind in ("statistics", "masked columns"):
        told = [answers(readers, world, every[kind]) for world in opened]
        apart = sum(len(set(each)) > 1 for each in zip(*told, strict=True))
        assert apart >= len(every[kind]) // 3, kind
