"""`make bench`: starts a portal of its own, measures, prints a table that docs/benchmarks.md explains."""

import asyncio
import tempfile
from pathlib import Path

from tests.benchmarks.download import download
from tests.benchmarks.harness import Comparison
from tests.fixtures.bus import bus
from tests.fixtures.customers import registered
from tests.fixtures.portal import Portal, running_portal

CUSTOMER, EMAIL = "9001", "messung@hof-neun.example"


async def measure(portal: Portal) -> list[Comparison]:
    async with bus(portal.stack["kafka_bootstrap"]) as billing:
        visitor = await registered(portal, billing, CUSTOMER, EMAIL)
        return await download(portal, billing, visitor, CUSTOMER)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, running_portal(Path(folder)) as portal:
        comparisons = asyncio.run(measure(portal))
    print("| what | raw limit | Kundenportal | ratio | goal | CPU ms a unit, by process |")  # noqa: T201 -- its purpose
    print("| --- | --- | --- | --- | --- | --- |")  # noqa: T201
    for comparison in comparisons:
        print(comparison.row())  # noqa: T201


if __name__ == "__main__":
    main()
