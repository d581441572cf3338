"""asyncapi.yaml against the rules of AsyncAPI 3.1.0 and of its Kafka bindings 0.5.0, and against the topics."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from kundenportal_contracts.catalogue import EVENTS
from kundenportal_contracts.topics import ALL, READERS, of_service, settings_of, speaker
from tests.contracts.golden import CONTRACTS

DOCUMENT: dict[str, Any] = yaml.safe_load((CONTRACTS / "asyncapi.yaml").read_text(encoding="utf-8"))
CHANNELS, OPERATIONS = DOCUMENT["channels"], DOCUMENT["operations"]
MESSAGES = DOCUMENT["components"]["messages"]
TRAIT = DOCUMENT["components"]["messageTraits"]["CloudEvent"]
# The fixed fields of each object in the specification; the first set must be there.
ROOT = {"asyncapi", "info"}, {"id", "servers", "defaultContentType", "channels", "operations", "components"}
ABOUT = {"title", "summary", "description", "tags", "externalDocs", "bindings"}
CHANNEL = set[str](), ABOUT | {"address", "messages", "servers", "parameters"}
OPERATION = {"action", "channel"}, ABOUT | {"security", "traits", "messages", "reply"}
MESSAGE = set[str](), ABOUT | {"headers", "payload", "correlationId", "contentType", "name", "examples", "traits"}
SERVER = {"host", "protocol"}, ABOUT | {"protocolVersion", "pathname", "variables", "security"}
CHANNEL_BINDING = set[str](), {"topic", "partitions", "replicas", "topicConfiguration", "bindingVersion"}
OPERATION_BINDING = set[str](), {"groupId", "clientId", "bindingVersion"}
MESSAGE_BINDING = (
    set[str](),
    {"key", "schemaIdLocation", "schemaIdPayloadEncoding", "schemaLookupStrategy", "bindingVersion"},
)
CONFIGURATION = (
    set[str](),
    {"cleanup.policy", "retention.ms", "retention.bytes", "delete.retention.ms", "max.message.bytes"},
)
NAME = re.compile(r"[\w\d.\-_]+", re.ASCII)


def fits(found: dict[str, Any], fields: tuple[set[str], set[str]]) -> None:
    required, optional = fields
    assert required <= set(found) <= required | optional


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if "$ref" in node:
            yield node["$ref"]
        for inner in node.values():
            yield from references(inner)
    elif isinstance(node, list):
        for inner in node:
            yield from references(inner)


def resolve(reference: str) -> Any:
    assert reference.startswith("#/"), reference
    node: Any = DOCUMENT
    for name in reference.removeprefix("#/").split("/"):
        node = node[name]
    return node


def test_the_frame_is_that_of_the_specification() -> None:
    """Version, title, one server for Kafka, and names that components may have."""
    fits(DOCUMENT, ROOT)
    assert DOCUMENT["asyncapi"] == "3.1.0"
    assert {"title", "version"} <= set(DOCUMENT["info"])
    for server in DOCUMENT["servers"].values():
        fits(server, SERVER)
        assert set(re.findall(r"\{(\w+)\}", server["host"])) == set(server["variables"])
    for group in DOCUMENT["components"].values():
        assert all(NAME.fullmatch(name) for name in group)


def test_what_depends_on_the_broker_is_told_in_words() -> None:
    """How many replicas must have a record follows from how many there are, so no topic's binding can say it."""
    beyond = dict(settings_of(ALL[0], replicas=3).items() - settings_of(ALL[0]).items())
    assert beyond == {"min.insync.replicas": "2"}
    assert "three replicas or more has min.insync.replicas=2" in DOCUMENT["info"]["description"]


def test_what_is_referred_to_is_there() -> None:
    """References lead to an object of the document or to a schema beside it."""
    for reference in references(DOCUMENT):
        if reference.startswith("./"):
            assert (CONTRACTS / reference).is_file(), reference
        else:
            assert isinstance(resolve(reference), dict)


@pytest.mark.parametrize("topic", ALL, ids=lambda topic: topic.name)
def test_a_topic_is_a_channel_with_its_settings(topic: Any) -> None:
    """Partitions, clean-up, retention and the largest record, as Kafka bindings."""
    channel = CHANNELS[topic.name]
    fits(channel, CHANNEL)
    kafka = channel["bindings"]["kafka"]
    fits(kafka, CHANNEL_BINDING)
    configuration = dict(kafka["topicConfiguration"])
    fits(configuration, CONFIGURATION)
    [policy] = configuration.pop("cleanup.policy")
    assert {"cleanup.policy": policy, **{name: str(value) for name, value in configuration.items()}} == settings_of(
        topic
    )
    assert (channel["address"], kafka["partitions"], kafka["bindingVersion"]) == (topic.name, topic.partitions, "0.5.0")
    said = [name for name, model in EVENTS.items() if model.topic == topic]
    assert [name for name in channel["messages"] if name in EVENTS] == said


def test_there_is_no_channel_without_a_topic() -> None:
    """The document has the topics, dead letters included, and nothing else."""
    assert list(CHANNELS) == [topic.name for topic in ALL]


@pytest.mark.parametrize("name", MESSAGES)
def test_a_message_has_headers_and_a_payload(name: str) -> None:
    """Each event has its CloudEvents headers, a schema, and a key."""
    message = MESSAGES[name]
    fits(message, MESSAGE)
    assert message["headers"]["type"] == "object"
    fits(message["bindings"]["kafka"], MESSAGE_BINDING)
    assert message["bindings"]["kafka"]["key"]["type"] == "string"
    if name in EVENTS:
        assert message["headers"]["properties"]["ce_type"]["const"] == name
        assert message["payload"] == {"$ref": f"./schemas/{name}.json"}
        assert [resolve(trait["$ref"]) for trait in message["traits"]] == [TRAIT]
        assert message["summary"].endswith(".")


def test_the_envelope_is_that_of_cloud_events_on_kafka() -> None:
    """The trait, which may hold no payload, has the headers of binary mode."""
    assert set(TRAIT) == {"headers"}
    assert TRAIT["headers"]["required"] == ["ce_specversion", "ce_id", "ce_source", "ce_type", "ce_time"]
    assert {"content-type", "traceparent"} < set(TRAIT["headers"]["properties"])


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
def test_an_operation_is_about_messages_of_its_channel(operation: dict[str, Any]) -> None:
    """Somebody sends or receives, on a channel of the document, messages of that channel."""
    fits(operation, OPERATION)
    assert operation["action"] in {"send", "receive"}
    channel = operation["channel"]["$ref"]
    assert re.fullmatch(r"#/channels/[^/]+", channel)
    assert operation["messages"]
    assert all(message["$ref"].startswith(f"{channel}/messages/") for message in operation["messages"])
    fits(operation.get("bindings", {}).get("kafka", {}), OPERATION_BINDING)


@pytest.mark.parametrize("service", ["identity", "documents", "notifier"])
def test_a_service_hears_and_says_what_it_looks_for_at_its_start(service: str) -> None:
    """The operations of a service are about the topics that it checks."""
    own = {name.split(".", 2)[2] for name in OPERATIONS if name.startswith(f"{service}.")}
    assert own == {topic.name for topic in of_service(service)}


def test_everything_said_is_heard() -> None:
    """Every topic has one speaker and at least one reader."""
    for topic in ALL:
        readers = READERS.get(topic.name, ("operators",)) or ("anybody",)
        assert f"{speaker(topic)}.says.{topic.name}" in OPERATIONS
        assert all(f"{reader}.hears.{topic.name}" in OPERATIONS for reader in readers)
