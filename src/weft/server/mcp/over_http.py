"""One request of the protocol over HTTP, answered for its own caller.

There are no sessions: nothing of a caller outlives their request, so that nothing can be taken over, mixed up or piled
up, and any process of a server answers.
"""

from __future__ import annotations

from concurrent.futures import Executor

import anyio
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from weft.server.mcp.desk import Tools, desk


class Answer(Response):
    """Reads the request and answers it; what it has begun ends when nobody waits for it any more."""

    def __init__(self, tools: Tools, threads: Executor, body_limit: int) -> None:
        super().__init__()
        self._tools, self._threads, self._body_limit = tools, threads, body_limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            body = await Request(scope, receive).body()
        except ClientDisconnect:
            return
        manager = StreamableHTTPSessionManager(
            desk(self._tools, self._threads),
            json_response=True,
            stateless=True,
            max_request_body_size=self._body_limit,
        )
        # The package does not look for the end of a connection while a tool works.
        async with anyio.create_task_group() as both:
            both.start_soon(self._watch, receive, both.cancel_scope)
            async with manager.run():
                await manager.handle_request(scope, _once(body), send)
            both.cancel_scope.cancel()

    async def _watch(self, receive: Receive, working: anyio.CancelScope) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._tools.stop()
        working.cancel()


def _once(body: bytes) -> Receive:
    """A body that has been read already, and nothing after it."""
    left: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Message:
        if not left:
            await anyio.sleep_forever()
        return left.pop()

    return receive
