"""Records in quarantine, byte for byte, each once."""

import json
from base64 import b64encode
from collections.abc import Sequence
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.messaging.subscriptions import Record
from documents.ports import QuarantinedRecord

_ADD: Final = """
INSERT INTO quarantine (
    id, topic, partition, record_offset, record_key, record_value, record_headers,
    customer_number, document_number, reason, detail, quarantined_at)
SELECT id, topic, partition, record_offset, record_key, record_value, record_headers::json,
       customer_number, document_number, reason, detail, quarantined_at
FROM unnest($1::uuid[], $2::text[], $3::int[], $4::bigint[], $5::bytea[], $6::bytea[], $7::text[],
            $8::text[], $9::text[], $10::text[], $11::text[], $12::timestamptz[])
     AS new (id, topic, partition, record_offset, record_key, record_value, record_headers,
             customer_number, document_number, reason, detail, quarantined_at)
ORDER BY id
ON CONFLICT (id) DO NOTHING
RETURNING id
"""


class PostgresQuarantine:
    def __init__(self, conn: AsyncConnection) -> None:
        self._conn = conn

    async def add(self, records: Sequence[QuarantinedRecord]) -> set[UUID]:
        if not records:
            return set()
        rows = [
            (
                one.id,
                one.record.topic,
                one.record.partition,
                one.record.offset,
                one.record.key,
                one.record.value,
                _headers(one.record),
                one.customer_number,
                one.document_number,
                one.reason.value,
                one.detail.replace("\x00", " "),
                one.quarantined_at,
            )
            for one in records
        ]
        columns = tuple(list(column) for column in zip(*rows, strict=True))
        result = await self._conn.exec_driver_sql(_ADD, columns)
        return {row.id for row in result}


def _headers(record: Record) -> str:
    """JSON that takes any bytes: names escaped, values in base64; one without a value is null."""
    return json.dumps(
        [(name, None if value is None else b64encode(value).decode("ascii")) for name, value in record.headers]
    )
