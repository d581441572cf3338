"""The mail server that tells how far a mail has come, the plan of kills, and the look at acknowledgements."""

import asyncio
import random

from aiokafka import TopicPartition

from tests.faults.mail_kills import EVERY_PHASE, moments
from tests.faults.phased_sink import PHASES, PhasedSink
from tests.faults.points import POINT
from tests.faults.sleepers import Acknowledged

PLACE = TopicPartition("billing.documents.v1", 0)


async def dialogue(sink: PhasedSink, *said: bytes) -> list[bytes]:
    """The first line of each answer; what is cut off has none."""
    reader, writer = await asyncio.open_connection("127.0.0.1", sink.port)
    heard = [await reader.readline()]
    for words in said:
        writer.write(words)
        if words.endswith(b"\r\n"):
            heard.append(await reader.readline())
        else:
            await asyncio.sleep(0.05)
    writer.close()
    return heard


MAIL = (b"MAIL FROM:<a@b.c>\r\n", b"RCPT TO:<d@e.f>\r\n", b"DATA\r\n", b"Message-ID: <1@x>\r\n\r\nText", b"\r\n.\r\n")


async def test_each_phase_is_told_once_and_in_its_place() -> None:
    """`dot` comes when the mail counts as taken and before the 250, `body` before either."""
    reached: list[tuple[str, int]] = []
    async with PhasedSink() as sink:
        for phase in PHASES:
            sink.arm(phase, 1, lambda phase=phase: reached.append((phase, len(sink.taken))))  # type: ignore[misc]
            await dialogue(sink, *MAIL)
    assert reached == [("connected", 0), ("rcpt", 1), ("body", 2), ("dot", 4), ("answered", 5)]


async def test_a_phase_is_counted_from_its_arming() -> None:
    """The second RCPT from now, whatever came before; once done it is over."""
    reached: list[str] = []
    async with PhasedSink() as sink:
        await dialogue(sink, *MAIL)
        sink.arm("rcpt", 2, lambda: reached.append("rcpt"))
        await dialogue(sink, *MAIL)
        assert reached == []
        await dialogue(sink, *MAIL)
        await dialogue(sink, *MAIL)
        sink.arm("rcpt", 1, lambda: reached.append("never"))
        sink.disarm()
        await dialogue(sink, *MAIL)
    assert reached == ["rcpt"]


def test_every_phase_has_its_kill() -> None:
    """Each in turn before any comes again; only those that nobody sees from outside are left to the process."""
    planned = list(moments(30, random.Random(1)))
    assert [moment.phase for moment in planned[: len(EVERY_PHASE)]] == list(EVERY_PHASE)
    assert {moment.phase for moment in planned if POINT in moment.environment} == set(EVERY_PHASE) - set(PHASES)


def test_an_offset_that_goes_back_is_seen() -> None:
    """Between two looks, whatever comes later."""
    seen = Acknowledged()
    for offset in (3, 7, 5, 9):
        seen.look({PLACE: offset})
    assert seen.gone_back == ["billing.documents.v1/0 from 7 to 5"]
    assert seen.reached == {PLACE: 9}
