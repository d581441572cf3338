"""The family of failures that only time mends, whichever part they come from."""


class Unavailable(ConnectionError):  # noqa: N818 - a family; its members are the words
    """Something outside cannot answer now. A consumer tries again; over HTTP it is a 503 with Retry-After."""

    retry_after_seconds = 2
