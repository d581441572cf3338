"""What integration tests of identity may ask for."""

from collections.abc import AsyncIterator

import pytest

from chassis.database import Database
from chassis.testing.frozen_clock import FrozenClock
from tests.identity.service import Service, serving


@pytest.fixture
async def service(database: Database, clock: FrozenClock) -> AsyncIterator[Service]:
    async with serving(database, clock) as running:
        yield running
