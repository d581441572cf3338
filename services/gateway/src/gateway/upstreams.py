"""The services behind the gateway, asked over HTTP with bounded waits. Trouble becomes one word: ServiceUnavailable."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import urlencode

import httpx2

from chassis.logs import get_logger
from chassis.problems import Problem
from chassis.telemetry import trace_headers
from gateway.settings import GatewaySettings

log = get_logger()

_RETRY_AFTER = 5
_BROKEN = (500, 502, 504)
_CONNECTIONS = httpx2.Limits(max_connections=100, max_keepalive_connections=50, keepalive_expiry=30)


class ServiceUnavailable(Problem):
    """A service did not answer, or answered nonsense. The word is for logs; a visitor learns only to come again."""

    def __init__(self, service: str, retry_after: str = str(_RETRY_AFTER)) -> None:
        super().__init__(
            503, "/problems/service-unavailable", "The service is not available", headers={"Retry-After": retry_after}
        )
        self.service = service


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: httpx2.Headers
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Upstream:
    """One service. Every answer below 500 is an Answer, whatever it says; 503 keeps the service's own Retry-After."""

    def __init__(self, name: str, client: httpx2.AsyncClient) -> None:
        self.name = name
        self._client = client

    async def call(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | str | None = None,
        body: bytes | None = None,
        data: object = None,
    ) -> Answer:
        """Ask once; a reading that met a connection just closed is asked once more."""
        sent = {**(headers or {}), **{name: value.decode("latin-1") for name, value in trace_headers()}}
        if data is not None:
            body, sent["content-type"] = json.dumps(data).encode(), "application/json"
        url = f"{path}?{query if isinstance(query, str) else urlencode(query)}" if query else path
        request = self._client.build_request(method, url, headers=sent, content=body)
        response = await self._send(request, again=method == "GET")
        if response.status_code in _BROKEN:
            log.error("upstream_failed", upstream=self.name, status=response.status_code, path=path)
            raise ServiceUnavailable(self.name)
        if response.status_code == httpx2.codes.SERVICE_UNAVAILABLE:
            raise ServiceUnavailable(self.name, _seconds(response.headers.get("retry-after")))
        return Answer(response.status_code, response.headers, response.content)

    async def _send(self, request: httpx2.Request, *, again: bool) -> httpx2.Response:
        try:
            return await self._client.send(request)
        except (httpx2.RemoteProtocolError, httpx2.ReadError) as error:
            if again:
                return await self._send(request, again=False)
            raise self._unavailable(error) from error
        except httpx2.HTTPError as error:
            raise self._unavailable(error) from error

    def _unavailable(self, error: Exception) -> ServiceUnavailable:
        log.warning("upstream_unavailable", upstream=self.name, error=type(error).__name__)
        return ServiceUnavailable(self.name)


@dataclass(frozen=True, slots=True)
class Upstreams:
    identity: Upstream
    documents: Upstream
    notifier: Upstream
    files: httpx2.AsyncClient

    @classmethod
    def of(
        cls,
        identity: httpx2.AsyncClient,
        documents: httpx2.AsyncClient,
        notifier: httpx2.AsyncClient,
        files: httpx2.AsyncClient,
    ) -> Self:
        return cls(
            Upstream("identity", identity), Upstream("documents", documents), Upstream("notifier", notifier), files
        )


@asynccontextmanager
async def connected(settings: GatewaySettings) -> AsyncIterator[Upstreams]:
    """Hold a pool of connections to each service and to the object store, until the block ends."""
    timeout = httpx2.Timeout(settings.upstream_seconds, connect=2, pool=2)
    async with AsyncExitStack() as stack:
        clients = [
            await stack.enter_async_context(_client(url, timeout))
            for url in (settings.identity_url, settings.documents_url, settings.notifier_url, "")
        ]
        yield Upstreams.of(*clients)


def _client(base_url: str, timeout: httpx2.Timeout) -> httpx2.AsyncClient:
    """Give a client that follows no redirect and heeds no proxy variable: each address is exactly what was set."""
    transport = httpx2.AsyncHTTPTransport(retries=1, limits=_CONNECTIONS, trust_env=False)
    return httpx2.AsyncClient(base_url=base_url, timeout=timeout, transport=transport, trust_env=False)


def _seconds(value: str | None) -> str:
    return value if value and value.isascii() and value.isdigit() else str(_RETRY_AFTER)
