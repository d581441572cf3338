"""The inbox table: a row per (source, event id) that took effect."""

from chassis.outbox.table import Executes

CREATE = """
CREATE TABLE inbox (
    source text NOT NULL,
    event_id text NOT NULL,
    value_sha256 bytea NOT NULL CHECK (octet_length(value_sha256) = 32),
    taken_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (source, event_id)
) WITH (autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_vacuum_scale_factor = 0.05)
"""

# Rows arrive in the order of time, so a block-range index finds the old ones at almost no cost to the insert.
INDEX = "CREATE INDEX inbox_taken_at ON inbox USING brin (taken_at) WITH (pages_per_range = 32, autosummarize = on)"

COMMENT = """
COMMENT ON TABLE inbox IS
'Events that took effect, with the SHA-256 of their value. No row-level security: it holds no tenant column and no content.'
"""


def create_inbox(op: Executes) -> None:
    """Create the table in a migration."""
    op.execute(CREATE)
    op.execute(INDEX)
    op.execute(COMMENT)
