"""Every topic of the bus: its name, key, partitions, how long it keeps records, how large one may be."""

from dataclasses import dataclass
from datetime import timedelta

MEBIBYTE = 1_048_576
# A reader that was away this long still meets the tombstone of a deleted user.
TOMBSTONES = timedelta(days=30)
# So many brokers must have a record before it is confirmed, where one more may be out meanwhile.
IN_SYNC, MANY_REPLICAS = 2, 3


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic. `retention` None means compacted: the last record of each key stays for ever."""

    name: str
    partitions: int
    retention: timedelta | None
    max_message_bytes: int
    key: str


def _customer_topic(name: str, days: int) -> Topic:
    return Topic(name, 6, timedelta(days=days), MEBIBYTE, "customer_number")


BILLING_CUSTOMERS = _customer_topic("billing.customers.v1", 30)
IDENTITY_CUSTOMERS = _customer_topic("identity.customers.v1", 30)
BILLING_DOCUMENTS = _customer_topic("billing.documents.v1", 7)
DOCUMENTS = _customer_topic("documents.documents.v1", 30)
USERS = Topic("identity.users.v1", 6, None, MEBIBYTE, "user_id")
CREDENTIALS = Topic("identity.credentials.v1", 6, timedelta(days=7), MEBIBYTE, "user_id")
DELIVERIES = _customer_topic("notifier.deliveries.v1", 7)


def dead_letters(service: str) -> Topic:
    """Where a service puts the original bytes of what it could not take, under the key they came with."""
    return Topic(f"{service}.dead-letters.v1", 1, timedelta(days=30), 2 * MEBIBYTE, "as received")


ALL: tuple[Topic, ...] = (
    BILLING_CUSTOMERS,
    IDENTITY_CUSTOMERS,
    BILLING_DOCUMENTS,
    DOCUMENTS,
    USERS,
    CREDENTIALS,
    DELIVERIES,
    dead_letters("identity"),
    dead_letters("documents"),
    dead_letters("notifier"),
)


# Who reads what is said there; who says it is the first part of the topic's name.
READERS: dict[str, tuple[str, ...]] = {
    BILLING_CUSTOMERS.name: ("identity",),
    IDENTITY_CUSTOMERS.name: ("billing",),
    BILLING_DOCUMENTS.name: ("documents",),
    DOCUMENTS.name: ("notifier", "billing"),
    USERS.name: ("notifier",),
    CREDENTIALS.name: ("notifier",),
    DELIVERIES.name: (),
}


def of_service(service: str) -> tuple[Topic, ...]:
    """What a service hears or speaks on: it looks for these at its start."""
    return tuple(topic for topic in ALL if speaker(topic) == service or service in READERS.get(topic.name, ()))


def speaker(topic: Topic) -> str:
    """Who says what stands on a topic."""
    return topic.name.partition(".")[0]


def settings_of(topic: Topic, replicas: int = 1) -> dict[str, str]:
    """Give the broker's settings for a topic with so many replicas; times in milliseconds, sizes in bytes."""
    settings = {"max.message.bytes": str(topic.max_message_bytes)}
    if replicas >= MANY_REPLICAS:
        settings["min.insync.replicas"] = str(IN_SYNC)
    if topic.retention is None:
        return settings | {"cleanup.policy": "compact", "delete.retention.ms": _milliseconds(TOMBSTONES)}
    return settings | {"cleanup.policy": "delete", "retention.ms": _milliseconds(topic.retention)}


def _milliseconds(time: timedelta) -> str:
    return str(int(time.total_seconds() * 1000))
