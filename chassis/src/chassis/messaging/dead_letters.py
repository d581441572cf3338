"""Where records go that nothing can be done with: their own bytes, and why."""

import asyncio
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import replace

from chassis.logs import get_logger
from chassis.messaging import metrics
from chassis.messaging.clients import Message
from chassis.messaging.producer import Answer, NotSent, Producer, producer
from chassis.messaging.shorten import shorten
from chassis.messaging.subscriptions import DeadLetter
from chassis.messaging.undecoded import readable_name
from chassis.settings import KafkaSettings
from chassis.telemetry import Headers, following
from kundenportal_contracts.topics import dead_letters

DLQ_HEADERS = ("dlq_reason", "dlq_topic", "dlq_partition", "dlq_offset")
HEADER_NAMES = "dlq_header_names"
TRUNCATED = "dlq_truncated"

log = get_logger()


class DeadLetters:
    """The dead letters of one service. One consumer writes them, batch by batch."""

    def __init__(self, kafka: KafkaSettings, service: str, *, sender: Producer | None = None) -> None:
        self._topic = dead_letters(service).name
        self._producer = sender or producer(kafka, client_id=f"{service}-dead-letters")
        self._writing = asyncio.Lock()

    async def write(self, letters: Sequence[DeadLetter]) -> None:
        """Return when the broker has them all, else raise NotSent; repeating it may write some of them twice.

        What is refused as it is, because it is too large, is written cut (`shorten`), and says so.
        """
        async with self._writing:
            acknowledged = await self._producer.send([as_message(letter, self._topic) for letter in letters])
            if refused := [place for place, answer in enumerate(acknowledged) if answer is Answer.REFUSED]:
                again = await self._write_cut([letters[place] for place in refused])
                for place, answer in zip(refused, again, strict=True):
                    acknowledged[place] = answer
        if not all(acknowledged):
            raise NotSent(f"{len(letters) - sum(map(bool, acknowledged))} of {len(letters)} dead letters")
        for letter in letters:
            metrics.DEAD_LETTERS.labels(letter.record.topic, letter.reason).inc()
            with following(letter.record.trace_headers):
                log.warning(
                    "dead_letter_written",
                    topic=letter.record.topic,
                    partition=letter.record.partition,
                    offset=letter.record.offset,
                    reason=letter.reason,
                    detail=letter.detail,
                )

    async def _write_cut(self, letters: Sequence[DeadLetter]) -> list[Answer]:
        messages = []
        for letter in letters:
            kept, cut = shorten(letter.record)
            messages.append(as_message(replace(letter, record=kept), self._topic, cut))
            log.warning(
                "dead_letter_cut",
                topic=kept.topic,
                partition=kept.partition,
                offset=kept.offset,
                cut=cut,
            )
        return await self._producer.send(messages)

    async def close(self) -> None:
        await self._producer.close()


def as_message(letter: DeadLetter, topic: str, cut: str = "") -> Message:
    """Original key, value and headers, followed by dlq_reason, dlq_topic, dlq_partition and dlq_offset.

    A record without key and value, which the client refuses to write, gets an empty key. A header name that is not UTF-8
    is written readably; its bytes go into a fifth, `dlq_header_names`, as `place:base64`. Where the record was cut,
    `cut` says how much in a last one, `dlq_truncated`.
    """
    record = letter.record
    told = {
        DLQ_HEADERS[0]: letter.reason,
        DLQ_HEADERS[1]: record.topic,
        DLQ_HEADERS[2]: str(record.partition),
        DLQ_HEADERS[3]: str(record.offset),
    }
    if odd := _odd_names(record.headers):
        told[HEADER_NAMES] = odd
    if cut:
        told[TRUNCATED] = cut
    key = b"" if record.key is None and record.value is None else record.key
    headers = ((readable_name(name), value) for name, value in record.headers)
    return Message(topic, key, record.value, (*headers, *((name, text.encode()) for name, text in told.items())))


def _odd_names(headers: Headers) -> str:
    """The names that are not UTF-8: `place:base64`, with commas between them."""
    raw = ((place, name.encode("utf-8", "surrogateescape")) for place, (name, _) in enumerate(headers))
    return ",".join(f"{place}:{b64encode(name).decode()}" for place, name in raw if not _is_utf8(name))


def _is_utf8(name: bytes) -> bool:
    try:
        name.decode()
    except UnicodeDecodeError:
        return False
    return True
