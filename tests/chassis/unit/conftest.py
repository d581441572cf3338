"""What the chassis' unit tests share: the telemetry of a process, which can be set up only once."""

import pytest

from chassis.telemetry import configure_telemetry


@pytest.fixture(scope="session", autouse=True)
def _telemetry() -> None:
    configure_telemetry("tests")
