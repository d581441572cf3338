"""The tables of documents. Each is under row-level security; what is written and why stands in the migrations."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
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
from sqlalchemy.dialects.postgresql import TIMESTAMP

metadata = MetaData()
INSTANT = TIMESTAMP(timezone=True)
BYTEWISE = Text(collation="C")
SHOWN = text("version IS NOT NULL")

document = Table(
    "document",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("customer_number", Text, nullable=False),
    Column("document_number", Text, nullable=False),
    Column("number_key", BYTEWISE, nullable=False),
    Column("withdrawn_at", INSTANT),
    Column("version", Integer),
    Column("corrected", Boolean),
    Column("document_type", BYTEWISE),
    Column("issued_on", Date),
    Column("published_at", INSTANT),
    Column("available_until", Date),
    Column("media_type", Text),
    Column("size", BigInteger),
    Column("gross_amount", Text),
    Column("currency", Text),
    UniqueConstraint("customer_number", "document_number", name="document_customer_number_key"),
    Index("document_published_at_idx", "customer_number", "published_at", "id", postgresql_where=SHOWN),
    Index("document_issued_on_idx", "customer_number", "issued_on", "id", postgresql_where=SHOWN),
    Index("document_number_key_idx", "customer_number", "number_key", "id", postgresql_where=SHOWN),
    Index("document_document_type_idx", "customer_number", "document_type", "id", postgresql_where=SHOWN),
)

document_version = Table(
    "document_version",
    metadata,
    Column("document_id", Uuid, ForeignKey("document.id"), primary_key=True),
    Column("version", Integer, CheckConstraint("version >= 1"), primary_key=True, autoincrement=False),
    Column("customer_number", Text, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("object_key", Text, nullable=False),
    Column("first_said_at", INSTANT, nullable=False),
    Column("first_said_id", BYTEWISE, nullable=False),
    Column("last_said_at", INSTANT, nullable=False),
    Column("document_type", Text, nullable=False),
    Column("issued_on", Date, nullable=False),
    Column("published_at", INSTANT, nullable=False),
    Column("available_until", Date, nullable=False),
    Column("media_type", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("gross_amount", Text),
    Column("currency", Text),
    Column("due_on", Date),
    UniqueConstraint("document_id", "sha256", name="document_version_sha256_key"),
)

download = Table(
    "download",
    metadata,
    Column("user_id", Uuid, primary_key=True),
    Column("document_id", Uuid, primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("customer_number", Text, nullable=False),
    Column("downloaded_at", INSTANT, nullable=False, server_default=text("now()")),
    ForeignKeyConstraint(
        ["document_id", "version"],
        ["document_version.document_id", "document_version.version"],
        name="download_document_id_fkey",
        ondelete="CASCADE",
    ),
    Index("download_document_id_idx", "document_id", "version"),
)

quarantine = Table(
    "quarantine",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("topic", Text, nullable=False),
    Column("partition", Integer, nullable=False),
    Column("record_offset", BigInteger, nullable=False),
    Column("record_key", LargeBinary),
    Column("record_value", LargeBinary),
    Column("record_headers", JSON, nullable=False),
    Column("customer_number", Text),
    Column("document_number", Text),
    Column("reason", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("quarantined_at", INSTANT, nullable=False),
    Index("quarantine_place_idx", "topic", "partition", "record_offset"),
)
