"""The one error of the local stack: a sentence that says what happened and what to do about it."""


class LocalTroubleError(Exception):
    """Shown to the person at the keyboard as it is, without a traceback."""
