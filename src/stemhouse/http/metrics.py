"""Numbers for Prometheus; each application has its own registry, and domains add to it."""

from __future__ import annotations

from fastapi import Request
from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.gc_collector import GCCollector
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0)


class Metrics:
    """What the application counts about its requests; ``registry`` takes what domains count."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self.registry)
        labels = ("method", "route")
        self._requests = Counter(
            "stemhouse_requests",
            "Requests that were answered.",
            (*labels, "status"),
            registry=self.registry,
        )
        self._seconds = Histogram(
            "stemhouse_request_seconds",
            "Seconds from a request's head to the end of its answer.",
            labels,
            buckets=_BUCKETS_S,
            registry=self.registry,
        )

    def note(self, method: str, route: str, *, status: int, wall_s: float) -> None:
        """Count a request."""
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(method, route).observe(wall_s)


def metrics_of(request: Request) -> Metrics:
    """Return the metrics of a request's application."""
    metrics: Metrics = request.app.state.metrics
    return metrics
