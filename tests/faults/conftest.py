"""`fault_servers`: Kafka, PostgreSQL and S3 that faults may kill; each stand finds them running, with everything new."""

from collections.abc import Iterator

import pytest

from tests.faults.servers import Servers, own_servers


@pytest.fixture(scope="session")
def fault_servers() -> Iterator[Servers]:
    """One set for the whole run; a test that kills one of them starts it again, or the next stand does."""
    with own_servers() as servers:
        yield servers
