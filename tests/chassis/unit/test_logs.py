"""Logs: one JSON object per line, libraries included, no secret, and never a reason to fail."""

import asyncio
import json
import logging
import sys
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog

from chassis.logs import configure_logs, get_logger
from chassis.telemetry import span

Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Iterator[Lines]:
    """What was logged since the last call, parsed."""
    handlers, level = list(logging.getLogger().handlers), logging.getLogger().level
    configure_logs("documents", "info")
    yield lambda: [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    logging.getLogger().handlers = handlers
    logging.getLogger().setLevel(level)
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()


def test_an_event_is_one_line_of_json(lines: Lines) -> None:
    """Event, fields, service, level and time in UTC stand in one object, umlauts and line breaks included."""
    get_logger().info("document_published", document_number="Rä\n{}", version=2)
    (line,) = lines()
    assert line.pop("time").endswith("Z")
    assert line == {
        "event": "document_published",
        "document_number": "Rä\n{}",
        "version": 2,
        "level": "info",
        "service": "documents",
    }


def test_bound_context_goes_with_every_line(lines: Lines) -> None:
    """What is bound to the context, such as an event's id, is on each line until it is unbound."""
    with structlog.contextvars.bound_contextvars(ce_id="42"):
        get_logger().info("event_taken")
    get_logger().info("idle")
    assert [line.get("ce_id") for line in lines()] == ["42", None]


def test_the_level_is_kept(lines: Lines) -> None:
    """Debug lines of ours and of libraries are not written at level info."""
    get_logger().debug("detail")
    logging.getLogger("chassis.library").debug("detail")
    assert lines() == []


def test_libraries_speak_the_same_format(lines: Lines) -> None:
    """A library's sentence is the message of a library_message, with its arguments filled in and its secrets hidden."""
    logging.getLogger("aiokafka.consumer").warning("Heartbeat failed for %s: password=geheim", "group")
    (line,) = lines()
    assert (line["event"], line["logger"], line["level"]) == ("library_message", "aiokafka.consumer", "warning")
    assert line["message"] == "Heartbeat failed for group: password=***"


def test_talkative_libraries_are_quiet(lines: Lines) -> None:
    """What uvicorn, httpx2 and aiokafka say at level info, addresses with queries among it, is not written."""
    for name in ("uvicorn.error", "uvicorn.access", "httpx2", "aiokafka.conn"):
        logging.getLogger(name).info("GET http://h/?token=geheim")
    assert lines() == []


def test_a_broken_library_message_is_still_told(lines: Lines) -> None:
    """A sentence whose arguments do not fit is written without them."""
    (ours,) = [handler for handler in logging.getLogger().handlers if "chassis" in type(handler).__module__]
    ours.handle(logging.makeLogRecord({"msg": "%d pieces", "args": ("three",), "name": "library"}))
    assert [line["message"] for line in lines()] == ["%d pieces"]


def test_warnings_are_logged(lines: Lines) -> None:
    """Python's warnings are lines like all others."""
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=True)
        warnings.warn("old ways", DeprecationWarning, stacklevel=1)
    (line,) = lines()
    assert line["logger"] == "py.warnings"
    assert "old ways" in line["message"]


def test_an_exception_is_a_text_field(lines: Lines) -> None:
    """Type and traceback are texts of the one line; values of local variables are not among them."""
    try:
        _fail(password="hidden-" + "in-the-frame")
    except LookupError:
        get_logger().exception("mail_not_sent")
        logging.getLogger("library").exception("failed")
    for line in lines():
        assert line["exception_type"] == "builtins.LookupError"
        assert line["exception"].endswith("LookupError: token=***")
        assert "in _fail" in line["exception"]
        assert "hidden-in-the-frame" not in line["exception"]


def _fail(*, password: str) -> None:
    raise LookupError("token=geheim")


def test_exceptions_may_be_handed_over(lines: Lines) -> None:
    """exc_info takes an exception from elsewhere, such as a finished task's; None is no exception."""
    get_logger().error("component_died", exc_info=ExceptionGroup("several", [ValueError("one"), OSError("two")]))
    get_logger().error("component_died", exc_info=None)
    first, second = lines()
    assert "ValueError: one" in first["exception"]
    assert "exception" not in second


def test_secrets_are_hidden_under_their_names(lines: Lines) -> None:
    """Fields named like secrets are hidden, nested ones too."""
    get_logger().info("login", password="geheim", request={"headers": {"cookie": "geheim"}}, url="/x?token=geheim")
    assert "geheim" not in json.dumps(lines())


class Hostile:
    def __str__(self) -> str:
        raise RuntimeError("no text for you")


@pytest.mark.parametrize("value", ["\ud800", float("nan"), 10**400, {1: {2: 3}}, {"a", 1}, object, b"\xff", Hostile()])
def test_odd_values_are_written_somehow(lines: Lines, value: object) -> None:
    """Whatever is handed to the logger, a line comes out and nothing is raised."""
    get_logger().info("odd", value=value)
    assert [line["event"] for line in lines()] == ["odd"]


def test_a_closed_stdout_costs_the_line_only(lines: Lines, capsys: pytest.CaptureFixture[str]) -> None:
    """When nobody reads any more the service goes on working."""
    stdout, sys.stdout = sys.stdout, open("/dev/full", "w")  # noqa: SIM115, PTH123 - put back below
    try:
        get_logger().info("unheard")
        with pytest.raises(OSError, match="No space"):
            sys.stdout.close()
        get_logger().info("unheard")
    finally:
        sys.stdout = stdout
    assert lines() == []


async def test_lines_carry_the_trace_they_belong_to(lines: Lines) -> None:
    """Within a span trace_id and span_id are there, also in tasks started from it; outside they are not."""
    with span("step"):
        await asyncio.create_task(_log_inside())
    get_logger().info("outside")
    inside, outside = lines()
    assert (len(inside["trace_id"]), len(inside["span_id"])) == (32, 16)
    assert "trace_id" not in outside


async def _log_inside() -> None:
    get_logger().info("inside")
