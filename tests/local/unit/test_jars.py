"""Kafka's jars: fetched once, verified, whoever else wants them at the same time."""

import hashlib
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from kundenportal_local.errors import LocalTroubleError
from kundenportal_local.jars import Jar, fetch_jars

CONTENT = b"PK a jar"
JARS = tuple(Jar("example", name, "1.0", hashlib.sha256(CONTENT).hexdigest()) for name in ("one", "two", "three"))


class Central:
    """Maven Central, slowly; counts what is asked of it."""

    def __init__(self, content: bytes = CONTENT) -> None:
        self.content = content
        self.asked: list[str] = []

    def fetch(self, jar: Jar, staging: Path) -> Path:
        self.asked.append(jar.artifact)
        staging.mkdir()
        time.sleep(0.05)
        path = staging / "downloaded.jar"
        path.write_bytes(self.content)
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


def test_a_changed_jar_is_not_used(tmp_path: Path) -> None:
    """What has another hash is told and leaves nothing behind; what is touched later is fetched anew."""
    with pytest.raises(LocalTroubleError, match="is not used"):
        fetch_jars(tmp_path, JARS, Central(b"something else").fetch, silent)
    assert not list(tmp_path.glob("*.jar"))
    [first, *_] = fetch_jars(tmp_path, JARS, Central().fetch, silent)
    first.write_bytes(b"damaged, and longer")
    central = Central()
    fetch_jars(tmp_path, JARS, central.fetch, silent)
    assert central.asked == ["one"]
