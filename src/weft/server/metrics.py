"""What Prometheus is told: requests, how long they took, and how the platform stands."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.gc_collector import GCCollector
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from weft.access.reading.kept import ResultCache
from weft.api.platform import State

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


class _KeptAnswers(Collector):
    """How often an answer was kept when it was asked for again, and what the kept ones take."""

    def __init__(self, kept: Callable[[], ResultCache]) -> None:
        self._kept = kept

    def describe(self) -> list[Metric]:
        """Says nothing of itself: whoever registers it asks for no figure yet."""
        return []

    def collect(self) -> Iterator[Metric]:
        """The figures as they are now."""
        kept = self._kept()
        asked = CounterMetricFamily(
            "weft_kept_answers", "Answers that could be kept, by whether one was", labels=("found",)
        )
        asked.add_metric(("yes",), kept.hits)
        asked.add_metric(("no",), kept.misses)
        yield asked
        yield GaugeMetricFamily("weft_kept_answers_bytes", "Bytes of the answers that are kept", kept.size_bytes)


class Metrics:
    """The metrics of one application: two in a process do not mix."""

    def __init__(self, kept: Callable[[], ResultCache]) -> None:
        """`kept`: the answers that this process keeps, when somebody asks."""
        self.registry = CollectorRegistry()
        self.registry.register(_KeptAnswers(kept))
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self.registry)
        self._requests = Counter(
            "weft_http_requests", "Requests that were answered", ("method", "route", "status"), registry=self.registry
        )
        self._seconds = Histogram(
            "weft_http_request_seconds",
            "How long answers took",
            ("method", "route"),
            registry=self.registry,
            buckets=_SECONDS,
        )
        self._open = Gauge("weft_http_requests_open", "Requests that are being answered", registry=self.registry)
        self._ready = Gauge(
            "weft_part_ready", "Whether a part of the platform is ready", ("part",), registry=self.registry
        )
        self._events = Gauge("weft_events", "Events in the log", registry=self.registry)
        self._running = Gauge("weft_runs_unfinished", "Runs that have begun and not ended", registry=self.registry)
        self._jobs = Gauge("weft_jobs", "Jobs that are not over", ("state",), registry=self.registry)
        self._oldest = Gauge(
            "weft_jobs_oldest_waiting_seconds",
            "How long the first of the waiting jobs could have run already",
            registry=self.registry,
        )

    def begin(self) -> None:
        """A request has come."""
        self._open.inc()

    def end(self, method: str, route: str, status: int, seconds: float) -> None:
        """A request was answered."""
        self._open.dec()
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(method, route).observe(seconds)

    def text(self, state: State) -> bytes:
        """All of it as Prometheus reads it, with the platform as it is now."""
        for part, how in state.parts.items():
            self._ready.labels(part).set(how == "ok")
        for gauge, value in ((self._events, state.events), (self._running, state.running)):
            gauge.set(float("nan") if value is None else value)
        queue = state.queue
        self._jobs.labels("waiting").set(float("nan") if queue is None else queue.waiting)
        self._jobs.labels("running").set(float("nan") if queue is None else queue.running)
        self._oldest.set(float("nan") if queue is None else queue.oldest_s)
        return generate_latest(self.registry)
