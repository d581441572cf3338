"""How much waits, counted in PostgreSQL for whoever watches."""

from chassis.database import Database
from notifier.domain import Backlog, State

# Along the index of what is due, and no further than 10,000: watching must not cost more than sending.
COUNT = """
SELECT state, count(*) AS mails, extract(epoch FROM now() - min(due_at))::float8 AS oldest
FROM (SELECT state, due_at FROM delivery WHERE due_at IS NOT NULL ORDER BY due_at LIMIT 10000) AS waiting
GROUP BY state
"""


class PostgresBacklog:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def count(self) -> Backlog:
        async with self._database.service_transaction() as conn:
            rows = list(await conn.exec_driver_sql(COUNT))
        oldest = max((row.oldest for row in rows), default=0.0)
        return Backlog({State(row.state): row.mails for row in rows}, max(0.0, oldest))
