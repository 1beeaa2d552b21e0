"""Short questions are answered in the thread that has read them, and in another one where somebody is waited for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from fastapi import Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from weft.registry.at_once import MustWaitError, at_once
from weft.server.answers import answer

T = TypeVar("T")


async def quickly(request: Request, work: Callable[[], T]) -> T:
    """What `work` gives, which only reads; it may be begun twice."""
    if request.app.state.platform.database.dialect == "sqlite":
        try:
            with at_once():
                return work()
        except MustWaitError:
            pass
    return await run_in_threadpool(work)


async def answered(request: Request, find: Callable[[], Any]) -> Response:
    """What is found, as the answer of a route."""
    return await quickly(request, lambda: answer(request, find()))
