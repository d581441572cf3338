"""`make bench`: measures each path beside its raw limit and prints what docs/benchmarks.md explains.

`python -m tests.benchmarks [b1 b2 b3 b7 b10] [--profile]`; without a name all of them. The profiles go to stderr.
"""

import asyncio
import gc
import sys
import tempfile
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

import uvloop

from chassis.lifecycle.service import COLLECT_AFTER
from chassis.logs import configure_logs
from chassis.telemetry import configure_telemetry
from tests.benchmarks import b01_consumer, b02_ingest, b03_intake, b07_download, b10_rest
from tests.benchmarks.harness import BILL_HEAD, HEAD, Comparison
from tests.benchmarks.machine import machine
from tests.benchmarks.profiling import Profiler
from tests.benchmarks.stand import Stand, stand
from tests.fixtures.portal import running_portal

Measure = Callable[[Stand, Profiler | None], Coroutine[Any, Any, list[Comparison]]]
ON_SERVERS: dict[str, Measure] = {"b1": b01_consumer.measure, "b2": b02_ingest.measure, "b3": b03_intake.measure}
ON_THE_PORTAL = ("b7", "b10")


def main(arguments: Sequence[str]) -> None:
    profiled = "--profile" in arguments
    names = [name.lower() for name in arguments if name != "--profile"]
    if unknown := set(names) - {*ON_SERVERS, *ON_THE_PORTAL}:
        sys.exit(f"There is no benchmark {', '.join(sorted(unknown))}; there are {', '.join(ON_SERVERS)}, b7, b10.")
    configure_logs("bench", "critical")
    configure_telemetry("bench")
    gc.freeze()  # as a service does when it starts
    gc.set_threshold(*COLLECT_AFTER)
    say(machine())
    for name in names or [*ON_SERVERS, *ON_THE_PORTAL]:
        one(name, Profiler() if profiled else None)


def one(name: str, profiler: Profiler | None) -> None:
    with tempfile.TemporaryDirectory() as folder:
        if name == "b10":
            say("", b10_rest.HEAD, *b10_rest.measure(Path(folder)).rows())
        elif name == "b7":
            with running_portal(Path(folder)) as portal:
                tell(asyncio.run(b07_download.measure(portal)))
        else:
            with stand() as servers, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                tell(runner.run(ON_SERVERS[name](servers, profiler)))


def tell(comparisons: Sequence[Comparison]) -> None:
    say("", HEAD, *(comparison.row() for comparison in comparisons))
    say("", BILL_HEAD, *(line for comparison in comparisons for line in comparison.bills()))


def say(*lines: str) -> None:
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
