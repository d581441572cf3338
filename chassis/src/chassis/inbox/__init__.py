"""The memory of events that took effect, so that each takes effect once."""
