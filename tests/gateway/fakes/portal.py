"""The gateway around services in memory, and browsers and programs that visit it."""

from dataclasses import dataclass, field
from functools import cache
from typing import Any, cast

import httpx2
from starlette.types import ASGIApp

from chassis.clock import Clock
from chassis.health import Health
from chassis.settings import load_settings
from chassis.testing.frozen_clock import FrozenClock
from gateway.application import build
from gateway.brand import Brand
from gateway.pages import Pages
from gateway.parts import Parts
from gateway.principals import Principals
from gateway.sessions import SessionCookie
from gateway.settings import GatewaySettings
from gateway.static_files import StaticFiles
from gateway.upstreams import Upstreams
from tests.gateway.fakes.documents import FakeDocuments, item
from tests.gateway.fakes.files import FakeFiles
from tests.gateway.fakes.identity import Account, FakeIdentity
from tests.gateway.fakes.notifier import FakeNotifier

ORIGIN = "https://portal.test"
ENVIRON = {
    "KUNDENPORTAL_PUBLIC_URL": ORIGIN,
    "KUNDENPORTAL_HTTP_PORT": "8000",
    "KUNDENPORTAL_MANAGEMENT_PORT": "8001",
    "KUNDENPORTAL_IDENTITY_URL": "http://identity.test",
    "KUNDENPORTAL_DOCUMENTS_URL": "http://documents.test",
    "KUNDENPORTAL_NOTIFIER_URL": "http://notifier.test",
}


@dataclass
class FakePortal:
    environ: dict[str, str] = field(default_factory=dict)
    clock: Clock = field(default_factory=FrozenClock)

    def __post_init__(self) -> None:
        self.identity, self.documents, self.notifier = FakeIdentity(), FakeDocuments(), FakeNotifier()
        self.files = FakeFiles(self.documents.content)
        self.documents.items = [item(number) for number in range(3)]
        self.max = self.identity.add(Account("s8u8i1", "ein langer Satz"))
        self.settings = self.settings_of(**self.environ)
        self.app = self._app()

    @staticmethod
    def settings_of(**environ: str) -> GatewaySettings:
        return load_settings(GatewaySettings, {**ENVIRON, **environ})

    def _app(self) -> ASGIApp:
        upstreams = Upstreams.of(
            _client("identity", self.identity.app),
            _client("documents", self.documents.app),
            _client("notifier", self.notifier.app),
            httpx2.AsyncClient(transport=self.files),
        )
        pages, static = _shown(Brand.of(self.settings))
        self.parts = Parts(
            upstreams=upstreams,
            principals=Principals(upstreams.identity, self.clock),
            cookie=SessionCookie(self.settings.public_url),
            pages=pages,
            static=static,
        )
        if self.environ:
            return _built(self.parts, self.settings)
        app, current = _standing()
        current.parts = self.parts
        return app

    @property
    def document_id(self) -> str:
        return str(self.documents.items[0]["id"])

    def signed_in(self, account: Account | None = None) -> str:
        """Open a session at identity and give its token."""
        account = account or self.max
        token = f"token-of-{account.username}"
        self.identity.sessions[token] = account
        return token

    def browser(self, token: str | None = None, peer: str = "203.0.113.9") -> httpx2.AsyncClient:
        """Give a client that says where it comes from, as browsers do, and keeps cookies."""
        client = self.program(peer)
        client.headers["sec-fetch-site"] = "same-origin"
        if token is not None:
            client.cookies.set("__Host-session", token, domain="portal.test")
        return client

    def program(self, peer: str = "203.0.113.9") -> httpx2.AsyncClient:
        transport = httpx2.ASGITransport(self.app, client=(peer, 4711), raise_app_exceptions=False)
        return httpx2.AsyncClient(base_url=self.settings.public_url, transport=transport)


class _Current:
    """Stands for the parts of the portal that was made last."""

    parts: Parts

    def __getattr__(self, name: str) -> Any:
        return getattr(self.parts, name)


@cache
def _standing() -> tuple[ASGIApp, _Current]:
    """Lay the routes once for all tests, which takes longer than most of them; only the parts are each test's own."""
    current = _Current()
    return _built(cast("Parts", current), FakePortal.settings_of()), current


def _built(parts: Parts, settings: GatewaySettings) -> ASGIApp:
    return build(
        parts,
        Health(),
        public_url=settings.public_url,
        trusted_proxies=settings.trusted_proxies,
        legal_dir=settings.legal_dir,
    )


@cache
def _shown(brand: Brand) -> tuple[Pages, StaticFiles]:
    """Compile the templates once for all tests: they hold nothing of a test."""
    static = StaticFiles(brand)
    return Pages(brand, static), static


def _client(name: str, app: Any) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(base_url=f"http://{name}.test", transport=httpx2.ASGITransport(app))
