"""What the services of the Kundenportal say to each other, and the tools that billing installs."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        """Give billing's names at the top; loaded on demand, because they need the extra `billing`."""
        if name in {"BillingPublisher", "S3Target", "PublishFailed"}:
            return getattr(import_module("kundenportal_contracts.publish"), name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
