"""`/datenschutz`, where the privacy notice is accepted, and `/datenschutzhinweise`, where everybody may read it."""

from http import HTTPStatus

from fastapi import APIRouter, Request, Response

from gateway.answers import PrivacyNotice, Visitor, read
from gateway.errors import redirect, step_page
from gateway.forwarding import changing
from gateway.notice_html import plain_html
from gateway.parts import Parts, UsedParts
from gateway.portal.forms import Form, submitted
from gateway.portal.visits import accepted, guest, visitor_of
from gateway.principals import StepsPending
from gateway.return_paths import return_path
from gateway.translations import known_language
from gateway.translations import mark as _

router = APIRouter()

STEP = "accept_privacy_notice"


@router.api_route("/datenschutz", methods=["GET", "HEAD"])
async def show(request: Request, parts: UsedParts) -> Response:
    back = return_path(request.query_params.get("weiter"))
    visitor = await visitor_of(request, parts)
    if STEP not in visitor.pending:
        return redirect(step_page(visitor.pending) or back)
    return await _page(parts, visitor, Form(), back)


@router.post("/datenschutz")
async def accept(request: Request, parts: UsedParts) -> Response:
    visitor, form = await visitor_of(request, parts), await submitted(request)
    back = return_path(form["weiter"])
    if STEP not in visitor.pending:
        return redirect(step_page(visitor.pending) or back)
    with changing(parts, parts.token(request)):
        answer = await parts.upstreams.identity.call(
            "POST",
            "/api/v1/privacy-notice/acceptance",
            headers=parts.as_session(request),
            data={"version": form["version"]},
        )
    if answer.status in {HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY}:
        form.errors[""] = _("Inzwischen gilt eine neue Fassung der Datenschutzhinweise. Bitte lesen Sie diese.")
        return await _page(parts, visitor, form, back, status=HTTPStatus.CONFLICT)
    if answer.status == HTTPStatus.FORBIDDEN:
        raise StepsPending(visitor.pending)
    accepted(answer)
    left = tuple(step for step in visitor.pending if step != STEP)
    return redirect(step_page(left) or back, back if left else "/")


@router.api_route("/datenschutzhinweise", methods=["GET", "HEAD"])
async def text(request: Request, parts: UsedParts) -> Response:
    visitor = await guest(request, parts)
    notice = await _notice(parts, visitor)
    pending = visitor is not None and STEP in visitor.pending
    back = return_path(request.query_params.get("weiter"))
    return parts.pages.html(
        "privacy_text.html", visitor=visitor, notice=notice, text=plain_html(notice.html), pending=pending, back=back
    )


async def _notice(parts: Parts, visitor: Visitor | None) -> PrivacyNotice:
    language = known_language(visitor.user.language if visitor else None)
    answer = await parts.upstreams.identity.call("GET", "/api/v1/privacy-notice", query={"language": language})
    return read(PrivacyNotice, accepted(answer), "identity")


async def _page(
    parts: Parts, visitor: Visitor, form: Form, back: str, *, status: HTTPStatus = HTTPStatus.OK
) -> Response:
    notice = await _notice(parts, visitor)
    return parts.pages.html("privacy.html", visitor=visitor, status=status, form=form, back=back, notice=notice)
