"""First tables: documents, their versions, downloads, quarantine."""

from alembic import op

from chassis.inbox.table import create_inbox
from chassis.migrations import enable_row_level_security
from chassis.outbox.table import create_outbox

revision = "20261201_0900"
down_revision = None
branch_labels = None
depends_on = None

DOCUMENT = """
CREATE TABLE document (
    id uuid PRIMARY KEY,
    customer_number text NOT NULL,
    document_number text NOT NULL,
    number_key text COLLATE "C" NOT NULL,
    withdrawn_at timestamptz,
    version integer,
    corrected boolean,
    document_type text COLLATE "C",
    issued_on date,
    published_at timestamptz,
    available_until date,
    media_type text,
    size bigint,
    gross_amount text,
    currency text,
    CONSTRAINT document_customer_number_key UNIQUE (customer_number, document_number),
    CONSTRAINT document_shown_check CHECK (num_nulls(
        version, corrected, document_type, issued_on, published_at, available_until, media_type, size) IN (0, 8))
)
"""

DOCUMENT_COMMENT = """
COMMENT ON TABLE document IS
'A number of a customer: its latest withdrawal, and the facts of its current version; without version nothing is visible.'
"""

LIST_INDEXES = (
    "CREATE INDEX document_published_at_idx ON document (customer_number, published_at, id) WHERE version IS NOT NULL",
    "CREATE INDEX document_issued_on_idx ON document (customer_number, issued_on, id) WHERE version IS NOT NULL",
    "CREATE INDEX document_number_key_idx ON document (customer_number, number_key, id) WHERE version IS NOT NULL",
    "CREATE INDEX document_document_type_idx ON document (customer_number, document_type, id) WHERE version IS NOT NULL",
)

DOCUMENT_VERSION = """
CREATE TABLE document_version (
    document_id uuid NOT NULL REFERENCES document (id),
    version integer NOT NULL CONSTRAINT document_version_version_check CHECK (version >= 1),
    customer_number text NOT NULL,
    sha256 text NOT NULL CONSTRAINT document_version_sha256_check CHECK (length(sha256) = 64),
    object_key text NOT NULL,
    first_said_at timestamptz NOT NULL,
    first_said_id text COLLATE "C" NOT NULL,
    last_said_at timestamptz NOT NULL,
    document_type text NOT NULL,
    issued_on date NOT NULL,
    published_at timestamptz NOT NULL,
    available_until date NOT NULL,
    media_type text NOT NULL,
    size bigint NOT NULL,
    gross_amount text,
    currency text,
    due_on date,
    PRIMARY KEY (document_id, version),
    CONSTRAINT document_version_sha256_key UNIQUE (document_id, sha256)
)
"""

DOCUMENT_VERSION_COMMENT = """
COMMENT ON TABLE document_version IS
'Each set of bytes of a document, numbered as they arrived; first_said places it in billing''s order, last_said_at against the withdrawal decides its visibility.'
"""

DOWNLOAD = """
CREATE TABLE download (
    user_id uuid NOT NULL,
    document_id uuid NOT NULL,
    version integer NOT NULL,
    customer_number text NOT NULL,
    downloaded_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, document_id, version),
    CONSTRAINT download_document_id_fkey FOREIGN KEY (document_id, version)
        REFERENCES document_version (document_id, version) ON DELETE CASCADE
)
"""

QUARANTINE = """
CREATE TABLE quarantine (
    id uuid PRIMARY KEY,
    topic text NOT NULL,
    partition integer NOT NULL,
    record_offset bigint NOT NULL,
    record_key bytea,
    record_value bytea,
    record_headers json NOT NULL,
    customer_number text,
    document_number text,
    reason text NOT NULL,
    detail text NOT NULL,
    quarantined_at timestamptz NOT NULL
)
"""

QUARANTINE_COMMENT = """
COMMENT ON TABLE quarantine IS
'Records that could not be taken, byte for byte; headers are a list of [name, base64 of the value]; id follows from place and content, so each is kept once.'
"""


def upgrade() -> None:
    op.execute(DOCUMENT)
    op.execute(DOCUMENT_COMMENT)
    for index in LIST_INDEXES:
        op.execute(index)
    op.execute(DOCUMENT_VERSION)
    op.execute(DOCUMENT_VERSION_COMMENT)
    op.execute(DOWNLOAD)
    op.execute("CREATE INDEX download_document_id_idx ON download (document_id, version)")
    op.execute(QUARANTINE)
    op.execute(QUARANTINE_COMMENT)
    op.execute("CREATE INDEX quarantine_place_idx ON quarantine (topic, partition, record_offset)")
    for table in ("document", "document_version", "download", "quarantine"):
        enable_row_level_security(op, table)
    create_inbox(op)
    create_outbox(op)


def downgrade() -> None:
    for table in ("outbox", "inbox", "quarantine", "download", "document_version", "document"):
        op.execute(f"DROP TABLE {table}")
