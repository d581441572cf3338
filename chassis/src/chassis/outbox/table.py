"""The outbox table: rows of events waiting for the broker, in the order in which they were said."""

from typing import Protocol

OUTBOX_CHANNEL = "outbox"

CREATE = """
CREATE TABLE outbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    ce_id uuid NOT NULL,
    topic text NOT NULL,
    key text NOT NULL,
    ce_type text NOT NULL,
    value bytea,
    headers jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (
    fillfactor = 100,
    vacuum_truncate = false,
    autovacuum_vacuum_scale_factor = 0,
    autovacuum_vacuum_threshold = 1000,
    autovacuum_vacuum_insert_scale_factor = 0,
    autovacuum_vacuum_insert_threshold = 10000,
    autovacuum_analyze_scale_factor = 0,
    autovacuum_analyze_threshold = 10000,
    autovacuum_vacuum_cost_delay = 0,
    toast.autovacuum_vacuum_scale_factor = 0,
    toast.autovacuum_vacuum_threshold = 1000,
    toast.autovacuum_vacuum_cost_delay = 0
)
"""

COMMENT = """
COMMENT ON TABLE outbox IS
'Events said and not yet acknowledged by the broker; headers is a list of [name, value]; a null value is a tombstone. No row-level security: it holds no tenant column and only the relay reads it.'
"""


class Executes(Protocol):
    """Alembic's `op`, as far as it is needed here."""

    def execute(self, sqltext: str, /) -> None: ...


def create_outbox(op: Executes) -> None:
    """Create the table in a migration. Rows live for moments, so vacuuming goes by count and never truncates."""
    op.execute(CREATE)
    op.execute(COMMENT)
