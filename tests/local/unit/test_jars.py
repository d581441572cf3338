"""Kafka's jars are fetched once, whoever else wants them at the same time."""

import hashlib
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from kundenportal_local.jars import Jar, fetch_jars

CONTENT = b"PK a jar"
JARS = tuple(Jar("example", name, "1.0", hashlib.sha256(CONTENT).hexdigest()) for name in ("one", "two", "three"))


class Central:
    """Maven Central, slowly; counts what is asked of it."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def fetch(self, jar: Jar, staging: Path) -> Path:
        self.asked.append(jar.artifact)
        staging.mkdir()
        time.sleep(0.05)
        path = staging / "downloaded.jar"
        path.write_bytes(CONTENT)
        time.sleep(0.05)
        return path


def silent(_: str) -> None:
    return


def test_who_comes_meanwhile_waits(tmp_path: Path) -> None:
    """Several processes with one cache fetch each jar once, and all get them."""
    central, together = Central(), threading.Barrier(4)

    def start() -> list[Path]:
        together.wait()
        return fetch_jars(tmp_path, JARS, central.fetch, silent)

    with ThreadPoolExecutor(4) as pool:
        found = [begun.result() for begun in [pool.submit(start) for _ in range(4)]]
    assert sorted(central.asked) == ["one", "three", "two"]
    assert all([path.read_bytes() for path in paths] == [CONTENT] * 3 for paths in found)
