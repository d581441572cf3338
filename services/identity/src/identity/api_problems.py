"""What an account's errors are to a caller over HTTP; a refused password is explained in German and English."""

import math
from collections.abc import Mapping

from fastapi import FastAPI, Request
from starlette.responses import Response

from chassis.problems import Problem, problem_response
from identity.domain import (
    PASSWORD_LONGEST,
    PASSWORD_SHORTEST,
    AccountError,
    Language,
    NoticeOutdated,
    PasswordFault,
    PasswordRefused,
    PasswordsBusy,
    SessionEnded,
    SignInRefused,
    StepsPending,
    TooManyFailures,
)

BUSY_SECONDS = 2

PLAIN: Mapping[type[Exception], tuple[int, str, str]] = {
    SignInRefused: (401, "/problems/sign-in-refused", "Username or password is not right"),
    SessionEnded: (401, "/problems/no-session", "There is no such session"),
    NoticeOutdated: (409, "/problems/notice-outdated", "Another version of the privacy notice is in force"),
}

PASSWORD_FAULTS: Mapping[PasswordFault, Mapping[Language, str]] = {
    "current_password_missing": {
        "de": "Bitte geben Sie Ihr bisheriges Passwort ein.",
        "en": "Please enter your current password.",
    },
    "current_password_wrong": {
        "de": "Das bisherige Passwort stimmt nicht.",
        "en": "The current password is not right.",
    },
    "password_too_short": {
        "de": f"Das neue Passwort braucht mindestens {PASSWORD_SHORTEST} Zeichen.",
        "en": f"The new password needs at least {PASSWORD_SHORTEST} characters.",
    },
    "password_too_long": {
        "de": f"Das neue Passwort darf höchstens {PASSWORD_LONGEST} Zeichen haben.",
        "en": f"The new password may have at most {PASSWORD_LONGEST} characters.",
    },
    "password_has_control_characters": {
        "de": "Das neue Passwort enthält Zeichen, die sich nicht eintippen lassen, etwa einen Zeilenumbruch.",
        "en": "The new password has characters that cannot be typed, such as a line break.",
    },
    "password_is_username": {
        "de": "Das neue Passwort darf nicht Ihr Benutzername sein.",
        "en": "The new password must not be your username.",
    },
    "password_too_common": {
        "de": "Dieses Passwort ist zu verbreitet oder zu leicht zu erraten. Bitte wählen Sie ein anderes.",
        "en": "This password is too common or too easy to guess. Please choose another one.",
    },
    "password_is_initial": {
        "de": "Bitte wählen Sie ein eigenes Passwort statt des Initialpassworts.",
        "en": "Please choose a password of your own instead of the initial password.",
    },
    "password_unchanged": {
        "de": "Das neue Passwort ist das bisherige. Bitte wählen Sie ein anderes.",
        "en": "The new password is the current one. Please choose another one.",
    },
}


def add_account_problems(app: FastAPI) -> None:
    async def answer(_request: Request, error: Exception) -> Response:
        return problem_response(problem_of(error))

    app.add_exception_handler(AccountError, answer)


def problem_of(error: Exception) -> Problem:
    match error:
        case StepsPending():
            return Problem(403, "/problems/pending-steps", "Steps are pending", pending=list(error.pending))
        case PasswordRefused():
            texts = PASSWORD_FAULTS[error.code]
            title, told = "The password cannot be taken", texts[error.language]
            return Problem(422, "/problems/password-refused", title, told, code=error.code, messages=dict(texts))
        case TooManyFailures():
            after = {"Retry-After": str(math.ceil(error.retry_after.total_seconds()))}
            return Problem(429, "/problems/too-many-attempts", "Too many failed attempts", headers=after)
        case PasswordsBusy():
            return Problem(503, "/problems/busy", "Too many at once", headers={"Retry-After": str(BUSY_SECONDS)})
    status, path, title = PLAIN[type(error)]
    return Problem(status, path, title)
