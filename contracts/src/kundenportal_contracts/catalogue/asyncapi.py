"""The bus as an AsyncAPI document: topics with their Kafka settings, messages, and who says and hears them.

Source: AsyncAPI 3.1.0, Kafka bindings 0.5.0, CloudEvents 1.0 (Kafka protocol binding, binary mode).
"""

from importlib.metadata import version
from typing import Any

from kundenportal_contracts.catalogue import EVENTS
from kundenportal_contracts.envelope import ATTRIBUTE_BYTES, CONTENT_TYPE, EventData
from kundenportal_contracts.identity import UserDeleted
from kundenportal_contracts.topics import (
    ALL,
    DELIVERIES,
    DOCUMENTS,
    IDENTITY_CUSTOMERS,
    READERS,
    USERS,
    Topic,
    settings_of,
    speaker,
)

Json = dict[str, Any]

ASYNCAPI = "3.1.0"
KAFKA_BINDINGS = "0.5.0"
OPERATORS = "operators"
TOMBSTONE = "identity.UserDeleted.v1.tombstone"
DEAD_LETTER, NOTE = "DeadLetter", "DeadLetterNote"
ABOUT = (
    "What the services of the Kundenportal say to each other, what billing hands over and what it is told. Every record "
    "is a CloudEvent in Kafka's binary mode: its headers are the envelope, its value is the data as UTF-8 JSON. Readers "
    "ignore fields that they do not know. A topic with three replicas or more has min.insync.replicas=2: what is confirmed "
    "stands on two brokers."
)
WITHOUT_CUSTOMER = {
    IDENTITY_CUSTOMERS.name: "; of a rejection without one the refused record's key, its ce_id, or its topic/partition/offset",
    DOCUMENTS.name: "; of a rejection without one the refused record's key, or the quarantine_id",
}
SOURCES = {
    "billing": "Who speaks, e.g. billing/sap-1; only sources that the portal is set to take.",
    "identity": "identity",
    "documents": "documents",
    "notifier": "notifier",
}


def asyncapi() -> Json:
    """Give the whole document; payloads refer to the files of the folder schemas beside it."""
    return {
        "asyncapi": ASYNCAPI,
        "info": {"title": "Kundenportal", "version": version("kundenportal-contracts"), "description": ABOUT},
        "defaultContentType": CONTENT_TYPE,
        "servers": {"bus": _server()},
        "channels": {topic.name: _channel(topic) for topic in ALL},
        "operations": _operations(),
        "components": {"messages": _messages(), "messageTraits": {"CloudEvent": _cloud_event()}},
    }


def messages_of(topic: Topic) -> list[str]:
    """Name the messages of a topic."""
    if topic.name not in READERS:
        return [DEAD_LETTER, NOTE]
    names = [ce_type for ce_type, model in EVENTS.items() if model.topic == topic]
    return [*names, TOMBSTONE] if topic == USERS else names


def _server() -> Json:
    address = {"default": "127.0.0.1:9092", "description": "host:port of a broker, KUNDENPORTAL_KAFKA_BOOTSTRAP."}
    return {"host": "{bootstrap}", "protocol": "kafka", "variables": {"bootstrap": address}}


def _channel(topic: Topic) -> Json:
    settings = settings_of(topic)
    policy = settings.pop("cleanup.policy")
    configuration: Json = {"cleanup.policy": [policy], **{name: int(value) for name, value in settings.items()}}
    kafka = {"partitions": topic.partitions, "topicConfiguration": configuration, "bindingVersion": KAFKA_BINDINGS}
    keeps = "the last record of each key" if topic.retention is None else f"records for {topic.retention.days} days"
    return {
        "address": topic.name,
        "description": f"Key: {topic.key}{WITHOUT_CUSTOMER.get(topic.name, '')}. Keeps {keeps}.",
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages_of(topic)},
        "bindings": {"kafka": kafka},
    }


def _operations() -> Json:
    operations: Json = {}
    for topic in ALL:
        said = speaker(topic)
        operations[f"{said}.says.{topic.name}"] = _operation(topic, said, "send")
        for reader in READERS.get(topic.name, (OPERATORS,)):
            operations[f"{reader}.hears.{topic.name}"] = _operation(topic, reader, "receive")
    operations[f"anybody.hears.{DELIVERIES.name}"] = _operation(DELIVERIES, "anybody", "receive")
    return operations


def _operation(topic: Topic, party: str, action: str) -> Json:
    channel = f"#/channels/{topic.name}"
    operation: Json = {
        "action": action,
        "channel": {"$ref": channel},
        "tags": [{"name": party}],
        "messages": [{"$ref": f"{channel}/messages/{name}"} for name in messages_of(topic)],
    }
    if action == "receive" and party in SOURCES and party != "billing":
        group = {"type": "string", "enum": [party]}
        operation["bindings"] = {"kafka": {"groupId": group, "bindingVersion": KAFKA_BINDINGS}}
    return operation


def _messages() -> Json:
    events = {ce_type: _message(model) for ce_type, model in EVENTS.items()}
    return events | {TOMBSTONE: _tombstone(), DEAD_LETTER: _dead_letter(), NOTE: _note()}


def _message(model: type[EventData]) -> Json:
    return {
        "name": model.ce_type,
        "title": model.__name__,
        "summary": " ".join((model.__doc__ or "").partition("\n\n")[0].split()),
        "contentType": CONTENT_TYPE,
        "headers": _own_headers(model),
        "payload": {"$ref": f"./schemas/{model.ce_type}.json"},
        "traits": [{"$ref": "#/components/messageTraits/CloudEvent"}],
        "bindings": _keyed(f"{model.key_field} of the data, unless the topic's description says otherwise."),
    }


def _own_headers(model: type[EventData]) -> Json:
    said = speaker(model.topic)
    source: Json = {"type": "string", "description": SOURCES[said]}
    if said != "billing":
        source = {"type": "string", "const": said}
    return {
        "type": "object",
        "properties": {"ce_type": {"type": "string", "const": model.ce_type}, "ce_source": source},
    }


def _cloud_event() -> Json:
    text = {"type": "string", "minLength": 1, "maxLength": ATTRIBUTE_BYTES}
    known: Json = {
        "ce_specversion": {"type": "string", "const": "1.0"},
        "ce_id": text | {"description": "Once per event and source: a repeat counts once."},
        "ce_source": text | {"description": "Who speaks."},
        "ce_type": text | {"description": "<speaker>.<Event>.v<n>"},
        "ce_time": text | {"format": "date-time", "description": "When it was said (RFC 3339, with its offset)."},
        "content-type": text | {"const": CONTENT_TYPE},
        "traceparent": {"type": "string", "description": "W3C Trace Context, where there is a trace."},
    }
    required = [name for name in known if name.startswith("ce_")]
    return {"headers": {"type": "object", "required": required, "properties": known}}


def _tombstone() -> Json:
    return {
        "name": TOMBSTONE,
        "title": "Tombstone of a user",
        "summary": "A record without a value: forget this key. It follows UserDeleted and bears its type.",
        "headers": _own_headers(UserDeleted),
        "payload": {"type": "null"},
        "traits": [{"$ref": "#/components/messageTraits/CloudEvent"}],
        "bindings": _keyed("The user_id."),
    }


def _dead_letter() -> Json:
    number = {"type": "string", "pattern": "^[0-9]+$"}
    told: Json = {
        "dlq_reason": {"type": "string", "description": "Why it could not be taken."},
        "dlq_topic": {"type": "string", "description": "Where it stood."},
        "dlq_partition": number,
        "dlq_offset": number,
        "dlq_header_names": {"type": "string", "description": "Header names that are not UTF-8, as place:base64."},
        "dlq_truncated": {
            "type": "string",
            "description": "Parts that were cut because the whole was too large: key:size:sha256, value:size:sha256, headers:number.",
        },
    }
    return {
        "name": DEAD_LETTER,
        "title": "Dead letter",
        "summary": "A record that a service could not take: key, value and headers as they came, and why.",
        "contentType": "application/octet-stream",
        "headers": {"type": "object", "required": list(told)[:4], "properties": told},
        "bindings": _keyed("As received; there may be none."),
    }


def _note() -> Json:
    action = {"type": "string", "enum": ["replayed", "discarded"]}
    text, at = {"type": "string"}, {"type": "string", "format": "date-time"}
    place = {"type": "string", "pattern": "^[0-9]+/[0-9]+$", "description": "Partition and offset of the letter."}
    told: Json = {"dlq_handled": place, "dlq_action": action, "dlq_by": text, "dlq_at": at}
    data = {"letter": place, "action": action, "by": text, "at": at, "because": {"type": ["string", "null"]}}
    return {
        "name": NOTE,
        "title": "Note about a dead letter",
        "summary": "What an operator did with a letter of this topic, and why.",
        "contentType": CONTENT_TYPE,
        "headers": {"type": "object", "required": list(told), "properties": told},
        "payload": {"type": "object", "required": list(data), "properties": data},
        "bindings": _keyed("Partition and offset of the letter."),
    }


def _keyed(description: str) -> Json:
    key = {"type": "string", "description": description}
    return {"kafka": {"key": key, "bindingVersion": KAFKA_BINDINGS}}
