"""The event loop's own pulse: it keeps the process alive in the eyes of the probes, and measures how late it comes."""

import asyncio
import time

from prometheus_client import Gauge, Histogram

from chassis.health import Health

HEARTBEAT = "event_loop"
TICK_SECONDS = 0.025

LAG = Histogram(
    "kundenportal_event_loop_lag_seconds",
    "How late the event loop came to a task that was due",
    buckets=(0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10),
)
LONGEST = Gauge("kundenportal_event_loop_longest_stall_seconds", "The longest such delay since the process started")


async def beat(health: Health) -> None:
    """For ever. A stall is seen but for the tick that it began in."""
    longest = 0.0
    LONGEST.set(longest)
    while True:
        health.heartbeat(HEARTBEAT)
        due = time.monotonic() + TICK_SECONDS
        await asyncio.sleep(TICK_SECONDS)
        late = max(0.0, time.monotonic() - due)
        LAG.observe(late)
        if late > longest:
            longest = late
            LONGEST.set(late)
