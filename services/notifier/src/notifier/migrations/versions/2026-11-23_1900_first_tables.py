"""Address book, settings, documents heard of, deliveries; inbox and outbox."""

from alembic import op

from chassis.inbox.table import create_inbox
from chassis.migrations import enable_row_level_security
from chassis.outbox.table import create_outbox

revision = "20261123_1900"
down_revision = None
branch_labels = None
depends_on = None

CUSTOMER = """
CREATE TABLE customer (customer_number text PRIMARY KEY)
"""

RECIPIENT = """
CREATE TABLE recipient (
    user_id uuid PRIMARY KEY,
    user_version integer NOT NULL,
    customer_number text NOT NULL,
    email text,
    salutation text NOT NULL,
    first_name text NOT NULL,
    last_name text NOT NULL,
    language text NOT NULL,
    role text NOT NULL,
    status text NOT NULL,
    is_first boolean NOT NULL
)
"""

NOTIFICATION_SETTINGS = """
CREATE TABLE notification_settings (
    user_id uuid PRIMARY KEY,
    customer_number text NOT NULL,
    default_mode text NOT NULL,
    by_type jsonb NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now()
)
"""

PUBLISHED_DOCUMENT = """
CREATE TABLE published_document (
    document_id uuid NOT NULL,
    version integer NOT NULL,
    customer_number text NOT NULL,
    document_number text NOT NULL,
    document_type text NOT NULL,
    issued_on date NOT NULL,
    published_at timestamptz NOT NULL,
    available_until date NOT NULL,
    media_type text NOT NULL,
    size bigint NOT NULL,
    sha256 text NOT NULL,
    object_key text NOT NULL,
    gross_amount text,
    currency text,
    due_on date,
    visible boolean NOT NULL DEFAULT true,
    waits_until timestamptz,
    heard_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (document_id, version)
)
"""

DELIVERY = """
CREATE TABLE delivery (
    id uuid PRIMARY KEY,
    customer_number text NOT NULL,
    purpose text NOT NULL,
    subject_id text NOT NULL,
    address text NOT NULL,
    address_key text NOT NULL,
    domain text NOT NULL,
    form text NOT NULL,
    salutation text NOT NULL,
    first_name text NOT NULL,
    last_name text NOT NULL,
    language text NOT NULL,
    user_ids uuid[] NOT NULL,
    document_id uuid,
    document_version integer,
    username text,
    secret text,
    expires_at timestamptz,
    state text NOT NULL,
    attempt integer NOT NULL DEFAULT 0,
    reason text,
    trace text,
    due_at timestamptz,
    lease_until timestamptz,
    queued_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT delivery_once UNIQUE (purpose, subject_id, address_key),
    CONSTRAINT delivery_state CHECK (
        state IN ('queued', 'sending', 'dot_pending', 'sent', 'delayed', 'bounced', 'failed', 'unknown', 'suppressed')
    ),
    CONSTRAINT delivery_lease CHECK ((lease_until IS NOT NULL) = (state IN ('sending', 'dot_pending')))
) WITH (
    fillfactor = 70,
    autovacuum_vacuum_scale_factor = 0.02,
    autovacuum_vacuum_threshold = 1000,
    autovacuum_vacuum_cost_delay = 0
)
"""

INDEXES = (
    "CREATE INDEX recipient_customer ON recipient (customer_number)",
    "CREATE INDEX published_document_waiting ON published_document (customer_number) WHERE waits_until IS NOT NULL",
    "CREATE INDEX delivery_due ON delivery (due_at) WHERE due_at IS NOT NULL",
    "CREATE INDEX delivery_leased ON delivery (lease_until) WHERE lease_until IS NOT NULL",
    "CREATE INDEX delivery_secret ON delivery (expires_at) WHERE secret IS NOT NULL",
    "CREATE INDEX delivery_log ON delivery (customer_number, queued_at, id)",
    "CREATE INDEX delivery_document ON delivery (document_id) WHERE document_id IS NOT NULL",
    "CREATE INDEX delivery_pending ON delivery (customer_number) WHERE due_at IS NOT NULL",
)

COMMENTS = {
    "customer": "One row per customer ever heard of: the lock that orders users and documents of one customer.",
    "recipient": "Users as identity said last; of a deleted one the version remains, without anything personal.",
    "notification_settings": "What a user chose; may be there before the user''s own event.",
    "published_document": "Document versions heard of; waits_until is set while one waits for its customer''s first user.",
    "delivery": "One mail to one address for one reason. due_at is set exactly while it will be tried by itself.",
}


def upgrade() -> None:
    for statement in (CUSTOMER, RECIPIENT, NOTIFICATION_SETTINGS, PUBLISHED_DOCUMENT, DELIVERY, *INDEXES):
        op.execute(statement)
    for table, comment in COMMENTS.items():
        op.execute(f"COMMENT ON TABLE {table} IS '{comment}'")
        enable_row_level_security(op, table)
    create_inbox(op)
    create_outbox(op)


def downgrade() -> None:
    for table in ("outbox", "inbox", *reversed(COMMENTS)):
        op.execute(f"DROP TABLE {table}")
