"""What errors are called over HTTP."""

from datetime import timedelta
from typing import get_args

import pytest

from identity.api_problems import PASSWORD_FAULTS, problem_of
from identity.domain import AccountError, PasswordFault, PasswordRefused, PasswordsBusy, StepsPending, TooManyFailures


def test_every_error_of_an_account_is_a_problem() -> None:
    """None falls through to a 500."""
    made = {
        TooManyFailures: TooManyFailures(timedelta(seconds=1)),
        StepsPending: StepsPending(("change_password",)),
        PasswordRefused: PasswordRefused("password_too_short", "de"),
    }
    for kind in AccountError.__subclasses__():
        problem = problem_of(made.get(kind) or kind())
        assert 400 <= problem.status < 600
        assert problem.type.startswith("/problems/")


@pytest.mark.parametrize("code", get_args(PasswordFault))
def test_every_refusal_of_a_password_is_explained(code: PasswordFault) -> None:
    """In both languages, and in the person's own as the detail."""
    problem = problem_of(PasswordRefused(code, "en"))
    assert problem.detail == PASSWORD_FAULTS[code]["en"]
    assert problem.members["code"] == code
    assert set(problem.members["messages"]) == {"de", "en"}


def test_waiting_times_are_told_in_whole_seconds() -> None:
    """Rounded up, so that who waits so long is not sent away again."""
    assert problem_of(TooManyFailures(timedelta(seconds=0.2))).headers == {"Retry-After": "1"}
    assert problem_of(PasswordsBusy()).headers == {"Retry-After": "2"}
