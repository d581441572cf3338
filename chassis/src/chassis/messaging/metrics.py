"""What operators watch of the bus: throughput, trouble, and what is left behind."""

from collections.abc import Iterable

from prometheus_client import Counter, Gauge, Histogram

RECORDS = Counter("kundenportal_records_acknowledged", "Records acknowledged after their effect", ["topic"])
BATCHES = Counter("kundenportal_batches_acknowledged", "Batches acknowledged after their transaction", ["topic"])
BATCH_SECONDS = Histogram(
    "kundenportal_batch_seconds",
    "Seconds from the first attempt at a batch to its end, pauses included",
    ["topic"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300),
)
POLLS = Counter("kundenportal_polls", "Times the consumer asked for records", ["topic"])
BATCH_AGE = Gauge("kundenportal_batch_oldest_seconds", "Age of the oldest batch in hand, its pauses included")
POSTPONED = Counter("kundenportal_batches_postponed", "Attempts at a batch that are tried again later", ["topic"])
SKIPPED = Counter("kundenportal_records_skipped", "Records of a ce_type that nobody here knows", ["topic"])
DEAD_LETTERS = Counter("kundenportal_dead_letters", "Records written to the dead letters", ["topic", "reason"])
LAG = Gauge(
    "kundenportal_consumer_lag", "Records on the broker that have not taken effect here", ["topic", "partition"]
)
PAUSED = Gauge("kundenportal_partitions_paused", "Partitions that wait before another attempt")
JOINED = Gauge("kundenportal_consumer_joined", "1 while this process is a member of its group")

OUTBOX_AGE = Gauge("kundenportal_outbox_oldest_seconds", "Age of the oldest event that is not yet published")
OUTBOX_ROWS = Gauge("kundenportal_outbox_rows", "Events not yet published, counted up to 10,000")
PUBLISHED = Counter("kundenportal_outbox_published", "Events published and forgotten", ["topic"])
RELAY_ACTIVE = Gauge("kundenportal_outbox_relay_active", "1 while this process holds the relay's lock")
RELAY_FAILURES = Counter("kundenportal_outbox_relay_failures", "Rounds of the relay that ended in a failure")
OUTBOX_REFUSED = Counter("kundenportal_outbox_refused", "Times the broker refused an event as it is", ["topic"])
INBOX_ROWS = Gauge("kundenportal_inbox_rows", "Events remembered, above 10,000 an estimate of the database")
INBOX_BYTES = Gauge("kundenportal_inbox_bytes", "Size of the inbox with its indexes")
INBOX_PRUNED = Counter("kundenportal_inbox_pruned", "Inbox rows that were old enough to be forgotten")

REASONS = ("handler_failed", "data_refused", "malformed_event", "invalid_field", "foreign_source", "event_id_reused")


def begin_at_zero(topics: Iterable[str]) -> None:
    """Show the counters of these topics from the start: Prometheus sees no increase in one that appears at 1."""
    for topic in topics:
        for counter in (RECORDS, BATCHES, POSTPONED, SKIPPED):
            counter.labels(topic)
        for reason in REASONS:
            DEAD_LETTERS.labels(topic, reason)
