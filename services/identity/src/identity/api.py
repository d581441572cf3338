"""What identity serves over HTTP: session, password and privacy notice, each by the session's token, and the principal.

The gateway passes the token in a header of its own and never lets one in from outside.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Header, Query, Response
from pydantic import BaseModel, ConfigDict, StringConstraints

from chassis.principal import CLIENT_HEADER, JWKS_PATH, SESSION_HEADER
from identity.domain import Language, Role, Salutation, Session, SessionEnded, Step
from identity.ports import Principals, PrivacyNotices
from identity.use_cases.accept_privacy_notice import AcceptPrivacyNotice
from identity.use_cases.change_password import ChangePassword
from identity.use_cases.issue_principal import IssuePrincipal
from identity.use_cases.read_session import ReadSession
from identity.use_cases.sign_in import SignIn
from identity.use_cases.sign_out import SignOut

Token = Annotated[str | None, Header(alias=SESSION_HEADER)]
Client = Annotated[str | None, Header(alias=CLIENT_HEADER)]
AcceptLanguage = Annotated[str | None, Header(alias="accept-language", max_length=200)]
# Longer than any name or password can be, short enough to be hashed without a thought.
TypedName = Annotated[str, StringConstraints(max_length=256)]
TypedPassword = Annotated[str, StringConstraints(max_length=1024)]


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class Credentials(Body):
    username: TypedName
    password: TypedPassword


class NewPassword(Body):
    new_password: TypedPassword
    current_password: TypedPassword | None = None


class Acceptance(Body):
    version: Annotated[str, StringConstraints(max_length=64)]


class UserAnswer(BaseModel):
    id: UUID
    username: str
    email: str
    salutation: Salutation
    first_name: str
    last_name: str
    language: Language


class CustomerAnswer(BaseModel):
    customer_number: str
    company: str


class SessionAnswer(BaseModel):
    user: UserAnswer
    customer: CustomerAnswer
    role: Role
    pending: Sequence[Step]


class NoticeAnswer(BaseModel):
    """A privacy notice; `accepted` says whether the person signed in has accepted this version."""

    version: str
    title: str
    html: str
    accepted: bool


class PrincipalAnswer(BaseModel):
    principal: str
    session_id: UUID
    user_id: UUID


@dataclass(frozen=True, slots=True)
class UseCases:
    sign_in: SignIn
    sign_out: SignOut
    read_session: ReadSession
    change_password: ChangePassword
    accept_privacy_notice: AcceptPrivacyNotice
    issue_principal: IssuePrincipal
    notices: PrivacyNotices
    principals: Principals


def routes(use: UseCases) -> APIRouter:
    router = APIRouter()
    _add_session(router, use)
    _add_steps(router, use)
    _add_internal(router, use)
    return router


def _add_session(router: APIRouter, use: UseCases) -> None:
    @router.post("/api/v1/session")
    async def sign_in(credentials: Credentials, response: Response, client: Client = None) -> SessionAnswer:
        signed_in = await use.sign_in(username=credentials.username, password=credentials.password, client=client)
        response.headers[SESSION_HEADER] = signed_in.token
        return _session(signed_in.session)

    @router.get("/api/v1/session")
    async def session(token: Token = None) -> SessionAnswer:
        return _session(await use.read_session(token))

    @router.delete("/api/v1/session", status_code=204)
    async def sign_out(token: Token = None) -> None:
        await use.sign_out(token)


def _add_steps(router: APIRouter, use: UseCases) -> None:
    @router.post("/api/v1/password", status_code=204)
    async def change_password(body: NewPassword, token: Token = None, client: Client = None) -> None:
        await use.change_password(
            token, new_password=body.new_password, current_password=body.current_password, client=client
        )

    @router.get("/api/v1/privacy-notice")
    async def privacy_notice(
        token: Token = None,
        accept_language: AcceptLanguage = None,
        language: Annotated[Language | None, Query()] = None,
    ) -> NoticeAnswer:
        """Show the text to everybody; who is signed in gets it in the language of the account."""
        try:
            session = await use.read_session(token) if token else None
        except SessionEnded:
            session = None
        notice = use.notices.text(language or (session.user.language if session else _preferred(accept_language)))
        accepted = session is not None and session.notice_accepted
        return NoticeAnswer(version=notice.version, title=notice.title, html=notice.html, accepted=accepted)

    @router.post("/api/v1/privacy-notice/acceptance", status_code=204)
    async def accept_privacy_notice(body: Acceptance, token: Token = None) -> None:
        await use.accept_privacy_notice(token, body.version)


def _add_internal(router: APIRouter, use: UseCases) -> None:
    @router.post("/internal/principal")
    async def principal(token: Token = None) -> PrincipalAnswer:
        signed, session = await use.issue_principal(token)
        return PrincipalAnswer(principal=signed, session_id=session.session_id, user_id=session.user.user_id)

    @router.get(JWKS_PATH)
    async def jwks() -> dict[str, Any]:
        return use.principals.jwks()


def _session(session: Session) -> SessionAnswer:
    user = session.user
    return SessionAnswer(
        user=UserAnswer(
            id=user.user_id,
            username=user.username,
            email=user.email,
            salutation=user.salutation,
            first_name=user.first_name,
            last_name=user.last_name,
            language=user.language,
        ),
        customer=CustomerAnswer(customer_number=user.customer_number, company=session.company),
        role=user.role,
        pending=session.pending,
    )


def _preferred(accept_language: str | None) -> Language:
    """Choose English only where it is asked for before German."""
    for part in (accept_language or "").lower().split(","):
        tag = part.split(";")[0].strip().split("-")[0]
        if tag in {"de", "en"}:
            return "en" if tag == "en" else "de"
    return "de"
