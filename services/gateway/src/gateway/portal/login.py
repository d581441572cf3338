"""`/login` and `/logout`. A refusal is the same for every name, known or not."""

from http import HTTPStatus

from fastapi import APIRouter, Request, Response

from chassis.principal import SESSION_HEADER
from chassis.problems import Problem
from gateway.answers import Visitor, read
from gateway.errors import redirect, step_page
from gateway.forwarding import changing
from gateway.parts import Parts, UsedParts, client
from gateway.portal.forms import Form, submitted
from gateway.portal.visits import accepted, guest
from gateway.return_paths import return_path
from gateway.translations import mark as _
from gateway.upstreams import ServiceUnavailable

router = APIRouter()

_REFUSED = _("Benutzername oder Passwort ist nicht richtig.")
_SHORTEST_WAIT = 1


@router.api_route("/login", methods=["GET", "HEAD"])
async def show(request: Request, parts: UsedParts) -> Response:
    back = return_path(request.query_params.get("weiter"))
    visitor = await guest(request, parts)
    if visitor is not None:
        return _onward(visitor, back)
    return _page(parts, Form(), back, reason=request.query_params.get("grund"))


@router.post("/login")
async def sign_in(request: Request, parts: UsedParts) -> Response:
    form = await submitted(request)
    back = return_path(form["weiter"])
    form.require("username", _("Bitte geben Sie Ihren Benutzernamen ein."))
    form.require("password", _("Bitte geben Sie Ihr Passwort ein."))
    if form.errors:
        return _page(parts, form, back, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    told = {"username": form["username"].strip(), "password": form["password"]}
    try:
        answer = await parts.upstreams.identity.call("POST", "/api/v1/session", headers=client(request), data=told)
    except ServiceUnavailable as busy:
        return _wait(parts, form, back, HTTPStatus.SERVICE_UNAVAILABLE, busy.headers["Retry-After"])
    if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
        return _wait(parts, form, back, HTTPStatus.TOO_MANY_REQUESTS, answer.headers.get("retry-after", "60"))
    if answer.status != HTTPStatus.OK:
        form.errors[""] = _REFUSED
        return _page(parts, form, back, status=HTTPStatus.UNAUTHORIZED)
    response = _onward(read(Visitor, answer, "identity"), back)
    parts.cookie.set(response, answer.headers[SESSION_HEADER])
    return response


@router.post("/logout")
async def sign_out(request: Request, parts: UsedParts) -> Response:
    token = parts.token(request)
    with changing(parts, token):
        accepted(await parts.upstreams.identity.call("DELETE", "/api/v1/session", headers=parts.as_session(request)))
    response = redirect("/login", grund="abgemeldet")
    parts.cookie.delete(response)
    return response


def _onward(visitor: Visitor, back: str) -> Response:
    if not visitor.pending:
        return redirect(back)
    page = step_page(visitor.pending)
    if page is None:
        raise Problem(HTTPStatus.FORBIDDEN, "/problems/pending-steps")
    return redirect(page, back)


def _wait(parts: Parts, form: Form, back: str, status: HTTPStatus, seconds: str) -> Response:
    """Say how long to wait. The busy and the throttled login read alike, and alike for every name."""
    wait = max(_SHORTEST_WAIT, int(seconds)) if seconds.isdigit() else 60
    return _page(parts, form, back, status=status, wait=wait, headers={"retry-after": str(wait)})


def _page(
    parts: Parts,
    form: Form,
    back: str,
    *,
    status: HTTPStatus = HTTPStatus.OK,
    reason: str | None = None,
    wait: int | None = None,
    headers: dict[str, str] | None = None,
) -> Response:
    return parts.pages.html(
        "login.html",
        status=status,
        headers=headers,
        form=form,
        back=back,
        wait=wait,
        ended=reason == "abgelaufen",
        signed_out=reason == "abgemeldet",
    )
