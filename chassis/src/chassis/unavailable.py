"""The family of failures that only time mends, whichever part they come from."""


class Unavailable(ConnectionError):
    """Something outside cannot answer now. A consumer tries again; over HTTP it is a 503 with Retry-After."""

    retry_after_seconds = 2
