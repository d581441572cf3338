"""`/profil`: who one is here, and which mails one wants."""

from collections.abc import Mapping
from http import HTTPStatus

from fastapi import APIRouter, Request, Response

from gateway.answers import NotificationSettings, read
from gateway.errors import redirect
from gateway.parts import Parts, UsedParts
from gateway.portal.forms import Form, submitted
from gateway.portal.visits import Visit, accepted, visit
from gateway.translations import mark as _
from gateway.upstreams import ServiceUnavailable
from gateway.words import DOCUMENT_TYPES, NOTIFICATIONS

router = APIRouter()

PATH = "/api/v1/notification-settings"
_CHOOSE = _("Bitte wählen Sie eine der Möglichkeiten.")
_DONE = {
    "benachrichtigung": _("Ihre Einstellungen zur E-Mail-Benachrichtigung sind gespeichert."),
    "passwort": _("Ihr Passwort ist geändert. Alle anderen Anmeldungen sind beendet."),
}


@router.api_route("/profil", methods=["GET", "HEAD"])
async def show(request: Request, parts: UsedParts) -> Response:
    here = await visit(request, parts)
    stored = await _stored(parts, here)
    form = Form(_values(stored) if stored else {})
    done = _DONE.get(request.query_params.get("ok", ""))
    return _page(parts, here, form, available=stored is not None, done=done)


@router.post("/profil")
async def store(request: Request, parts: UsedParts) -> Response:
    here, form = await visit(request, parts), await submitted(request)
    if form["default"] not in NOTIFICATIONS:
        form.errors["default"] = _CHOOSE
    by_type = {name.removeprefix("type_"): value for name, value in form.values.items() if name.startswith("type_")}
    for name, value in by_type.items():
        if value and (value not in NOTIFICATIONS or name not in DOCUMENT_TYPES):
            form.errors[f"type_{name}"] = _CHOOSE
    if form.errors:
        return _page(parts, here, form, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    told = {"default": form["default"], "by_type": {name: value for name, value in by_type.items() if value}}
    accepted(await parts.upstreams.notifier.call("PUT", PATH, headers=here.headers, data=told))
    return redirect("/profil", ok="benachrichtigung")


async def _stored(parts: Parts, here: Visit) -> NotificationSettings | None:
    """Give what is set, or None while the notifier is away: the rest of the profile is shown without."""
    try:
        answer = await parts.upstreams.notifier.call("GET", PATH, headers=here.headers)
        return read(NotificationSettings, accepted(answer), "notifier")
    except ServiceUnavailable:
        return None


def _values(stored: NotificationSettings) -> Mapping[str, str]:
    return {"default": stored.default, **{f"type_{name}": value for name, value in stored.by_type.items()}}


def _page(
    parts: Parts,
    here: Visit,
    form: Form,
    *,
    available: bool = True,
    done: str | None = None,
    status: HTTPStatus = HTTPStatus.OK,
) -> Response:
    return parts.pages.html(
        "profile.html", visitor=here.visitor, status=status, form=form, available=available, done=done
    )
