import asyncio
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from chassis.dead_letters.cli import dead_letters_cli
from chassis.messaging.clients import Message
from chassis.messaging.dead_letters import DeadLetters, as_message
from chassis.messaging.producer import producer
from chassis.messaging.records import DeadLetter, Record
from chassis.settings import KafkaSettings
from kundenportal_contracts.topics import Topic
from tests.chassis.items import ITEMS, headers
from tests.chassis.odd_headers import ON_ARRIVAL
from tests.chassis.stand import DEAD_LETTERS, read_all
from tests.fixtures.broker import Broker

pytestmark = pytest.mark.integration

KEPT = Topic("tests.kept.v1", 2, None, 1_048_576, "key")
APP = dead_letters_cli("tests")
DONE, NOT_ALL, USAGE, AWAY = 0, 1, 2, 3


@dataclass
class Operator:
    """Somebody at a shell."""

    broker: Broker

    def run(self, *arguments: str, bootstrap: str | None = None) -> Result:
        environment = {"KUNDENPORTAL_KAFKA_BOOTSTRAP": bootstrap or self.broker.bootstrap, "COLUMNS": "200"}
        return CliRunner().invoke(APP, list(arguments), env=environment)

    def listed(self, *arguments: str) -> list[dict[str, Any]]:
        done = self.run("list", "--json", *arguments)
        assert done.exit_code == DONE, done.output
        found: list[dict[str, Any]] = json.loads(done.stdout)
        return found

    def open_letters(self) -> list[str]:
        return [each["letter"] for each in self.listed()]

    def write(self, *messages: Message) -> None:
        async def send() -> None:
            sender = producer(KafkaSettings(kafka_bootstrap=self.broker.bootstrap), client_id="test")
            try:
                assert all(await sender.send(messages))
            finally:
                await sender.close()

        asyncio.run(send())

    def bury(self, *records: Record, reason: str = "handler_failed") -> None:
        self.write(*(as_message(DeadLetter(record, reason), DEAD_LETTERS.name) for record in records))

    def on(self, topic: Topic, expect: int) -> list[Record]:
        return asyncio.run(read_all(self.broker.bootstrap, topic, expect=expect))


def record(offset: int = 0, value: bytes | None = b"{}", *, topic: Topic = ITEMS, key: bytes | None = b"k") -> Record:
    return Record(topic.name, 1, offset, key, value, headers(event_id=f"event-{offset}"))


@pytest.fixture
def operator(broker: Broker) -> Operator:
    asyncio.run(broker.create_topics([ITEMS, DEAD_LETTERS, KEPT]))
    return Operator(broker)


def test_open_letters_are_listed_with_their_reason(operator: Operator) -> None:
    """Reason, origin, key and event stand there; reason and topic narrow it, a limit cuts it and says so."""
    operator.bury(record(7), record(8))
    operator.bury(record(9, topic=KEPT), reason="data_refused")
    first = operator.listed()[0]
    told = ("letter", "state", "reason", "topic", "partition", "offset", "key", "ce_id")
    assert [first[name] for name in told] == ["0/0", "open", "handler_failed", ITEMS.name, 1, 7, "k", "event-7"]
    assert [each["offset"] for each in operator.listed("--reason", "data_refused")] == [9]
    assert [each["offset"] for each in operator.listed("--topic", ITEMS.name, "--limit", "1")] == [7]
    table = operator.run("list", "--limit", "2")
    assert "handler_failed" in table.stdout
    assert "and 1 more" in table.stderr


def test_a_letter_is_shown_safely_and_its_bytes_are_written(operator: Operator, tmp_path: Path) -> None:
    """The terminal sees escapes and no secret, the file has every byte and is nobody else's to read or to lose."""
    value = b'{"secret": "geheim", "text": "\x1b[2J\xff"}'
    operator.bury(record(3, value))
    shown = operator.run("show", "0")
    assert shown.exit_code == DONE
    assert f"origin: {ITEMS.name}/1/3" in shown.stdout
    assert "geheim" not in shown.stdout
    assert "\x1b" not in shown.stdout
    file = tmp_path / "value"
    assert operator.run("show", "0/0", "--raw", str(file)).exit_code == DONE
    assert file.read_bytes() == value
    assert file.stat().st_mode & 0o077 == 0
    assert operator.run("show", "0", "--raw", str(file)).exit_code == NOT_ALL
    assert file.read_bytes() == value


def test_a_replay_writes_the_record_as_it_was(operator: Operator) -> None:
    """Key, value, headers and partition are the original's; the letter is handled, by whom is kept."""
    operator.bury(record(7, b"\xff\x00"), record(8, None))
    done = operator.run("replay", "0", "0/1", "--by", "Zoë", "--because", "mended")
    assert (done.exit_code, done.stdout.splitlines()[0]) == (DONE, f"0/0: replayed to {ITEMS.name}/1/7")
    back = operator.on(ITEMS, 2)
    assert [(each.partition, each.key, each.value) for each in back] == [(1, b"k", b"\xff\x00"), (1, b"k", None)]
    assert back[0].headers == headers(event_id="event-7")
    assert operator.open_letters() == []
    handled = operator.listed("--handled")[0]
    assert [handled[name] for name in ("state", "by", "because")] == ["replayed", "Zoë", "mended"]
    assert handled["reason"] == "handler_failed"


def test_handled_and_unknown_letters_are_named(operator: Operator) -> None:
    """What can be done is done, the rest is said with who did it before, and the exit code tells."""
    operator.bury(record(7), record(8))
    assert operator.run("discard", "0", "--because", "a test", "--by", "Max").exit_code == DONE
    done = operator.run("replay", "0", "1", "99", "--by", "Zoë")
    assert done.exit_code == NOT_ALL
    assert "0/0: already discarded by Max" in done.stderr
    assert "0/99: there is no such letter" in done.stderr
    assert "0/1: replayed" in done.stdout
    assert len(operator.on(ITEMS, 1)) == 1
    assert operator.run("show", "99").exit_code == NOT_ALL


def test_all_of_one_reason_go_back(operator: Operator) -> None:
    """--all takes the open ones, narrowed by reason and topic; doing it again finds nothing left."""
    operator.bury(*(record(number) for number in range(250)))
    operator.bury(record(250), reason="data_refused")
    assert operator.run("replay", "--all", "--reason", "handler_failed").exit_code == DONE
    offsets = [dict(each.headers)["ce_id"] for each in operator.on(ITEMS, 250)]
    assert offsets == [f"event-{number}".encode() for number in range(250)]
    assert [each["reason"] for each in operator.listed()] == ["data_refused"]
    assert operator.run("replay", "--all", "--reason", "handler_failed").exit_code == DONE
    assert len(operator.on(ITEMS, 250)) == 250


def test_what_no_service_wrote_can_be_discarded_only(operator: Operator) -> None:
    """Without our headers nobody knows where it came from."""
    operator.write(Message(DEAD_LETTERS.name, b"k", b"?", (("dlq_reason", b"mine"),)))
    assert [(each["reason"], each["topic"]) for each in operator.listed()] == [("unknown", None)]
    done = operator.run("replay", "--all")
    assert done.exit_code == NOT_ALL
    assert "nothing says where it came from" in done.stderr
    assert operator.run("discard", "0", "--because", "not ours").exit_code == DONE
    assert operator.open_letters() == []


def test_odd_names_and_missing_topics_stay_open(operator: Operator) -> None:
    """What cannot be written back says why and waits."""
    odd = Record(ITEMS.name, 0, 1, b"k", b"v", ((ON_ARRIVAL, b""),))
    operator.bury(odd, Record("tests.gone.v1", 0, 1, b"k", b"v"), Record(ITEMS.name, 77, 1, b"k", b"v"))
    done = operator.run("replay", "--all")
    assert done.exit_code == NOT_ALL
    assert "0/0: a header name is not UTF-8" in done.stderr
    assert "0/1: its topic tests.gone.v1 is missing" in done.stderr
    assert f"0/2: there is no partition 77 of {ITEMS.name}" in done.stderr
    assert len(operator.open_letters()) == 3
    assert r"\xfcberschrift" in operator.run("show", "0").stdout


def test_a_cut_letter_is_shown_and_discarded_only(operator: Operator, tmp_path: Path) -> None:
    """The operator sees how much there was; its beginning is not handed over as if it were the record."""

    async def bury() -> None:
        letters = DeadLetters(KafkaSettings(kafka_bootstrap=operator.broker.bootstrap), "tests")
        await letters.write([DeadLetter(record(7, b"x" * 3_000_000), "malformed_event")])
        await letters.close()

    asyncio.run(bury())
    assert "truncated: value:3000000:" in operator.run("show", "0").stdout
    assert "65536, cut" in operator.run("list").stdout
    assert "not the whole value" in operator.run("show", "0", "--raw", str(tmp_path / "value")).stdout
    for call in (("replay", "0"), ("replay", "--all")):
        done = operator.run(*call)
        assert (done.exit_code, "0/0: it was too large, only its beginning" in done.stderr) == (NOT_ALL, True)
    assert operator.run("discard", "0", "--because", "said again").exit_code == DONE
    assert operator.open_letters() == []


def test_no_strange_record_stops_the_commands(operator: Operator) -> None:
    """Headers like ours that say nothing are a stranger's; the letters beside them are handled as ever."""
    strange = [("dlq_header_names", b"nonsense"), ("dlq_partition", b"9" * 5000), ("dlq_handled", b"9" * 5000)]
    for name, value in strange:
        told = {"dlq_reason": b"r", "dlq_topic": b"t", "dlq_partition": b"0", "dlq_offset": b"1"} | {name: value}
        operator.write(Message(DEAD_LETTERS.name, b"k", b"?", tuple(told.items())))
    operator.bury(record(7))
    assert [each["reason"] for each in operator.listed()] == ["unknown", "unknown", "unknown", "handler_failed"]
    assert "header dlq_header_names: nonsense" in operator.run("show", "0").stdout
    assert "1 done, 3 not" in operator.run("replay", "--all").stderr
    assert operator.run("discard", "0", "1", "2", "--because", "not ours").exit_code == DONE


def test_a_compacted_topic_is_not_set_back(operator: Operator) -> None:
    """A record behind which the same key was said again stays a letter; the last one of its key may go, null or not."""
    said = [Message(KEPT.name, key, value, (), 1) for key, value in ((b"a", b"1"), (b"a", b"2"), (b"b", b"1"))]
    operator.write(*said)
    keys = [(0, b"a", b"1"), (1, b"a", None), (2, b"b", b"1")]
    operator.bury(*(Record(KEPT.name, 1, offset, key, value) for offset, key, value in keys))
    done = operator.run("replay", "--all")
    assert done.exit_code == NOT_ALL
    assert f"0/0: {KEPT.name} keeps the last record of a key, and 1 is newer" in done.stderr
    assert operator.open_letters() == ["0/0"]
    assert [(each.key, each.value) for each in operator.on(KEPT, 5)[3:]] == [(b"a", None), (b"b", b"1")]


def test_a_missing_topic_and_an_absent_broker_are_told_apart(operator: Operator, broker: Broker) -> None:
    """Both end with their own exit code and a sentence; no topic is made by asking."""
    missing = CliRunner().invoke(
        dead_letters_cli("nobody"), ["list"], env={"KUNDENPORTAL_KAFKA_BOOTSTRAP": broker.bootstrap}
    )
    assert (missing.exit_code, "nobody.dead-letters.v1 is missing" in missing.stderr) == (AWAY, True)
    away = operator.run("replay", "--all", bootstrap="127.0.0.1:9")
    assert (away.exit_code, "does not answer" in away.stderr) == (AWAY, True)


@pytest.mark.parametrize(
    "call",
    [
        ("replay",),
        ("replay", "1", "--all"),
        ("replay", "1", "--reason", "x"),
        ("replay", "one"),
        ("show", "1/2/3"),
        ("discard", "1"),
        ("discard", "1", "--because", " "),
        ("discard", "1", "--because", "a\nb"),
        ("discard", "1", "--because", "x", "--by", "\x1b[2J"),
        ("list", "--limit", "0"),
        ("list", "--stack", "/nowhere"),
    ],
)
def test_a_wrong_call_is_refused_before_anything_is_asked(call: tuple[str, ...]) -> None:
    """Exit code 2 and a sentence, no traceback."""
    done = CliRunner().invoke(APP, list(call), env={"KUNDENPORTAL_KAFKA_BOOTSTRAP": "127.0.0.1:9"})
    assert done.exit_code == USAGE
    assert "Traceback" not in done.output
