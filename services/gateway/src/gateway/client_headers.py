"""What services behind the gateway may believe: internal headers come from here alone, and so does the client's address."""

from collections.abc import Iterable, Sequence
from ipaddress import ip_address

from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.settings import Network

INTERNAL_PREFIX = b"x-kundenportal-"
_UNKNOWN = "0.0.0.0"  # noqa: S104 - said to identity where the connection has no address, never listened on


class ClientHeaders:
    """Strips `x-kundenportal-*` from outside and puts the client's address into the scope.

    `X-Forwarded-For` counts only where the peer is a trusted proxy; then the last address that is none of them.
    """

    def __init__(self, app: ASGIApp, trusted: Sequence[Network]) -> None:
        self._app = app
        self._trusted = trusted

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            headers = [(name, value) for name, value in scope["headers"] if not _is_internal(name)]
            peer = scope["client"][0] if scope.get("client") else _UNKNOWN
            client = client_address(peer, (v for n, v in headers if n == b"x-forwarded-for"), self._trusted)
            scope = {**scope, "headers": headers, "client": (client, 0)}
        await self._app(scope, receive, send)


def _is_internal(name: bytes) -> bool:
    return name.lower().replace(b"_", b"-").startswith(INTERNAL_PREFIX)


def client_address(peer: str, forwarded: Iterable[bytes], trusted: Sequence[Network]) -> str:
    if not _is_trusted(peer, trusted):
        return peer
    client = peer
    for hop in reversed([part.strip() for line in forwarded for part in line.decode("latin-1").split(",")]):
        try:
            client = str(ip_address(hop))
        except ValueError:
            return client
        if not _is_trusted(client, trusted):
            return client
    return client


def _is_trusted(address: str, trusted: Sequence[Network]) -> bool:
    try:
        known = ip_address(address)
    except ValueError:
        return False
    return any(known.version == network.version and known in network for network in trusted)
