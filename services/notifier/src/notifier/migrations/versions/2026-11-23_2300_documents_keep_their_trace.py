"""Documents keep the trace of the event that published them, for mails that leave long after it."""

from alembic import op

revision = "20261123_2300"
down_revision = "20261123_1900"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE published_document ADD COLUMN traceparent text")


def downgrade() -> None:
    op.execute("ALTER TABLE published_document DROP COLUMN traceparent")
