"""Makes the JVM's ahead-of-time cache for Kafka, once, while the portal already runs: later starts save a second.

The cache belongs to the class path, the jars' times and the JVM; where it does not match, the JVM starts without it.
"""

import asyncio
import dataclasses
import shutil
import time
from collections.abc import Mapping
from pathlib import Path

from kundenportal_local.errors import LocalTroubleError
from kundenportal_local.kafka import Kafka, java
from kundenportal_local.layout import Layout
from kundenportal_local.ports import Reservation
from kundenportal_local.program import Running
from kundenportal_local.supervisor import exit_code

FIRST_PORT = 19_092
SECONDS = 120.0
SETTLE_SECONDS = 2.0


async def train(kafka: Kafka, environment: Mapping[str, str], layout: Layout) -> None:
    """Start a second broker at low priority on data of its own, end it, and keep the cache it writes. Never fails."""
    if kafka.aot_cache is None or _is_current(kafka):
        return
    folder = layout.data / "kafka-training"
    try:
        with Reservation() as ports:
            pupil = dataclasses.replace(
                kafka,
                data=folder,
                port=ports.port(FIRST_PORT),
                controller_port=ports.port(FIRST_PORT),
                aot_cache=None,
            )
            await _practise(pupil, environment, folder / "kafka.aot", layout.logs / "kafka-training.log")
        (folder / "kafka.aot").replace(kafka.aot_cache)
        _mark(kafka).write_text(_identity(kafka), encoding="utf-8")
    except (LocalTroubleError, OSError, TimeoutError):
        return  # the next start tries again; the portal runs as well without
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _practise(kafka: Kafka, environment: Mapping[str, str], written: Path, log: Path) -> None:
    shutil.rmtree(kafka.data, ignore_errors=True)
    kafka.prepare()
    program = kafka.program(environment, flags=(f"-XX:AOTCacheOutput={written}",))
    program = dataclasses.replace(program, command=("nice", "-n", "19", *program.command))
    running = Running(program, log)
    try:
        deadline = time.monotonic() + SECONDS
        while not await asyncio.to_thread(program.is_ready):
            if time.monotonic() > deadline or running.exit_code is not None:
                raise LocalTroubleError("the training run ended early")
            await asyncio.sleep(0.5)
        await asyncio.sleep(SETTLE_SECONDS)
        running.ask_to_stop()
        await asyncio.wait_for(exit_code(running), SECONDS)
    finally:
        running.kill()


def _is_current(kafka: Kafka) -> bool:
    mark = _mark(kafka)
    cached = kafka.aot_cache is not None and kafka.aot_cache.exists()
    return cached and mark.exists() and mark.read_text(encoding="utf-8") == _identity(kafka)


def _mark(kafka: Kafka) -> Path:
    if kafka.aot_cache is None:
        raise ValueError("no cache is wanted")
    return kafka.aot_cache.with_suffix(".aot.for")


def _identity(kafka: Kafka) -> str:
    times = "\n".join(f"{jar} {jar.stat().st_mtime_ns}" for jar in kafka.jars)
    return f"{java()} {java().stat().st_mtime_ns}\n{times}"
