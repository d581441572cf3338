"""The gateway around services in memory, fresh for every test."""

import pytest
import structlog

from tests.gateway.fakes.portal import FakePortal


@pytest.fixture(scope="session", autouse=True)
def plain_logs() -> None:
    """Keep exceptions on one line: drawing them with their variables takes seconds."""
    structlog.configure(processors=[structlog.processors.format_exc_info, structlog.processors.KeyValueRenderer()])


@pytest.fixture
def portal() -> FakePortal:
    return FakePortal()
