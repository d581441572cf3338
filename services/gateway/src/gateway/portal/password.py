"""`/passwort`: the own new password, forced at the first login or wanted later."""

from http import HTTPStatus

from fastapi import APIRouter, Request, Response

from gateway.answers import Visitor
from gateway.errors import redirect, step_page
from gateway.forwarding import changing, refused
from gateway.parts import Parts, UsedParts
from gateway.portal.forms import Form, submitted
from gateway.portal.visits import accepted, visitor_of
from gateway.principals import StepsPending
from gateway.return_paths import return_path
from gateway.translations import mark as _
from gateway.upstreams import Answer
from gateway.words import PASSWORD_REFUSALS

router = APIRouter()

STEP = "change_password"
_ABOUT_CURRENT = frozenset({"current_password_missing", "current_password_wrong"})


@router.api_route("/passwort", methods=["GET", "HEAD"])
async def show(request: Request, parts: UsedParts) -> Response:
    visitor = await _visitor(request, parts)
    return _page(parts, visitor, Form(), return_path(request.query_params.get("weiter")))


@router.post("/passwort")
async def change(request: Request, parts: UsedParts) -> Response:
    visitor, form = await _visitor(request, parts), await submitted(request)
    back = return_path(form["weiter"])
    _check(form, forced=STEP in visitor.pending)
    if form.errors:
        return _page(parts, visitor, form, back, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    told = {"new_password": form["new_password"]}
    if STEP not in visitor.pending:
        told["current_password"] = form["current_password"]
    with changing(parts, parts.token(request)):
        answer = await parts.upstreams.identity.call(
            "POST", "/api/v1/password", headers=parts.as_session(request), data=told
        )
    if answer.status == HTTPStatus.UNPROCESSABLE_ENTITY:
        _explain(form, answer)
        return _page(parts, visitor, form, back, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    accepted(answer)
    return _onward(visitor, back)


async def _visitor(request: Request, parts: Parts) -> Visitor:
    """Give the visitor, unless another step comes first."""
    visitor = await visitor_of(request, parts)
    if visitor.pending and STEP not in visitor.pending:
        raise StepsPending(visitor.pending)
    return visitor


def _check(form: Form, *, forced: bool) -> None:
    if not forced:
        form.require("current_password", _("Bitte geben Sie Ihr aktuelles Passwort ein."))
    form.require("new_password", _("Bitte geben Sie ein neues Passwort ein."))
    form.require("confirmation", _("Bitte bestätigen Sie das neue Passwort."))
    if not form.errors and form["new_password"] != form["confirmation"]:
        form.errors["confirmation"] = _("Die beiden neuen Passwörter stimmen nicht überein.")


def _explain(form: Form, answer: Answer) -> None:
    problem = refused(answer)
    code = str(problem.members.get("code", ""))
    field = "current_password" if code in _ABOUT_CURRENT else "new_password"
    form.errors[field] = PASSWORD_REFUSALS.get(code, _("Dieses Passwort kann nicht verwendet werden."))


def _onward(visitor: Visitor, back: str) -> Response:
    if STEP not in visitor.pending:
        return redirect("/profil", ok="passwort")
    left = tuple(step for step in visitor.pending if step != STEP)
    return redirect(step_page(left) or back, back if left else "/")


def _page(parts: Parts, visitor: Visitor, form: Form, back: str, *, status: HTTPStatus = HTTPStatus.OK) -> Response:
    forced = STEP in visitor.pending
    return parts.pages.html("password.html", visitor=visitor, status=status, form=form, back=back, forced=forced)
