"""Traces for OpenTelemetry, where it is installed and somebody collects them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from starlette.datastructures import Headers
from starlette.types import Scope

from weft.observability import spans
from weft.server.logs import shown_path

Ended = Callable[[str, int], None]


class Tracing:
    """Spans of requests; without a place to send them to it does nothing."""

    def __init__(self, endpoint: str = "") -> None:
        """Begins to send spans to an OTLP endpoint over HTTP, `http://collector:4318/v1/traces`.

        Raises:
            UsageError: WFT-CLI-002, OpenTelemetry is not installed.
        """
        self._provider: Any = spans.begin(endpoint)
        if self._provider is not None:
            self._tracer = self._provider.get_tracer("weft.server")

    @contextmanager
    def span(self, scope: Scope, headers: Headers) -> Iterator[Ended]:
        """The span of a request; what it gives is told the route and the status."""
        if self._provider is None:
            yield lambda route, status: None
            return
        from opentelemetry.trace import SpanKind, Status, StatusCode
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        context = TraceContextTextMapPropagator().extract(dict(headers))
        with self._tracer.start_as_current_span(scope["method"], context=context, kind=SpanKind.SERVER) as span:

            def ended(route: str, status: int) -> None:
                span.update_name(f"{scope['method']} {route}")
                span.set_attributes(
                    {
                        "http.request.method": scope["method"],
                        "http.route": route,
                        "http.response.status_code": status,
                        "url.path": shown_path(scope["path"]),
                        "weft.request_id": scope["state"]["request_id"],
                    }
                )
                if status >= 500:
                    span.set_status(Status(StatusCode.ERROR))

            yield ended

    def close(self) -> None:
        """Sends what is left."""
        spans.end(self._provider)
