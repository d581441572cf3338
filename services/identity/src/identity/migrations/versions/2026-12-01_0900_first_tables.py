"""First tables: customers, users, passwords, sessions, acceptances, failures, keys."""

from alembic import op

from chassis.inbox.table import create_inbox
from chassis.migrations import enable_row_level_security
from chassis.outbox.table import create_outbox

revision = "20261201_0900"
down_revision = None
branch_labels = None
depends_on = None

CUSTOMER = """
CREATE TABLE customer (
    customer_number text PRIMARY KEY,
    company text NOT NULL,
    language text NOT NULL CONSTRAINT customer_language_check CHECK (language IN ('de', 'en')),
    closed_at timestamptz
)
"""

USER_ACCOUNT = """
CREATE TABLE user_account (
    user_id uuid PRIMARY KEY,
    user_version integer NOT NULL,
    customer_number text NOT NULL REFERENCES customer (customer_number),
    username text NOT NULL UNIQUE CONSTRAINT user_account_username_lower_check CHECK (username = lower(username)),
    email text NOT NULL,
    salutation text NOT NULL,
    first_name text NOT NULL,
    last_name text NOT NULL,
    own_language text CONSTRAINT user_account_own_language_check CHECK (own_language IN ('de', 'en')),
    role text NOT NULL CONSTRAINT user_account_role_check CHECK (role IN ('member', 'administrator')),
    status text NOT NULL CONSTRAINT user_account_status_check CHECK (status IN ('invited', 'active', 'deactivated')),
    first boolean NOT NULL,
    CONSTRAINT user_account_user_id_key UNIQUE (user_id, customer_number)
)
"""

CREDENTIAL = """
CREATE TABLE credential (
    user_id uuid PRIMARY KEY,
    customer_number text NOT NULL,
    password_hash text NOT NULL,
    password_version integer NOT NULL DEFAULT 1,
    initial boolean NOT NULL,
    expires_at timestamptz,
    CONSTRAINT credential_user_id_fkey FOREIGN KEY (user_id, customer_number)
        REFERENCES user_account (user_id, customer_number) ON DELETE CASCADE
)
"""

SESSION = """
CREATE TABLE session (
    session_id uuid PRIMARY KEY,
    token_sha256 bytea NOT NULL UNIQUE CONSTRAINT session_token_sha256_check CHECK (octet_length(token_sha256) = 32),
    user_id uuid NOT NULL,
    customer_number text NOT NULL,
    started_at timestamptz NOT NULL,
    last_seen_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    CONSTRAINT session_user_id_fkey FOREIGN KEY (user_id, customer_number)
        REFERENCES user_account (user_id, customer_number) ON DELETE CASCADE
) WITH (fillfactor = 80)
"""

PRIVACY_ACCEPTANCE = """
CREATE TABLE privacy_acceptance (
    user_id uuid NOT NULL,
    version text NOT NULL,
    customer_number text NOT NULL,
    accepted_at timestamptz NOT NULL,
    PRIMARY KEY (user_id, version)
)
"""

LOGIN_FAILURE = """
CREATE TABLE login_failure (
    username_sha256 bytea NOT NULL,
    network text NOT NULL,
    failed integer NOT NULL,
    since timestamptz NOT NULL,
    PRIMARY KEY (username_sha256, network)
) WITH (fillfactor = 80)
"""

SIGNING_KEY = """
CREATE TABLE signing_key (
    kid text PRIMARY KEY,
    public_jwk jsonb NOT NULL,
    private_jwe text NOT NULL,
    created_at timestamptz NOT NULL
)
"""

INDEXES = (
    "CREATE UNIQUE INDEX user_account_first_of_customer_key ON user_account (customer_number) WHERE first",
    "CREATE INDEX user_account_customer_number_idx ON user_account (customer_number)",
    "CREATE INDEX session_user_id_idx ON session (user_id)",
)

COMMENTS = (
    "COMMENT ON COLUMN user_account.username IS 'lower case, so that it is compared without case'",
    "COMMENT ON COLUMN user_account.own_language IS 'null: the customer''s'",
    "COMMENT ON COLUMN credential.expires_at IS 'of an initial password'",
    "COMMENT ON TABLE privacy_acceptance IS 'Kept for ever: no foreign key takes a row away.'",
    "COMMENT ON TABLE login_failure IS 'No row-level security: names stand here as hashes, before it is known who calls.'",
    "COMMENT ON TABLE signing_key IS 'No row-level security: the keys are the service''s own.'",
    "COMMENT ON COLUMN signing_key.private_jwe IS 'encrypted with KUNDENPORTAL_KEY_ENCRYPTION_KEY'",
)


def upgrade() -> None:
    for table in (CUSTOMER, USER_ACCOUNT, CREDENTIAL, SESSION, PRIVACY_ACCEPTANCE, LOGIN_FAILURE, SIGNING_KEY):
        op.execute(table)
    for statement in (*INDEXES, *COMMENTS):
        op.execute(statement)
    for table in ("customer", "user_account", "credential", "session", "privacy_acceptance"):
        enable_row_level_security(op, table)
    create_inbox(op)
    create_outbox(op)
