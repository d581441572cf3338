"""Traces: one id over HTTP and Kafka headers, no query string in any span."""

from collections.abc import Iterator

import httpx2
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.trace import SpanKind, StatusCode

from chassis.health import Health
from chassis.problems import create_app
from chassis.telemetry import (
    QueryRemover,
    consumer_span,
    context_of,
    following,
    own_trace,
    producer_span,
    span,
    trace_headers,
    trace_of,
)

TRACE = "0af7651916cd43dd8448eb211c80319c"
TRACEPARENT = f"00-{TRACE}-b7ad6b7169203331-01"


class Ended(SpanProcessor):
    """Keeps the spans that ended, as an exporter would get them."""

    def __init__(self) -> None:
        self.spans: list[ReadableSpan] = []

    def on_end(self, span: ReadableSpan) -> None:
        self.spans.append(span)


@pytest.fixture
def ended() -> Iterator[Ended]:
    provider = trace.get_tracer_provider()
    assert isinstance(provider, TracerProvider)
    ended = Ended()
    provider.add_span_processor(ended)
    yield ended
    ended.spans.clear()


def test_there_are_no_headers_outside_of_a_trace() -> None:
    """A record written outside of any trace carries none."""
    assert trace_headers() == ()


def test_a_record_continues_the_trace_of_its_headers(ended: Ended) -> None:
    """What a consumer does and writes has the trace id of the record, whatever surrounds it."""
    with span("something else"), consumer_span("file document", [("traceparent", TRACEPARENT.encode())]):
        headers = dict(trace_headers())
    assert headers["traceparent"].decode().split("-")[1] == TRACE
    assert [each.kind for each in ended.spans] == [SpanKind.CONSUMER, SpanKind.INTERNAL]


def test_a_producer_continues_a_stored_trace() -> None:
    """The relay sends an outbox row in the trace in which the row was written."""
    with span("request"):
        stored = trace_headers()
    with producer_span("send", stored):
        sent = trace_headers()
    assert stored[0][1].split(b"-")[1] == sent[0][1].split(b"-")[1]
    assert stored[0][1] != sent[0][1]


@pytest.mark.parametrize(
    "value", [b"", b"\xff\xfe", b"00-" + b"0" * 32 + b"-b7ad6b7169203331-01", b"nonsense", TRACEPARENT.encode() * 99]
)
def test_a_senseless_header_begins_a_new_trace(value: bytes) -> None:
    """A broken traceparent neither fails nor is repeated."""
    with consumer_span("read", [("traceparent", value), ("tracestate", b"\xff=1,,=")]):
        trace_id = dict(trace_headers())["traceparent"].split(b"-")[1]
    assert trace_id not in {TRACE.encode(), b"0" * 32}


def test_baggage_is_not_passed_on() -> None:
    """What an outsider says about itself does not travel through the bus."""
    with consumer_span("read", [("traceparent", TRACEPARENT.encode()), ("baggage", b"customer=4712")]):
        assert [name for name, _ in trace_headers()] == ["traceparent"]


def test_a_failing_span_names_the_type_of_the_error_alone(ended: Ended) -> None:
    """The message of an exception, which may hold anything, is in no span."""
    with pytest.raises(LookupError), span("step"):
        raise LookupError("geheim")
    (failed,) = ended.spans
    assert (failed.status.status_code, dict(failed.attributes or {})) == (
        StatusCode.ERROR,
        {"error.type": "LookupError"},
    )
    assert failed.events == ()
    assert failed.status.description is None


async def test_a_request_s_span_has_no_query_string(ended: Ended) -> None:
    """The server's span knows the path and the caller's trace, and nothing behind the question mark."""
    app = create_app("documents", Health())

    @app.get("/documents/{document_id}")
    async def document(document_id: str) -> dict[str, str]:
        return {name: value.decode() for name, value in trace_headers()}

    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://documents") as client:
        answer = await client.get("/documents/7?token=geheim&x=1#y", headers={"traceparent": TRACEPARENT})
    assert answer.json()["traceparent"].split("-")[1] == TRACE
    (server,) = ended.spans
    assert server.kind == SpanKind.SERVER
    assert "geheim" not in server.to_json()
    assert "/documents/7" in server.to_json()


@pytest.mark.parametrize("name", ["url.query", "url.full", "http.url", "http.target"])
def test_every_kind_of_address_is_cut(name: str) -> None:
    """Whichever library names an address in a span, its query is gone before the span can be exported."""
    provider = TracerProvider()
    provider.add_span_processor(QueryRemover())
    started = provider.get_tracer("any").start_span("GET", attributes={name: "http://h/p?token=geheim"})
    assert isinstance(started, ReadableSpan)
    assert "geheim" not in started.to_json()


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"\xff",
        b"00-\x00",
        b"x" * 9000,
        TRACEPARENT.upper().encode(),
        TRACEPARENT.encode() + b"-more",
        f"ff-{TRACE}-b7ad6b7169203331-01".encode(),
        b"00-" + b"0" * 32 + b"-b7ad6b7169203331-01",
    ],
)
def test_what_is_no_trace_context_is_not_passed_on(value: bytes) -> None:
    """A header that is not the standard's reaches neither outbox nor bus."""
    assert trace_of([("traceparent", value), ("tracestate", b"a=b")]) == ()


def test_a_state_goes_along_unless_it_is_odd() -> None:
    """traceparent alone decides whether there is a trace."""
    parent = ("traceparent", TRACEPARENT.encode())
    assert trace_of([parent, ("tracestate", b"a=b")]) == (parent, ("tracestate", b"a=b"))
    assert trace_of([("tracestate", b"a=\xff"), parent]) == (parent,)


def test_what_came_without_a_trace_gets_one_of_its_own() -> None:
    """Valid, the same for the same event whenever it comes, another for another one."""
    own = own_trace("billing/sap-1", "e1")
    assert trace_of(own) == own == own_trace("billing/sap-1", "e1")
    assert own != own_trace("billing/sap-1e", "1")
    with following(own):
        assert trace_headers()[0][1][:36] == own[0][1][:36]


def test_following_nothing_stays_in_the_current_trace() -> None:
    """Without a trace in the headers the surrounding one goes on."""
    with span("outer") as outer, following([("traceparent", b"nonsense")]):
        assert trace.get_current_span(context_of(trace_headers())).get_span_context().trace_id == (
            outer.get_span_context().trace_id
        )
