"""Stand-ins for tests, each held to the real thing by one contract suite."""
