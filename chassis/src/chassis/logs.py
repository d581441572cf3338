"""Logs: one JSON object per line on stdout, ours and the libraries' alike, with the trace they belong to and no secret in them."""

import json
import logging
import sys
import traceback
from collections.abc import Sequence
from typing import Any

if "rich" in sys.modules:
    import structlog
else:
    # structlog loads rich where it finds it, 5 MB in every process, to colour a console that no service has.
    sys.modules["rich"] = None  # type: ignore[assignment]
    import structlog

    del sys.modules["rich"]

from opentelemetry import trace
from structlog.typing import EventDict, ExcInfo, Processor, WrappedLogger

from chassis.redaction import redact

QUIET_LIBRARIES = ("aiokafka", "asyncio", "httpcore2", "httpx2", "kafka", "opentelemetry", "sqlalchemy", "uvicorn")
_JSON = json.JSONEncoder(ensure_ascii=False)


def get_logger(**fields: Any) -> structlog.typing.FilteringBoundLogger:
    """Make a logger whose events are facts in snake case with ids as fields: `log.info("document_published", document_id=…)`."""
    logger: structlog.typing.FilteringBoundLogger = structlog.get_logger(**fields)
    return logger


def configure_logs(service: str, level: str = "info") -> None:
    """Route everything this process logs to stdout. Called first thing; calling again replaces the former choice."""
    number = logging.getLevelNamesMapping()[level.upper()]
    time = structlog.processors.TimeStamper(fmt="iso", utc=True, key="time")
    common: list[Processor] = [_service(service), _trace, _exception_as_text, _without_secrets, time, _as_json]
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            *common,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=lambda *_: _Stdout(),
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    for handler in [handler for handler in root.handlers if isinstance(handler, _LibraryLogs)]:
        root.removeHandler(handler)
    root.addHandler(_LibraryLogs(common))
    root.setLevel(number)
    for name in QUIET_LIBRARIES:
        logging.getLogger(name).setLevel(max(number, logging.WARNING))
    logging.captureWarnings(capture=True)


class _Stdout:
    """Writes whole lines; a stdout that is gone or full costs the line, never the work that logged it."""

    def msg(self, line: str) -> None:
        try:
            sys.stdout.write(line + "\n")
            sys.stdout.flush()
        except (OSError, ValueError):
            return

    debug = info = warning = error = critical = msg


class _LibraryLogs(logging.Handler):
    """What libraries log through `logging`: their sentence is `message`, the event is always library_message."""

    def __init__(self, processors: Sequence[Processor]) -> None:
        super().__init__()
        self._processors = processors
        self._stdout = _Stdout()

    def emit(self, record: logging.LogRecord) -> None:
        try:
            event: Any = {
                "event": "library_message",
                "message": _message(record),
                "logger": record.name,
                "level": record.levelname.lower(),
            }
            if record.exc_info and record.exc_info[0]:
                event["exc_info"] = record.exc_info
            for processor in self._processors:
                event = processor(None, record.levelname.lower(), event)
            self._stdout.msg(event)
        except Exception:  # noqa: BLE001 - a broken log line must not break the library that wrote it
            self.handleError(record)


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception:  # noqa: BLE001 - the sentence is worth more than its arguments
        return str(record.msg)


def _service(service: str) -> Processor:
    def add(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
        event["service"] = service
        return event

    return add


def _trace(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    context = trace.get_current_span().get_span_context()
    if context.is_valid:
        event.setdefault("trace_id", trace.format_trace_id(context.trace_id))
        event.setdefault("span_id", trace.format_span_id(context.span_id))
    return event


def _exception_as_text(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    """Turn exc_info into two texts: the exception's type and its traceback, never the values of variables."""
    info = _exc_info(event.pop("exc_info", None))
    if info is not None:
        event["exception_type"] = f"{info[0].__module__}.{info[0].__qualname__}"
        event["exception"] = "".join(traceback.format_exception(*info)).rstrip()
    return event


def _exc_info(given: object) -> ExcInfo | None:
    if isinstance(given, BaseException):
        return type(given), given, given.__traceback__
    if isinstance(given, tuple):
        return given if given[0] else None
    current = sys.exc_info() if given else (None, None, None)
    return current if current[0] else None


def _without_secrets(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    hidden: EventDict = redact(event)
    return hidden


def _as_json(_logger: WrappedLogger, _name: str, event: EventDict) -> str:
    """Put the event first, for the eye. Lone surrogates are escaped, so that writing cannot fail on them."""
    ordered = {"event": event.pop("event", None), **event}
    return _JSON.encode(ordered).encode("utf-8", "backslashreplace").decode("utf-8")
