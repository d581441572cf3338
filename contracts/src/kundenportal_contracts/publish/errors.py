"""What can go wrong while handing over, by what the caller does next."""


class PublishFailed(Exception):
    """One thing was not handed over, or nobody confirmed it. `field` names the wrong field where it is one.

    Doing the same again is safe: a record that did arrive counts once.
    """

    def __init__(self, detail: str, field: str | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.field = field

    @property
    def problem(self) -> str:
        """What is wrong, for whoever names the field beside it."""
        return self.detail.removeprefix(f"{self.field}: ")


class Unavailable(PublishFailed):
    """Nothing can be handed over at present: every further try would only wait."""


class BusUnavailable(Unavailable):
    """No broker answers, the topic is missing or access is refused."""


class IntakeUnavailable(Unavailable):
    """The server of the intake bucket does not answer."""
