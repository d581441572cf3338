"""What unit tests of identity may ask for."""

import pytest

from chassis.testing.frozen_clock import FrozenClock
from tests.identity.people import Household, household


@pytest.fixture
async def home(clock: FrozenClock) -> Household:
    return await household(clock)
