"""What identity hears: which event of billing starts which use case."""

from chassis.clock import Clock
from chassis.messaging.subscriptions import Subscription
from identity.ports import Passwords, Secrets, Work
from identity.use_cases.close_customers import CloseCustomers
from identity.use_cases.register_customers import RegisterCustomers
from identity.use_cases.reject_malformed_records import RejectMalformedRecords
from kundenportal_contracts.billing import CustomerChanged, CustomerClosed, CustomerRegistered
from kundenportal_contracts.topics import BILLING_CUSTOMERS


def subscriptions(
    sources: tuple[str, ...], passwords: Passwords, secrets: Secrets, clock: Clock
) -> list[Subscription[Work]]:
    return [
        Subscription(
            BILLING_CUSTOMERS,
            {
                CustomerRegistered.ce_type: RegisterCustomers(CustomerRegistered, sources, passwords, secrets, clock),
                CustomerChanged.ce_type: RegisterCustomers(CustomerChanged, sources, passwords, secrets, clock),
                CustomerClosed.ce_type: CloseCustomers(sources, clock),
            },
            malformed=RejectMalformedRecords(),
        )
    ]
