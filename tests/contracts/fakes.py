"""Billing's two ways out, in memory: what would stand on the bus and in the intake bucket."""

from pathlib import Path

from kundenportal_contracts.publish import BillingPublisher, PublishFailed
from kundenportal_contracts.publish.kafka_sender import OutgoingRecord

CUSTOMER = {
    "customer_number": "4711",
    "company": "Hof Łęcki & Söhne",
    "email": "lucja@hof-lecki.example",
    "username": "s8u8i1",
    "salutation": "mrs",
    "first_name": "Łucja",
    "last_name": "Grünwald-Łęcka",
    "language": "de",
}
DOCUMENT = {
    "customer_number": "4711",
    "document_number": "R0099901888",
    "document_type": "invoice",
    "issued_on": "2018-03-02",
    "gross_amount": "119.00",
    "currency": "EUR",
}


class MemorySender:
    """Keeps each record; `refuse` names customers whose records fail, and with what."""

    def __init__(self, refuse: dict[str, PublishFailed] | None = None) -> None:
        self.records: list[OutgoingRecord] = []
        self.refuse = refuse or {}
        self.is_open = False

    async def start(self) -> None:
        self.is_open = True

    async def send(self, record: OutgoingRecord) -> None:
        if (error := self.refuse.get(record.key.decode())) is not None:
            raise error
        self.records.append(record)

    async def stop(self) -> None:
        self.is_open = False

    def header(self, name: str) -> list[str]:
        return [dict(record.headers)[name].decode() for record in self.records]


class MemoryIntake:
    """Keeps each object, as it was given, by its key."""

    def __init__(self) -> None:
        self.objects: dict[str, tuple[bytes | Path, str]] = {}

    async def put(self, key: str, content: bytes | Path, media_type: str) -> None:
        self.objects[key] = (content, media_type)


def publisher(sender: MemorySender, intake: MemoryIntake | None = None) -> BillingPublisher:
    return BillingPublisher("unused:9092", "billing/sap-1", sender=sender, intake=intake)
