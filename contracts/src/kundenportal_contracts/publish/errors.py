"""What can go wrong while handing over, by what the caller does next."""


class PublishFailed(Exception):  # noqa: N818 - the fact that is told, in the product's words
    """One thing was not handed over, or nobody confirmed it. `field` names the wrong field where it is one.

    Doing the same again is safe: a record that did arrive counts once.
    """

    def __init__(self, detail: str, field: str | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.field = field


class BusUnavailable(PublishFailed):
    """Nothing can be handed over at present: no broker answers, the topic is missing or access is refused."""
