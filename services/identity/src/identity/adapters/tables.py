"""The tables of identity. Every one with a customer_number is under row-level security; WITHOUT_POLICY says why others are not."""

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP

metadata = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pkey",
        "fk": "%(table_name)s_%(column_0_name)s_fkey",
        "uq": "%(table_name)s_%(column_0_name)s_key",
        "ix": "%(table_name)s_%(column_0_name)s_idx",
        "ck": "%(table_name)s_%(constraint_name)s_check",
    }
)
INSTANT = TIMESTAMP(timezone=True)

customer = Table(
    "customer",
    metadata,
    Column("customer_number", Text, primary_key=True),
    Column("company", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("closed_at", INSTANT),
    CheckConstraint("language IN ('de', 'en')", name="language"),
)

user_account = Table(
    "user_account",
    metadata,
    Column("user_id", Uuid, primary_key=True),
    Column("user_version", Integer, nullable=False),
    Column("customer_number", Text, ForeignKey("customer.customer_number"), nullable=False),
    Column("username", Text, nullable=False, comment="lower case, so that it is compared without case"),
    Column("email", Text, nullable=False),
    Column("salutation", Text, nullable=False),
    Column("first_name", Text, nullable=False),
    Column("last_name", Text, nullable=False),
    Column("own_language", Text, comment="null: the customer's"),
    Column("role", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("first", Boolean, nullable=False),
    CheckConstraint("username = lower(username)", name="username_lower"),
    CheckConstraint("own_language IN ('de', 'en')", name="own_language"),
    CheckConstraint("role IN ('member', 'administrator')", name="role"),
    CheckConstraint("status IN ('invited', 'active', 'deactivated')", name="status"),
    UniqueConstraint("username"),
    # What belongs to a user points at both, so that its customer cannot be another one.
    UniqueConstraint("user_id", "customer_number"),
    Index("user_account_first_of_customer_key", "customer_number", unique=True, postgresql_where=text("first")),
    Index(None, "customer_number"),
)


def _belongs_to_user() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(
        ["user_id", "customer_number"],
        ["user_account.user_id", "user_account.customer_number"],
        ondelete="CASCADE",
    )


credential = Table(
    "credential",
    metadata,
    Column("user_id", Uuid, primary_key=True),
    Column("customer_number", Text, nullable=False),
    Column("password_hash", Text, nullable=False),
    Column("password_version", Integer, nullable=False, server_default=text("1")),
    Column("initial", Boolean, nullable=False),
    Column("expires_at", INSTANT, comment="of an initial password"),
    _belongs_to_user(),
)

session = Table(
    "session",
    metadata,
    Column("session_id", Uuid, primary_key=True),
    Column("token_sha256", LargeBinary, nullable=False),
    Column("user_id", Uuid, nullable=False),
    Column("customer_number", Text, nullable=False),
    Column("started_at", INSTANT, nullable=False),
    Column("last_seen_at", INSTANT, nullable=False),
    Column("expires_at", INSTANT, nullable=False),
    CheckConstraint("octet_length(token_sha256) = 32", name="token_sha256"),
    UniqueConstraint("token_sha256"),
    Index(None, "user_id"),
    _belongs_to_user(),
)

privacy_acceptance = Table(
    "privacy_acceptance",
    metadata,
    Column("user_id", Uuid, primary_key=True),
    Column("version", Text, primary_key=True),
    Column("customer_number", Text, nullable=False),
    Column("accepted_at", INSTANT, nullable=False),
    comment="Kept for ever: no foreign key takes a row away.",
)

login_failure = Table(
    "login_failure",
    metadata,
    Column("username_sha256", LargeBinary, primary_key=True),
    Column("network", Text, primary_key=True),
    Column("failed", Integer, nullable=False),
    Column("since", INSTANT, nullable=False),
    comment="No row-level security: names stand here as hashes, before it is known who calls.",
)

signing_key = Table(
    "signing_key",
    metadata,
    Column("kid", Text, primary_key=True),
    Column("public_jwk", JSONB, nullable=False),
    Column("private_jwe", Text, nullable=False, comment="encrypted with KUNDENPORTAL_KEY_ENCRYPTION_KEY"),
    Column("created_at", INSTANT, nullable=False),
    comment="No row-level security: the keys are the service's own.",
)

# Beside the chassis's own inbox, outbox and alembic_version.
WITHOUT_POLICY = {
    login_failure.name: "names stand here as hashes, before it is known who calls",
    signing_key.name: "the keys are the service's own",
}
