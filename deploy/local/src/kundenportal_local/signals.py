"""The signals that end a run, heard also where SIGINT came ignored, as in a shell's background job."""

import asyncio
import signal
from collections.abc import Callable, Coroutine
from typing import Any


async def until_signal(work: Coroutine[Any, Any, None], *, say: Callable[[str], None] = print) -> None:
    """Do the work until it is done, fails (its error is raised) or a signal asks to end (it is cancelled)."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for one in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(one, stop.set)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup means it
        loop.add_signal_handler(signal.SIGHUP, stop.set)
    working = asyncio.create_task(work)
    waiting = asyncio.create_task(stop.wait())
    await asyncio.wait({working, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if stop.is_set():
        say("Ending ...")
        working.cancel()
    await asyncio.gather(working, waiting, return_exceptions=True)
    if not working.cancelled() and (error := working.exception()) is not None:
        raise error
