"""Histories are told by their trace: nothing is logged."""

from collections.abc import Iterator

import pytest
import structlog

from tests.simulation.machines import quiet


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    before = structlog.get_config()
    quiet()
    yield
    structlog.configure(**before)
