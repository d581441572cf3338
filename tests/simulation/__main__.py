"""Repeats one history and tells it: `python -m tests.simulation consumer 1234`, or with crash steps `consumer 0@17`."""

import sys

import structlog

from chassis.testing.simulation.explore import play
from chassis.testing.simulation.plan import Plan
from tests.simulation.machines import MACHINES, quiet


def main() -> int:
    name, plan = sys.argv[1:]
    quiet()
    history = play(MACHINES[name], Plan.parse(plan))
    sys.stdout.write(history.told() + "\n")
    for finding in history.findings:
        sys.stdout.write(f"FOUND: {finding}\n")
    sys.stdout.write(f"{name} {history.plan}: {history.steps} steps, {history.crashes} crashes\n")
    structlog.reset_defaults()
    return 1 if history.findings else 0


if __name__ == "__main__":
    sys.exit(main())
