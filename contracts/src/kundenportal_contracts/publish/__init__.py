"""How a billing system hands over customers and documents: `BillingPublisher` (needs the extra `billing`)."""

from kundenportal_contracts.publish.errors import BusUnavailable, PublishFailed
from kundenportal_contracts.publish.intake_bucket import S3Target
from kundenportal_contracts.publish.publisher import BillingPublisher

__all__ = ["BillingPublisher", "BusUnavailable", "PublishFailed", "S3Target"]
