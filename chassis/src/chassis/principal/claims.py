"""The names on both sides of the principal token, so that identity, which signs, and the services cannot disagree."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

PRINCIPAL_HEADER = "x-kundenportal-principal"
SESSION_HEADER = "x-kundenportal-session"
CLIENT_HEADER = "x-kundenportal-client"

PRINCIPAL_ISSUER = "identity"
PRINCIPAL_AUDIENCE = "kundenportal-internal"
PRINCIPAL_TYPE = "principal+jwt"
PRINCIPAL_LIFETIME = timedelta(seconds=60)
# EdDSA with Ed25519 under its fully specified name (RFC 9864), which deprecates the ambiguous "EdDSA".
PRINCIPAL_ALGORITHM = "Ed25519"
JWKS_PATH = "/internal/jwks"

LEEWAY = timedelta(seconds=5)

_CUSTOMER_NUMBER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}")

Role = Literal["member", "administrator"]


@dataclass(frozen=True, slots=True)
class Principal:
    """A signed-in user of one customer; no steps are pending."""

    user_id: UUID
    customer_number: str
    role: Role
    session_id: UUID


def principal_header(kid: str) -> dict[str, str]:
    """Give the protected header of a principal token, all of it: further members are refused."""
    return {"alg": PRINCIPAL_ALGORITHM, "typ": PRINCIPAL_TYPE, "kid": kid}


def principal_claims(principal: Principal, now: datetime) -> dict[str, Any]:
    """Give the claims that state this principal for the next 60 s."""
    issued = int(now.timestamp())
    return {
        "iss": PRINCIPAL_ISSUER,
        "aud": PRINCIPAL_AUDIENCE,
        "iat": issued,
        "exp": issued + int(PRINCIPAL_LIFETIME.total_seconds()),
        "sub": str(principal.user_id),
        "customer": principal.customer_number,
        "role": principal.role,
        "sid": str(principal.session_id),
    }


def read_claims(claims: Mapping[str, Any]) -> tuple[Principal, int]:
    """Read the principal and the second in which its token expires; ValueError where a claim is missing or not as agreed."""
    if claims.get("iss") != PRINCIPAL_ISSUER or claims.get("aud") != PRINCIPAL_AUDIENCE:
        raise ValueError("not from identity for us")
    issued, expires = claims.get("iat"), claims.get("exp")
    if type(issued) is not int or type(expires) is not int:
        raise ValueError("no times")
    if not 0 < expires - issued <= PRINCIPAL_LIFETIME.total_seconds():
        raise ValueError("lives longer than agreed")
    customer, role = claims.get("customer"), claims.get("role")
    if not isinstance(customer, str) or not _CUSTOMER_NUMBER.fullmatch(customer):
        raise ValueError("no customer")
    if role != "member" and role != "administrator":  # noqa: PLR1714 - two comparisons narrow the type, `in` does not
        raise ValueError("no role")
    return Principal(UUID(_text(claims, "sub")), customer, role, UUID(_text(claims, "sid"))), expires


def is_current(issued: float, expires: float, now: datetime) -> bool:
    """Tell whether a token holds at this moment; clocks may differ by 5 s."""
    leeway = LEEWAY.total_seconds()
    return issued - leeway <= now.timestamp() < expires + leeway


def _text(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name)
    if not isinstance(value, str):
        raise ValueError(f"no {name}")  # noqa: TRY004 - one kind of refusal for the caller
    return value
