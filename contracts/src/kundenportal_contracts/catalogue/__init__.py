"""The catalogue of what is said: every event by its type, and the documents that are generated from the models."""

from kundenportal_contracts import billing, documents, identity, notifier
from kundenportal_contracts.envelope import EventData

# In the order of the interface: by speaker, then as the models stand in its module.
EVENTS: dict[str, type[EventData]] = {
    value.ce_type: value
    for speaker in (billing, identity, documents, notifier)
    for value in vars(speaker).values()
    if isinstance(value, type) and issubclass(value, EventData) and "ce_type" in vars(value)
}
