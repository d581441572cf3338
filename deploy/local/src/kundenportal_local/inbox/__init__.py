"""The inbox page: what the portal mailed, to look at."""
