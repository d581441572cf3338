"""The clients of the broker, each with ends that are bounded. aiokafka is imported by these modules alone.

aiokafka 0.14 with the broker down: `stop()` hangs or raises CancelledError, an idempotent send never gives up. So every
call that talks to the broker is given a limit here or by the caller, and what does not end is cut off.
"""

from aiokafka.errors import KafkaError

from chassis.messaging.broker import ends_within, partitions_of
from chassis.messaging.group_member import GroupMember, Place
from chassis.messaging.raw_producer import CLOSED, REFUSALS, Message, MessageRefused, RawProducer, TopicMissing

__all__ = [
    "CLOSED",
    "REFUSALS",
    "GroupMember",
    "KafkaError",
    "Message",
    "MessageRefused",
    "Place",
    "RawProducer",
    "TopicMissing",
    "ends_within",
    "partitions_of",
]
