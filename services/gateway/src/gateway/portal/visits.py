"""Who looks at a page: somebody signed in with nothing left to do, somebody on the way there, or a guest."""

from dataclasses import dataclass
from http import HTTPStatus

from starlette.requests import Request

from chassis.principal import PRINCIPAL_HEADER
from gateway.answers import Visitor, read
from gateway.forwarding import refused
from gateway.parts import Parts
from gateway.principals import NotSignedIn, StepsPending
from gateway.upstreams import Answer, ServiceUnavailable


@dataclass(frozen=True, slots=True)
class Visit:
    """A visitor, and the headers under which documents and notifier know who asks."""

    visitor: Visitor
    headers: dict[str, str]


async def visit(request: Request, parts: Parts) -> Visit:
    """Raises NotSignedIn or StepsPending, which lead to the login and to the step's page."""
    visitor = await visitor_of(request, parts)
    if visitor.pending:
        raise StepsPending(visitor.pending)
    return Visit(visitor, {PRINCIPAL_HEADER: await parts.principals.of(parts.token(request))})


async def visitor_of(request: Request, parts: Parts) -> Visitor:
    """Give whoever is signed in, pending steps or not. Raises NotSignedIn."""
    answer = await parts.upstreams.identity.call("GET", "/api/v1/session", headers=parts.as_session(request))
    return read(Visitor, accepted(answer), "identity")


async def guest(request: Request, parts: Parts) -> Visitor | None:
    """Give whoever is signed in, for pages that everybody may see; nobody while identity cannot tell."""
    if parts.cookie.token(request) is None:
        return None
    try:
        return await visitor_of(request, parts)
    except (NotSignedIn, ServiceUnavailable):
        return None


def accepted(answer: Answer) -> Answer:
    """Let an answer below 400 pass; raise NotSignedIn for a session that ended, the service's problem otherwise."""
    if answer.status == HTTPStatus.UNAUTHORIZED:
        raise NotSignedIn
    if answer.status >= HTTPStatus.BAD_REQUEST:
        raise refused(answer)
    return answer
