"""A trace of each request for OpenTelemetry, when the settings name a collector."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING

from starlette.types import Scope

from stemhouse.errors import InvalidSettings
from stemhouse.settings import Settings

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import SpanExporter

Finish = Callable[[str, int], None]
"""Called with the route's pattern and the status, once they are known."""


class Tracing:
    """Makes a span per request; addresses and bodies stay out of it.

    Parameters
    ----------
    exporter : SpanExporter
        Where finished spans go.
    """

    def __init__(self, exporter: SpanExporter) -> None:
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        facts = {"service.name": "stemhouse", "service.version": version("stemhouse")}
        self._provider = TracerProvider(resource=Resource.create(facts))
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("stemhouse")

    @contextmanager
    def request(self, scope: Scope, request_id: str) -> Iterator[Finish]:
        """Trace a request; a caller's trace, if it sends one, goes on in it."""
        from opentelemetry.trace import SpanKind
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        headers = {
            name.decode("latin-1"): text.decode("latin-1") for name, text in scope["headers"]
        }
        method: str = scope["method"]
        facts = {"http.request.method": method, "stemhouse.request_id": request_id}
        with self._tracer.start_as_current_span(
            method,
            context=TraceContextTextMapPropagator().extract(headers),
            kind=SpanKind.SERVER,
            attributes=facts,
        ) as span:

            def finish(route: str, status: int) -> None:
                span.update_name(f"{method} {route}")
                span.set_attributes({"http.route": route, "http.response.status_code": status})

            yield finish

    def close(self) -> None:
        """Send what is left."""
        self._provider.shutdown()


def make_tracing(settings: Settings) -> Tracing | None:
    """Return the tracing that the settings ask for.

    Raises
    ------
    InvalidSettings
        A collector is named, but the extra packages are not installed.
    """
    if not settings.otel_endpoint:
        return None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    except ImportError as error:
        raise InvalidSettings(
            "otel_endpoint is set, but OpenTelemetry is not installed: "
            "pip install 'stemhouse[otel]', or unset it"
        ) from error
    return Tracing(OTLPSpanExporter(endpoint=settings.otel_endpoint))
