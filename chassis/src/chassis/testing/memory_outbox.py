"""An outbox that keeps what is said in a list."""

from chassis.clock import Clock
from chassis.outbox.record import OutboxRow, OutboxWriter


class MemoryOutbox(OutboxWriter):
    """Behaves like `Outbox` in a transaction that is committed at once; `rows` holds what was said, in order."""

    def __init__(self, *, source: str, clock: Clock) -> None:
        super().__init__(source=source, clock=clock)
        self.rows: list[OutboxRow] = []

    def said(self, ce_type: str) -> list[OutboxRow]:
        """Only the rows of this event."""
        return [row for row in self.rows if row.ce_type == ce_type]

    async def _insert(self, rows: list[OutboxRow]) -> None:
        self.rows.extend(rows)
