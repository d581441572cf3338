"""`kundenportal run` as a whole: what it tells, what it restarts, how it ends."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import psutil
import pytest

from tests.fixtures.embedded import data_folder
from tests.fixtures.portal import Portal, eventually, running_portal

pytestmark = [pytest.mark.integration, pytest.mark.journey, pytest.mark.timeout(300)]
SERVICES = ("identity", "documents", "notifier", "gateway")
ALL = {*SERVICES, "kafka", "postgres", "s3", "smtp"}


def is_alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def is_ready(stack: dict[str, Any]) -> bool | None:
    try:
        return httpx2.get(f"{stack['gateway_url']}/ready", trust_env=False).status_code == 200 or None
    except httpx2.TransportError:
        return None


def test_every_process_is_the_one_that_works(portal: Portal) -> None:
    """Each name in stack.json's processes is a living process, and no two names share one."""
    processes = portal.stack["processes"]
    assert set(processes) == ALL
    assert len(set(processes.values())) == len(ALL)
    assert all(is_alive(pid) for pid in processes.values())


def test_everything_listens_on_this_machine_alone(portal: Portal) -> None:
    """No process of the portal can be reached from another machine."""
    listening = {
        connection.laddr.ip
        for pid in portal.stack["processes"].values()
        for connection in psutil.Process(pid).net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN
    }
    assert listening <= {"127.0.0.1", "::ffff:127.0.0.1"}


@pytest.mark.parametrize("name", ["gateway", "s3", "smtp"])
def test_what_is_killed_is_back_within_three_seconds(portal: Portal, name: str) -> None:
    """A killed process has a successor in stack.json within three seconds, on the same port."""
    before = portal.stack
    portal.kill(name)
    eventually(lambda: portal.stack["processes"].get(name, 0) not in {0, before["processes"][name]} or None, name, 3)
    assert {**portal.stack, "processes": {}} == {**before, "processes": {}}
    eventually(lambda: is_ready(portal.stack), "the gateway's readiness")


def test_what_is_stopped_is_left_alone(portal: Portal) -> None:
    """A process under SIGSTOP is not replaced, and answers again after SIGCONT."""
    stack = portal.stack
    os.kill(stack["processes"]["gateway"], signal.SIGSTOP)
    time.sleep(1)
    os.kill(stack["processes"]["gateway"], signal.SIGCONT)
    eventually(lambda: is_ready(stack), "the gateway's readiness")
    assert portal.stack == stack


def test_a_second_portal_on_the_same_folder_is_refused(portal: Portal) -> None:
    """It says who uses the folder and what to do, ends with 1, and leaves the first one alone."""
    before = portal.stack
    command = [str(Path(sys.executable).with_name("kundenportal")), "run", "--empty"]
    environment = {**os.environ, "KUNDENPORTAL_LOCAL_DIR": str(portal.folder)}
    second = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert second.returncode == 1
    assert "Another local stack" in second.stderr
    assert portal.stack == before


@pytest.fixture
def own_folder() -> Iterator[Path]:
    with data_folder("portal") as folder:
        yield folder


def test_an_ended_portal_leaves_nothing_and_comes_back(own_folder: Path) -> None:
    """After SIGTERM no process and no stack.json is left; the next start has the same secrets and another life's mails."""
    with running_portal(own_folder) as first:
        before = first.stack
        (Path(before["mailbox_dir"]) / "new" / "kept").write_bytes(b"Subject: kept\r\n\r\n")
    assert not [name for name, pid in before["processes"].items() if is_alive(pid)]
    assert not (own_folder / "stack.json").exists()
    with running_portal(own_folder) as second:
        after = second.stack
        assert after["s3_secret_key"] == before["s3_secret_key"]
        assert (Path(after["mailbox_dir"]) / "new" / "kept").exists()
        with socket.create_connection((after["smtp_host"], after["smtp_port"]), timeout=5) as greeting:
            assert greeting.recv(4).startswith(b"220")
