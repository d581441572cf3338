"""The golden examples are what the models write, and every event has one."""

import json
from pathlib import Path

import pytest

from kundenportal_contracts.catalogue import EVENTS
from kundenportal_contracts.envelope import decode, encode, read_envelope, write_headers
from kundenportal_contracts.topics import ALL, USERS, dead_letters
from tests.contracts.golden import FILES, read


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_an_example_is_what_the_model_writes(file: Path) -> None:
    """Read and written again, an example is the same to the byte, on its topic and under its key."""
    example = read(file)
    written = json.dumps(example["data"], ensure_ascii=False, separators=(",", ":")).encode()
    event = decode(EVENTS[example["headers"]["ce_type"]], written)
    assert encode(event) == written
    assert (event.topic.name, event.key) == (example["topic"], example["key"])


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_an_examples_headers_are_what_is_written(file: Path) -> None:
    """The envelope read from an example gives its headers again."""
    headers = [(name, value.encode()) for name, value in read(file)["headers"].items()]
    assert write_headers(read_envelope(headers)) == headers


def test_every_event_has_an_example() -> None:
    """Somebody new to the bus finds each event written out."""
    assert {read(file)["headers"]["ce_type"] for file in FILES} == set(EVENTS)


def test_every_event_goes_to_a_known_topic_under_its_speakers_name() -> None:
    """A type is <speaker>.<Event>.v<n>, and its model's module is the speaker."""
    for ce_type, model in EVENTS.items():
        assert ce_type == f"{model.__module__.rpartition('.')[2]}.{model.__name__}.v1"
        assert model.topic in ALL


def test_topics_are_those_of_the_interface() -> None:
    """Six partitions and 1 MiB, dead letters one and 2 MiB; only users are kept for ever."""
    days = {topic.name: topic.retention and topic.retention.days for topic in ALL}
    letters = {dead_letters(service) for service in ("identity", "documents", "notifier")}
    assert days == {
        "billing.customers.v1": 30,
        "identity.customers.v1": 30,
        "billing.documents.v1": 7,
        "documents.documents.v1": 30,
        "identity.users.v1": None,
        "identity.credentials.v1": 7,
        "notifier.deliveries.v1": 7,
        **{topic.name: 30 for topic in letters},
    }
    assert {(topic.partitions, topic.max_message_bytes) for topic in set(ALL) - letters} == {(6, 2**20)}
    assert {(topic.partitions, topic.max_message_bytes) for topic in letters} == {(1, 2**21)}
    assert USERS.key == "user_id"
