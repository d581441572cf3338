"""What can be wrong on a machine, and the sentence that says what to do."""

import hashlib
import json
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from kundenportal_local.clean import clean
from kundenportal_local.errors import LocalTroubleError
from kundenportal_local.jars import LOCK, Jar, are_fetched, fetch_jars, read_list
from kundenportal_local.layout import Layout, find_layout
from kundenportal_local.lock import exclusive
from kundenportal_local.ports import HOST, Reservation
from kundenportal_local.secrets import keep

JAR = Jar("org.example", "thing", "1.0", hashlib.sha256(b"right").hexdigest())


def delivers(content: bytes) -> Callable[[Jar, Path], Path]:
    def fetch(jar: Jar, staging: Path) -> Path:
        staging.mkdir()
        (staging / jar.file_name).write_bytes(content)
        return staging / jar.file_name

    return fetch


def quiet(_text: str) -> None:
    pass


def test_a_taken_port_is_passed_over() -> None:
    """Where the usual port is taken, the next free one is used."""
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        port = taken.getsockname()[1]
        taken.listen()
        with Reservation(highest=port + 1001) as reservation:
            assert reservation.port(port) in range(port + 100, port + 1001, 100)


def test_two_stacks_do_not_choose_the_same_port() -> None:
    """A port that another stack reserved is passed over even before anything listens there."""
    with Reservation() as first, Reservation() as second:
        assert first.port(21_001) != second.port(21_001)


def test_no_free_port_is_told() -> None:
    """When nothing is free, the sentence names the port and how to see who has it."""
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        port = taken.getsockname()[1]
        taken.listen()
        with pytest.raises(LocalTroubleError, match=rf"port {port} .*ss -ltnp"):
            Reservation(highest=port + 1).port(port)


def test_secrets_are_drawn_once_and_for_us_alone(tmp_path: Path) -> None:
    """The file keeps what was drawn and is readable by its owner only."""
    path = tmp_path / "secrets.json"
    drawn = keep(path, data_exists=False)
    assert keep(path, data_exists=True) == drawn
    assert path.stat().st_mode & 0o777 == 0o600
    assert "d" not in json.loads(drawn.notifier_public_key)


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"postgres_password": "x"}'])
def test_damaged_secrets_are_told(tmp_path: Path, content: str) -> None:
    """A file that does not have every secret is not replaced, because the data was made with the old ones."""
    path = tmp_path / "secrets.json"
    path.write_text(content)
    with pytest.raises(LocalTroubleError, match=r"secrets.json is damaged.*make clean"):
        keep(path, data_exists=True)
    assert path.read_text() == content


@pytest.mark.parametrize("field", ["key_encryption_key", "notifier_private_key"])
def test_a_damaged_key_is_told(tmp_path: Path, field: str) -> None:
    """A key that is no key is found before anything starts."""
    path = tmp_path / "secrets.json"
    keep(path, data_exists=False)
    path.write_text(json.dumps({**json.loads(path.read_text()), field: "bm8="}))
    with pytest.raises(LocalTroubleError, match="damaged"):
        keep(path, data_exists=True)


def test_data_without_its_secrets_is_told(tmp_path: Path) -> None:
    """New secrets are not drawn for data that the lost ones protect."""
    with pytest.raises(LocalTroubleError, match="is missing, but the data"):
        keep(tmp_path / "secrets.json", data_exists=True)


def test_a_damaged_jar_is_fetched_again(tmp_path: Path) -> None:
    """A jar whose bytes changed since it was verified is replaced."""
    (path,) = fetch_jars(tmp_path, (JAR,), delivers(b"right"), say=quiet)
    path.write_bytes(b"wrong")
    fetch_jars(tmp_path, (JAR,), delivers(b"right"), say=quiet)
    assert path.read_bytes() == b"right"


def test_a_jar_with_another_hash_is_refused(tmp_path: Path) -> None:
    """What arrives with another SHA-256 than the list's is never put where it would run."""
    with pytest.raises(LocalTroubleError, match="arrived with SHA-256"):
        fetch_jars(tmp_path, (JAR,), delivers(b"evil"), say=quiet)
    assert [path.name for path in tmp_path.iterdir()] == [LOCK]


def test_a_missing_network_is_told(tmp_path: Path) -> None:
    """The first start without a network says that it needs one."""

    def fetch(_jar: Jar, _staging: Path) -> Path:
        raise ConnectionError("no route")

    with pytest.raises(LocalTroubleError, match="first start needs the network"):
        fetch_jars(tmp_path, (JAR,), fetch, say=quiet)


def test_the_list_of_jars_is_whole(tmp_path: Path) -> None:
    """Every line names a jar with a SHA-256, and an empty folder does not count as fetched."""
    jars = read_list()
    assert {"kafka_2.13", "kafka-clients", "slf4j-simple"} <= {jar.artifact for jar in jars}
    assert all(len(jar.sha256) == 64 for jar in jars)
    assert not are_fetched(tmp_path)


def test_a_full_disk_is_told(tmp_path: Path) -> None:
    """Too little room is found before anything is written in earnest."""
    with pytest.raises(LocalTroubleError, match=r"MB are free .* needs"):
        Layout(tmp_path / "local", tmp_path / "cache").prepare(needed_bytes=10**18)


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """Where the folder cannot be made, the sentence names the variable that moves it."""
    (tmp_path / "file").write_text("")
    with pytest.raises(LocalTroubleError, match="KUNDENPORTAL_LOCAL_DIR"):
        Layout(tmp_path / "file" / "local", tmp_path / "cache").prepare()


@pytest.mark.parametrize("name", ["a,b", "a:b", 'a"b'])
def test_an_awkward_path_is_told(tmp_path: Path, name: str) -> None:
    """A path that Kafka would take apart is refused before anything is written."""
    with pytest.raises(LocalTroubleError, match="in the path"):
        Layout(tmp_path / name, tmp_path / "cache").prepare()
    assert list(tmp_path.iterdir()) == []


def test_a_second_stack_on_the_same_folder_is_told(tmp_path: Path) -> None:
    """The second one names the first one's process and leaves everything as it is."""
    with exclusive(tmp_path / "run.lock"), pytest.raises(LocalTroubleError, match="Another local stack"):
        clean(Layout(tmp_path, tmp_path / "cache"))


def test_clean_keeps_downloads(tmp_path: Path) -> None:
    """Data, mails, logs and secrets go; the cache stays."""
    layout = Layout(tmp_path / "local", tmp_path / "local" / "cache")
    layout.prepare()
    layout.secrets.write_text("{}")
    clean(layout)
    assert [file.name for file in layout.root.iterdir()] == ["cache"]


def test_the_folder_moves_and_the_downloads_stay(tmp_path: Path) -> None:
    """KUNDENPORTAL_LOCAL_DIR moves the data; the checkout's downloads are shared."""
    moved = find_layout({"KUNDENPORTAL_LOCAL_DIR": str(tmp_path)})
    assert moved.root == tmp_path
    assert moved.cache == find_layout({}).cache
