"""How a billing system hands over customers and documents: `BillingPublisher` (needs the extra `billing`)."""

from kundenportal_contracts.publish.errors import BusUnavailable, IntakeUnavailable, PublishFailed, Unavailable
from kundenportal_contracts.publish.intake_bucket import S3Target
from kundenportal_contracts.publish.publisher import BillingPublisher

__all__ = ["BillingPublisher", "BusUnavailable", "IntakeUnavailable", "PublishFailed", "S3Target", "Unavailable"]
