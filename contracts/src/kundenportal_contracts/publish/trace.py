"""The trace of one thing handed over: one id from billing to the mail (W3C Trace Context, level 1)."""

import secrets

try:
    from opentelemetry import trace as opentelemetry
except ImportError:  # billing needs no OpenTelemetry
    opentelemetry = None  # type: ignore[assignment]

SAMPLED = 1


def new_traceparent() -> str:
    """Begin a trace of its own, with random ids, marked as one to keep."""
    return _traceparent(secrets.randbits(128) or 1, secrets.randbits(64) or 1, SAMPLED)


def current_traceparent() -> str:
    """Give the caller's span, where OpenTelemetry is installed and has one; else begin a trace."""
    if opentelemetry is not None:
        span = opentelemetry.get_current_span().get_span_context()
        if span.is_valid:
            return _traceparent(span.trace_id, span.span_id, span.trace_flags)
    return new_traceparent()


def trace_id(traceparent: str) -> str:
    """Give the id to search logs and traces for."""
    return traceparent.split("-")[1]


def _traceparent(trace: int, span: int, flags: int) -> str:
    return f"00-{trace:032x}-{span:016x}-{flags:02x}"
