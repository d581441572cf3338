"""A user as the others hear of it."""

from dataclasses import fields
from typing import Any, TypeVar

from identity.domain import User
from kundenportal_contracts import identity

E = TypeVar("E", bound=identity.User)


def describe_user(event: type[E], user: User) -> E:
    """Say `event` about the whole user, as readers keep the last word only."""
    return event.model_validate(user_facts(user))


def user_facts(user: User) -> dict[str, Any]:
    return {field.name: getattr(user, field.name) for field in fields(user)}
