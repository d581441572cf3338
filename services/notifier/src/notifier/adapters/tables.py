"""The tables of this service. What carries a customer number stands under row-level security."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

metadata = sa.MetaData()

instant = sa.DateTime(timezone=True)
now = sa.func.now()

customer = sa.Table(
    "customer",
    metadata,
    sa.Column("customer_number", sa.Text, primary_key=True),
    comment="One row per customer ever heard of: the lock that orders users and documents of one customer.",
)

recipient = sa.Table(
    "recipient",
    metadata,
    sa.Column("user_id", sa.Uuid, primary_key=True),
    sa.Column("user_version", sa.Integer, nullable=False),
    sa.Column("customer_number", sa.Text, nullable=False),
    sa.Column("email", sa.Text),
    sa.Column("salutation", sa.Text, nullable=False),
    sa.Column("first_name", sa.Text, nullable=False),
    sa.Column("last_name", sa.Text, nullable=False),
    sa.Column("language", sa.Text, nullable=False),
    sa.Column("role", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("is_first", sa.Boolean, nullable=False),
    sa.Index("recipient_customer", "customer_number"),
    comment="Users as identity said last; of a deleted one the version remains, without anything personal.",
)

notification_settings = sa.Table(
    "notification_settings",
    metadata,
    sa.Column("user_id", sa.Uuid, primary_key=True),
    sa.Column("customer_number", sa.Text, nullable=False),
    sa.Column("default_mode", sa.Text, nullable=False),
    sa.Column("by_type", JSONB, nullable=False),
    sa.Column("updated_at", instant, nullable=False, server_default=now),
    comment="What a user chose; may be there before the user's own event.",
)

published_document = sa.Table(
    "published_document",
    metadata,
    sa.Column("document_id", sa.Uuid, primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True),
    sa.Column("customer_number", sa.Text, nullable=False),
    sa.Column("document_number", sa.Text, nullable=False),
    sa.Column("document_type", sa.Text, nullable=False),
    sa.Column("issued_on", sa.Date, nullable=False),
    sa.Column("published_at", instant, nullable=False),
    sa.Column("available_until", sa.Date, nullable=False),
    sa.Column("media_type", sa.Text, nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("sha256", sa.Text, nullable=False),
    sa.Column("object_key", sa.Text, nullable=False),
    sa.Column("gross_amount", sa.Text),
    sa.Column("currency", sa.Text),
    sa.Column("due_on", sa.Date),
    sa.Column("traceparent", sa.Text),
    sa.Column("visible", sa.Boolean, nullable=False, server_default=sa.true()),
    sa.Column("waits_until", instant),
    sa.Column("heard_at", instant, nullable=False, server_default=now),
    sa.Index("published_document_waiting", "customer_number", postgresql_where=sa.text("waits_until IS NOT NULL")),
    comment="Document versions heard of; waits_until is set while one waits for its customer's first user.",
)

delivery = sa.Table(
    "delivery",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("customer_number", sa.Text, nullable=False),
    sa.Column("purpose", sa.Text, nullable=False),
    sa.Column("subject_id", sa.Text, nullable=False),
    sa.Column("address", sa.Text, nullable=False),
    sa.Column("address_key", sa.Text, nullable=False),
    sa.Column("domain", sa.Text, nullable=False),
    sa.Column("form", sa.Text, nullable=False),
    sa.Column("salutation", sa.Text, nullable=False),
    sa.Column("first_name", sa.Text, nullable=False),
    sa.Column("last_name", sa.Text, nullable=False),
    sa.Column("language", sa.Text, nullable=False),
    sa.Column("user_ids", ARRAY(sa.Uuid), nullable=False),
    sa.Column("document_id", sa.Uuid),
    sa.Column("document_version", sa.Integer),
    sa.Column("username", sa.Text),
    sa.Column("secret", sa.Text),
    sa.Column("expires_at", instant),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False, server_default="0"),
    sa.Column("reason", sa.Text),
    sa.Column("trace", sa.Text),
    sa.Column("due_at", instant),
    sa.Column("lease_until", instant),
    sa.Column("queued_at", instant, nullable=False, server_default=now),
    sa.Column("updated_at", instant, nullable=False, server_default=now),
    sa.UniqueConstraint("purpose", "subject_id", "address_key", name="delivery_once"),
    sa.CheckConstraint(
        "state IN ('queued', 'sending', 'dot_pending', 'sent', 'delayed', 'bounced', 'failed', 'unknown', 'suppressed')",
        name="delivery_state",
    ),
    sa.CheckConstraint("(lease_until IS NOT NULL) = (state IN ('sending', 'dot_pending'))", name="delivery_lease"),
    sa.Index("delivery_due", "due_at", postgresql_where=sa.text("due_at IS NOT NULL")),
    sa.Index("delivery_leased", "lease_until", postgresql_where=sa.text("lease_until IS NOT NULL")),
    sa.Index("delivery_secret", "expires_at", postgresql_where=sa.text("secret IS NOT NULL")),
    sa.Index("delivery_log", "customer_number", "queued_at", "id"),
    sa.Index("delivery_document", "document_id", postgresql_where=sa.text("document_id IS NOT NULL")),
    sa.Index("delivery_pending", "customer_number", postgresql_where=sa.text("due_at IS NOT NULL")),
    comment="One mail to one address for one reason. due_at is set exactly while it will be tried by itself.",
)

TENANT_TABLES = (customer, recipient, notification_settings, published_document, delivery)
