"""Who asks: the principal that identity states in a short-lived signed token, verified by every service itself."""

from chassis.principal.claims import (
    CLIENT_HEADER,
    JWKS_PATH,
    PRINCIPAL_ALGORITHM,
    PRINCIPAL_AUDIENCE,
    PRINCIPAL_HEADER,
    PRINCIPAL_ISSUER,
    PRINCIPAL_LIFETIME,
    PRINCIPAL_TYPE,
    SESSION_HEADER,
    Principal,
    Role,
    principal_claims,
    principal_header,
)
from chassis.principal.remote_jwks import IdentityUnavailable, RemoteJwks
from chassis.principal.verifier import KeySource, PrincipalVerifier, authenticated

__all__ = [
    "CLIENT_HEADER",
    "JWKS_PATH",
    "PRINCIPAL_ALGORITHM",
    "PRINCIPAL_AUDIENCE",
    "PRINCIPAL_HEADER",
    "PRINCIPAL_ISSUER",
    "PRINCIPAL_LIFETIME",
    "PRINCIPAL_TYPE",
    "SESSION_HEADER",
    "IdentityUnavailable",
    "KeySource",
    "Principal",
    "PrincipalVerifier",
    "RemoteJwks",
    "Role",
    "authenticated",
    "principal_claims",
    "principal_header",
]
