"""A user as the others hear of it."""

from dataclasses import asdict
from typing import TypeVar

from identity.domain import User
from kundenportal_contracts import identity

E = TypeVar("E", bound=identity.User)


def describe_user(event: type[E], user: User) -> E:
    """Say `event` about the whole user, as readers keep the last word only."""
    return event.model_validate(asdict(user))
