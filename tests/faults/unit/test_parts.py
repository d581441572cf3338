"""The small pieces of the stand: moments, broken builds, the mail sink, the load's papers, and the mains' likeness."""

import asyncio
import inspect
import io
import os
import signal
from pathlib import Path

import pikepdf
import pytest

import documents.main
import notifier.main
import tests.faults.mains.documents
import tests.faults.mains.notifier
from tests.faults import broken
from tests.faults.load import small_pdf
from tests.faults.points import GROUP, POINT, SLOW, Points
from tests.faults.scale import LONG_FORMS, SHORT_FORMS
from tests.faults.sink import Sink


async def test_a_moment_strikes_when_it_is_reached_so_often() -> None:
    """The second `put` is a kill and the first `after_put` a stop, of this very process; nothing else is."""
    struck: list[tuple[int, int]] = []
    points = Points({POINT: "put:2, after_put:1:STOP"}, strike=lambda *blow: struck.append(blow))
    for name, blows in (("put", 0), ("after_put", 1), ("put", 2), ("put", 2), ("after_put", 2)):
        await points.reach(name)
        assert len(struck) == blows
    assert struck == [(os.getpid(), signal.SIGSTOP), (os.getpid(), signal.SIGKILL)]


def test_a_plan_that_nobody_understands_is_an_error() -> None:
    """A wrong count or signal fails at the start, not silently."""
    for plan in ("put", "put:often", "put:1:HUG"):
        with pytest.raises((ValueError, KeyError)):
            Points({POINT: plan})


async def test_a_slow_moment_takes_its_time() -> None:
    """FAULT_SLOW delays this moment and no other."""
    points = Points({SLOW: "put:0.05", GROUP: "-7"})
    loop = asyncio.get_running_loop()
    began = loop.time()
    await points.reach("after_put")
    assert loop.time() - began < 0.04
    await points.reach("put")
    assert loop.time() - began >= 0.05
    assert points.group("documents") == "documents-7"


def test_an_unknown_build_is_an_error() -> None:
    """A misspelled build would be a right one, and its test would prove nothing."""
    assert broken.build({}) == ""
    with pytest.raises(ValueError, match="no such build"):
        broken.build({broken.BROKEN: "offset_before_efect"})


def test_each_fault_has_a_short_and_a_long_form() -> None:
    """Nothing is left out of one of them, and every test of a fault finds its numbers."""
    files = {path.name[5:8] for path in Path(__file__).parents[1].glob("test_f[0-9][0-9]_*.py")}
    assert files
    assert set(LONG_FORMS) == set(SHORT_FORMS) >= files


def test_papers_differ_and_open() -> None:
    """Each text gives other bytes, and pikepdf opens them."""
    first, second = small_pdf("R1"), small_pdf("R2")
    assert first != second
    with pikepdf.open(io.BytesIO(first)) as paper:
        assert len(paper.pages) == 1


async def test_the_sink_keeps_what_it_took() -> None:
    """Pipelined commands, a body in pieces, stuffed dots: the content is as it was meant."""
    async with Sink() as sink:
        reader, writer = await asyncio.open_connection("127.0.0.1", sink.port)
        writer.write(
            b"EHLO x\r\nMAIL FROM:<a@x>\r\nRCPT TO:<b@y>\r\nDATA\r\nMessage-ID: <1@x>\r\nSubject: R1\r\n\r\n.."
        )
        await writer.drain()
        await asyncio.sleep(0)
        writer.write(b"dot\r\n.\r\nQUIT\r\n")
        replies = await asyncio.wait_for(reader.read(), 5)
        writer.close()
        [mail] = await sink.mails()
    assert replies.endswith(b"250 2.0.0 taken\r\n221 bye\r\n")
    assert (mail.message_id, mail.to, mail.subject) == ("<1@x>", "b@y", "R1")
    assert mail.content.endswith(b"\r\n\r\n.dot\r\n")


@pytest.mark.parametrize(
    ("real", "ours"),
    [(documents.main, tests.faults.mains.documents), (notifier.main, tests.faults.mains.notifier)],
)
def test_the_mains_are_made_of_the_services_own_parts(real: object, ours: object) -> None:
    """Every call of the service's `components` is in ours, too: a part that is added there has to be added here."""
    assert called(real) <= called(ours) | {"postgres_work", "PostgresEffectsBefore", "NotifierWork"}


def called(module: object) -> set[str]:
    """The names that a main's functions use, of classes and functions that it imported."""
    functions = [each for _, each in inspect.getmembers(module, inspect.isfunction)]
    own = [each for each in functions if each.__module__ == getattr(module, "__name__", "")]
    names = {name for each in own for name in each.__code__.co_names}
    return {name for name in names if inspect.isclass(getattr(module, name, None)) or name in dir(module)}
