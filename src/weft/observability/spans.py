"""Spans of what weft does, for OpenTelemetry, where it is installed and somebody collects them; elsewhere nothing.

A span holds names of products, runs and jobs, never a query's text, a value, or the words of an error.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from weft.errors import UsageError, WeftError, error

_collected: Any = None
"""The provider of this process, once somebody has begun to collect."""


def begin(endpoint: str) -> Any:
    """Begins to send the spans of this process to an OTLP endpoint over HTTP, `http://collector:4318/v1/traces`.

    Gives what `end` takes; None without an endpoint.

    Raises:
        UsageError: WFT-CLI-002, OpenTelemetry is not installed.
    """
    global _collected
    if not endpoint:
        return None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as e:
        raise UsageError(
            error("WFT-CLI-002", "traces need OpenTelemetry", why=str(e), fix="pip install 'weft[otel]'")
        ) from e
    provider = TracerProvider(resource=Resource.create({"service.name": "weft"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint)))
    _collected = provider
    return provider


def end(provider: Any) -> None:
    """Sends what is left of what `begin` gave."""
    global _collected
    if provider is None:
        return
    if _collected is provider:
        _collected = None
    provider.shutdown()


def carried() -> dict[str, str]:
    """The span that one is in, for `under` in another process; empty where nobody collects."""
    found: dict[str, str] = {}
    if _collected is not None:
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        TraceContextTextMapPropagator().inject(found)
    return found


@contextmanager
def span(
    name: str, *, under: Mapping[str, str] | None = None, **attributes: str | int | None
) -> Iterator[Callable[..., None]]:
    """A span around a block, under the one of the request that it is done for; a failure is told by its code.

    What it gives takes attributes that are known later.

    Args:
        under: the span of another process that it is part of, as `carried` gives it there.
    """
    if _collected is None:
        yield lambda **more: None
        return
    from opentelemetry.trace import Status, StatusCode
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    tracer = _collected.get_tracer("weft")
    context = TraceContextTextMapPropagator().extract(dict(under)) if under else None
    # what an exception says may quote a row
    with tracer.start_as_current_span(
        name, context=context, attributes=_named(attributes), record_exception=False, set_status_on_exception=False
    ) as current:
        try:
            yield lambda **more: current.set_attributes(_named(more))
        except BaseException as e:
            codes = [d.code for d in e.diagnostics] if isinstance(e, WeftError) else []
            current.set_attribute("error.type", codes[0] if codes else type(e).__name__)
            current.set_status(Status(StatusCode.ERROR))
            raise


def ended(name: str, seconds: float, *, failed: bool, **attributes: str | int | None) -> None:
    """A span that ends now and has taken so long."""
    if _collected is None:
        return
    from opentelemetry.context import Context
    from opentelemetry.trace import Status, StatusCode

    now = time.time_ns()
    tracer = _collected.get_tracer("weft")
    made = tracer.start_span(
        name, context=Context(), attributes=_named(attributes), start_time=now - int(seconds * 1e9)
    )
    if failed:
        made.set_status(Status(StatusCode.ERROR))
    made.end(now)


def _named(attributes: dict[str, str | int | None]) -> dict[str, str | int]:
    return {f"weft.{name}": value for name, value in attributes.items() if value is not None}
