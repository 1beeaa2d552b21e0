"""A sign-in with a password as the web server does it: whoever has to wait takes no thread from others meanwhile."""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from typing import TYPE_CHECKING

from anyio import CapacityLimiter, to_thread
from anyio.lowlevel import RunVar
from fastapi import Request
from starlette.concurrency import run_in_threadpool

from weft.server import cookies
from weft.server.own_threads import limiter_of

if TYPE_CHECKING:
    from weft.api.platform import Platform

log = logging.getLogger("weft.identity")
_HASHED_AT_ONCE = 2
"""Each takes 19 MiB and a processor for a while: strangers must not take all threads and all memory with them."""
_limiters: RunVar[CapacityLimiter] = RunVar("passwords")


async def session_for(request: Request, user: str, password: str) -> str:
    """The secret of a new session; one that the browser had ends.

    Raises:
        AccessDenied: WFT-ACC-011 the two do not belong together, WFT-ACC-012 too many have failed.
    """
    platform: Platform = request.app.state.platform
    signing_in = platform.identity.signing_in
    address = request.client.host if request.client is not None else ""
    _warn_of_proxies(request, platform)
    tried = await run_in_threadpool(signing_in.tried, user, address)
    if tried.pause_s:
        await asyncio.sleep(tried.pause_s)
    before = cookies.session_cookie(request)
    asked = partial(signing_in.with_password, tried, password, instead_of=before)
    return await to_thread.run_sync(asked, limiter=limiter_of(_limiters, _HASHED_AT_ONCE))


def _warn_of_proxies(request: Request, platform: Platform) -> None:
    """Says once that all people seem to come from one address: one of them could lock all others out."""
    app = request.app
    named = platform.rooms.settings.server.trusted_proxies
    if "x-forwarded-for" in request.headers and not named and not getattr(app.state, "warned_of_proxies", False):
        app.state.warned_of_proxies = True
        log.warning(
            "a sign-in came through a proxy that `server.trusted_proxies` does not name: failed ones of everybody "
            "count as those of one address"
        )
