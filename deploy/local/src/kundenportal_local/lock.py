"""One stack for one folder, one download at a time: locks that end with the process that holds them."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kundenportal_local.errors import LocalTroubleError
from kundenportal_local.layout import LOCAL_DIR_VARIABLE


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Hold the folder; LocalTroubleError when another process does."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="ascii") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            raise LocalTroubleError(
                f"Another local stack (process {holder}) already uses {path.parent}. Use that one, end it with Ctrl-C, "
                f"or give this one a folder of its own with {LOCAL_DIR_VARIABLE}=/some/folder."
            ) from error
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


@contextmanager
def in_turn(path: Path) -> Iterator[None]:
    """Wait until nobody else holds the lock, and hold it."""
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
