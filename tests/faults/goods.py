"""A good record that was put on a topic byte by byte, as the history names it."""

import json

from kundenportal_contracts.topics import BILLING_CUSTOMERS, BILLING_DOCUMENTS, Topic
from tests.faults.history import Input, Issued, Place, Registered
from tests.faults.wire import RawRecord


def good_input(topic: Topic, record: RawRecord, place: Place) -> Input | None:
    """Billing's document or customer; None on topics of which the checker compares nothing."""
    data = json.loads(record.value or b"{}")
    told = {name: (value or b"").decode() for name, value in record.headers}
    if topic is BILLING_DOCUMENTS:
        facts = (data["customer_number"], data["document_number"], data["sha256"])
        return Issued(*facts, told[b"ce_id"], told[b"ce_time"], place)
    if topic is BILLING_CUSTOMERS:
        return Registered(data["customer_number"], told[b"ce_id"], place)
    return None
