"""The users of the sample customers, as identity tells of them."""

from uuid import NAMESPACE_DNS, uuid5

from kundenportal_contracts.topics import USERS
from tests.faults.history import Known
from tests.faults.load import Billing


async def tell_first_user(speaker: Billing, customer: str, version: int = 1) -> Known:
    """Say UserCreated for the one user of this customer; the same words each time."""
    user_id = str(uuid5(NAMESPACE_DNS, customer))
    email = f"{customer.lower()}@hof-{int(user_id[:4], 16) % 5}.example"
    data = {
        "user_id": user_id,
        "user_version": version,
        "customer_number": customer,
        "username": customer.lower().ljust(3, "x"),
        "email": email,
        "salutation": "mr",
        "first_name": "Max",
        "last_name": "Mustermann",
        "language": "de",
        "role": "administrator",
        "status": "active",
        "first": True,
    }
    ce_id = str(uuid5(NAMESPACE_DNS, f"{customer}/{version}"))
    place = await speaker.say(USERS.name, "identity.UserCreated.v1", data, ce_id, key=user_id, source="identity")
    return Known(customer, email, ce_id, place)
