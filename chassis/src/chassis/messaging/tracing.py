"""The span of a batch, tied to the traces of its records."""

from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Link, SpanKind, StatusCode

from chassis.messaging.batch import Batch
from chassis.telemetry import context_of

# Links cost time; the outputs of a batch follow their own records' traces in any case (`Event.trace`, `caused_by`).
MAX_LINKS = 16

_tracer = trace.get_tracer("chassis.messaging")


@contextmanager
def batch_span(batch: Batch) -> Iterator[None]:
    """One record: a part of its trace. Several: a trace of its own, linked to theirs."""
    contexts = [context_of(record.trace_headers) for record in batch.records[:MAX_LINKS]]
    alone = len(batch.records) == 1
    with _tracer.start_as_current_span(
        f"process {batch.topic}",
        context=contexts[0] if alone else Context(),
        kind=SpanKind.CONSUMER,
        links=[] if alone else _links(contexts),
        attributes={
            "messaging.system": "kafka",
            "messaging.destination.name": batch.topic,
            "messaging.destination.partition.id": str(batch.partition),
            "messaging.batch.message_count": len(batch.records),
        },
        record_exception=False,
        set_status_on_exception=False,
    ) as span:
        try:
            yield
        except BaseException as error:
            span.set_attribute("error.type", type(error).__qualname__)
            span.set_status(StatusCode.ERROR)
            raise


def _links(contexts: list[Context]) -> list[Link]:
    spans = (trace.get_current_span(context).get_span_context() for context in contexts)
    return [Link(span) for span in {span.span_id: span for span in spans if span.is_valid}.values()]
