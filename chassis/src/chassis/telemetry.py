"""Traces: one id follows a document over HTTP and Kafka. Ids exist always; spans leave the process where an address is set."""

import hashlib
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from opentelemetry import context, propagate, trace
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor, TracerProvider
from opentelemetry.trace import SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from chassis.redaction import HIDDEN, without_query

Headers = Sequence[tuple[str, bytes]]

TRACE_HEADERS = ("traceparent", "tracestate")
TRACEPARENT = re.compile(rb"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
TRACESTATE = re.compile(rb"[ -~]{1,512}")
EXPORT_TIMEOUT_SECONDS = 3

_tracer = trace.get_tracer("chassis")


def configure_telemetry(service: str, otlp_endpoint: str | None = None) -> None:
    """Make trace ids for this process; called once, before the first request. With an endpoint, spans go there by OTLP/HTTP.

    Baggage is not propagated: what a client says about itself must not travel through the bus.
    """
    provider = TracerProvider(resource=Resource.create({"service.name": service}))
    provider.add_span_processor(QueryRemover())
    if otlp_endpoint is not None:
        provider.add_span_processor(_exporter(otlp_endpoint))
    trace.set_tracer_provider(provider)
    propagate.set_global_textmap(TraceContextTextMapPropagator())


def _exporter(otlp_endpoint: str) -> SpanProcessor:
    # Imported where it is used: protobuf and its kin cost 70 ms at start and 15 MB.
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415 - see above
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415 - see above

    address = f"{otlp_endpoint.rstrip('/')}/v1/traces"
    return BatchSpanProcessor(OTLPSpanExporter(endpoint=address, timeout=EXPORT_TIMEOUT_SECONDS))


class QueryRemover(SpanProcessor):
    """Takes query strings out of spans as they start, before anything can export them: a query may hold a token."""

    QUERIES = ("url.query",)
    ADDRESSES = ("url.full", "http.url", "http.target", "url.original")

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:  # noqa: ARG002 - the SDK's signature
        attributes = span.attributes or {}
        for name in self.QUERIES:
            if attributes.get(name):
                span.set_attribute(name, HIDDEN)
        for name in self.ADDRESSES:
            if isinstance(address := attributes.get(name), str):
                span.set_attribute(name, without_query(address))

    def on_end(self, span: ReadableSpan) -> None:
        """Do nothing: a span that ended is read only."""

    def shutdown(self) -> None:
        """Do nothing: nothing is held."""

    def force_flush(self, timeout_millis: int = 30000) -> bool:  # noqa: ARG002 - the SDK's signature
        return True


def trace_headers() -> tuple[tuple[str, bytes], ...]:
    """Give the current trace as Kafka headers (W3C Trace Context); empty outside of any trace."""
    carrier: dict[str, str] = {}
    propagate.inject(carrier)
    return tuple((name, carrier[name].encode()) for name in TRACE_HEADERS if name in carrier)


def trace_of(headers: Headers) -> tuple[tuple[str, bytes], ...]:
    """Pick what a record's headers say of its trace: nothing where that is no W3C Trace Context, whatever else it is."""
    said = {name: value for name, value in headers if name in TRACE_HEADERS and value}
    parent, state = (said.get(name, b"") for name in TRACE_HEADERS)
    if not TRACEPARENT.fullmatch(parent):
        return ()
    return tuple(zip(TRACE_HEADERS, (parent, state) if TRACESTATE.fullmatch(state) else (parent,), strict=False))


def trace_id_of(headers: Headers) -> str | None:
    """The id alone, for a log line: much cheaper than `following`."""
    said = trace_of(headers)
    return said[0][1][3:35].decode() if said else None


def own_trace(*seed: str) -> tuple[tuple[str, bytes], ...]:
    """Begin the trace of something that came without one: the same for the same seed, also when it comes again."""
    digest = hashlib.sha256("\0".join(seed).encode("utf-8", "surrogateescape")).hexdigest()
    return ((TRACE_HEADERS[0], f"00-{digest[:32]}-{digest[32:48]}-01".encode()),)


@contextmanager
def following(headers: Headers) -> Iterator[None]:
    """Let log lines and calls inside belong to the trace of these headers; without one, to the current trace."""
    token = context.attach(context_of(headers)) if trace_of(headers) else None
    try:
        yield
    finally:
        if token is not None:
            context.detach(token)


def context_of(headers: Headers) -> Context:
    """Find the trace that a record's headers name; a new one begins where they name none or nonsense."""
    carrier = {name: value.decode("latin-1") for name, value in headers if name in TRACE_HEADERS and value}
    return propagate.extract(carrier, context=Context())


@contextmanager
def consumer_span(name: str, headers: Headers = ()) -> Iterator[trace.Span]:
    """Mark what is done because of a record, as part of the record's trace."""
    with _span(name, SpanKind.CONSUMER, context_of(headers)) as span:
        yield span


@contextmanager
def producer_span(name: str, headers: Headers | None = None) -> Iterator[trace.Span]:
    """Mark the sending of a record: in the trace of `headers` where they are given, else in the current one."""
    with _span(name, SpanKind.PRODUCER, None if headers is None else context_of(headers)) as span:
        yield span


@contextmanager
def span(name: str) -> Iterator[trace.Span]:
    """Mark a step within the current trace."""
    with _span(name, SpanKind.INTERNAL, None) as current:
        yield current


@contextmanager
def _span(name: str, kind: SpanKind, within: Context | None) -> Iterator[trace.Span]:
    """Record an exception's type alone: its message may hold what must not leave the process."""
    with _tracer.start_as_current_span(
        name, context=within, kind=kind, record_exception=False, set_status_on_exception=False
    ) as current:
        try:
            yield current
        except BaseException as error:
            current.set_attribute("error.type", type(error).__qualname__)
            current.set_status(StatusCode.ERROR)
            raise
