"""Logs of these tests are plain lines: drawing a traceback with all its variables takes seconds."""

import pytest
import structlog


@pytest.fixture(autouse=True)
def _plain_logs() -> None:
    structlog.configure(processors=[structlog.processors.format_exc_info, structlog.processors.KeyValueRenderer()])
