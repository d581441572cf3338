"""The life of a service's process: its components run side by side, end together, and never outlast their time.

A component that dies takes the service with it, so that a supervisor starts it anew instead of half of it going on.
"""

import asyncio
import gc
import signal
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import Any, Protocol

from chassis.health import Health
from chassis.lifecycle.heartbeat import HEARTBEAT, beat
from chassis.lifecycle.watchdog import Watchdog
from chassis.logs import get_logger

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)
COLLECT_AFTER = (10_000, 20, 20)
CANCEL_SECONDS = 2.0
CLOSE_SECONDS = 3.0

Closer = Callable[[], Awaitable[object]]

log = get_logger()


class Component(Protocol):
    """Something that runs as long as the service: the HTTP server, a consumer, the relay, a job."""

    @property
    def name(self) -> str: ...

    async def run(self) -> None:
        """Run until `stop` was called and the work at hand is done. Returning earlier, or raising, is a death."""

    def stop(self) -> None:
        """Ask `run` to come to its end soon. Returns at once; may be called before `run` and more than once."""


Tasks = Mapping["asyncio.Task[None]", Component]


async def run_service(
    components: Sequence[Component],
    shutdown_seconds: float,
    *,
    health: Health | None = None,
    closing: Sequence[Closer] = (),
) -> int:
    """Run the components until SIGTERM or SIGINT, or until one of them dies. Returns the exit code.

    At the end all are asked to stop at once; those still running after `shutdown_seconds` are cancelled, for which they
    have 2 s. Then `closing` (pools, clients) is called, last first, all within 3 s. 0: a stop on request, everything
    ended by itself; else 1. A second signal cuts the wait short. What cannot even be cancelled does not keep the process.
    """
    health = health or Health()
    stop, hurry = asyncio.Event(), asyncio.Event()
    _listen(stop, hurry)
    heart = asyncio.create_task(beat(health), name=HEARTBEAT)
    tasks = {asyncio.create_task(_run(component), name=component.name): component for component in components}
    watchdog = Watchdog(shutdown_seconds + CANCEL_SECONDS + CLOSE_SECONDS + 1)
    _keep_what_is_loaded()
    log.info("service_started", components=[component.name for component in components])
    try:
        clean = await _until_stop(tasks, stop)
        health.stop()
        log.info("service_stopping", seconds=shutdown_seconds)
        watchdog.start()
        clean = await _stop(tasks, shutdown_seconds, hurry) and clean
        clean = await _close(closing) and clean
    finally:
        await _cancel({task for task in (*tasks, heart) if not task.cancelling()})
        watchdog.cancel()
        _stop_listening()
    log.info("service_stopped", clean=clean)
    return 0 if clean else 1


def _keep_what_is_loaded() -> None:
    """Spare the garbage collector the modules and the wiring, which never go: its pauses get short, and rarer."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT_AFTER)


async def _run(component: Component) -> None:
    """Keep a library's sys.exit from ending the event loop under everybody else."""
    try:
        await component.run()
    except SystemExit as error:
        raise RuntimeError(f"tried to exit with {error.code}") from error


def _listen(stop: asyncio.Event, hurry: asyncio.Event) -> None:
    """Set handlers of our own, also where SIGINT came ignored from a shell's background job."""

    def on_signal(number: signal.Signals) -> None:
        log.info("stop_signal_received", signal=number.name)
        (hurry if stop.is_set() else stop).set()

    for number in STOP_SIGNALS:
        asyncio.get_running_loop().add_signal_handler(number, on_signal, number)


def _stop_listening() -> None:
    for number in STOP_SIGNALS:
        asyncio.get_running_loop().remove_signal_handler(number)


async def _until_stop(tasks: Tasks, stop: asyncio.Event) -> bool:
    """Wait for the request to stop; False where a component ended before it."""
    requested = asyncio.create_task(stop.wait(), name="stop requested")
    await asyncio.wait({*tasks, requested}, return_when=asyncio.FIRST_COMPLETED)
    requested.cancel()
    dead = [task for task in tasks if task.done()]
    for task in dead:
        _report("component_died", task)
    return not dead


async def _stop(tasks: Tasks, seconds: float, hurry: asyncio.Event) -> bool:
    """Ask every component to stop and wait; cancel what does not. False where that was needed or one failed."""
    running = {task for task in tasks if not task.done()}
    asked = [_ask(tasks[task]) for task in running]
    if running:
        await _first_of(asyncio.wait(running), hurry.wait(), seconds)
    late = {task for task in running if not task.done()}
    clean = _ended_well(running - late)
    for task in late:
        log.error("component_cut_off", component=task.get_name(), after_seconds=seconds)
    await _cancel(late)
    return clean and all(asked) and not late


async def _first_of(one: Coroutine[Any, Any, Any], other: Coroutine[Any, Any, Any], seconds: float) -> None:
    waits = {asyncio.create_task(one), asyncio.create_task(other)}
    await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    for wait in waits:
        wait.cancel()


async def _cancel(tasks: set["asyncio.Task[None]"]) -> None:
    """Cancel and wait a moment; who ignores that is left to the end of the loop and the watchdog."""
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=CANCEL_SECONDS)


def _ask(component: Component) -> bool:
    try:
        component.stop()
    except Exception:  # the others have to be asked, too
        log.exception("component_stop_failed", component=component.name)
        return False
    return True


def _ended_well(tasks: set["asyncio.Task[None]"]) -> bool:
    failed = [task for task in tasks if task.cancelled() or task.exception() is not None]
    for task in failed:
        _report("component_failed_at_stop", task)
    return not failed


def _report(event: str, task: "asyncio.Task[None]") -> None:
    """Say how a component ended; a CancelledError that nobody asked for is a failure like any other."""
    error = None if task.cancelled() else task.exception()
    how = "cancelled itself" if task.cancelled() else "raised" if error else "returned"
    log.error(event, component=task.get_name(), how=how, exc_info=error)


async def _close(closing: Sequence[Closer]) -> bool:
    clean = True
    deadline = asyncio.get_running_loop().time() + CLOSE_SECONDS
    for closer in reversed(closing):
        try:
            async with asyncio.timeout_at(deadline):
                await closer()
        except (Exception, asyncio.CancelledError):
            log.exception("closing_failed", what=getattr(closer, "__qualname__", repr(closer)))
            clean = False
    return clean
