"""Identity on a real database, with the real adapters, driven through its HTTP; see the fixture `service`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2
from joserfc import jwe
from joserfc.jwk import ECKey

from chassis.database import Database
from chassis.health import Health
from chassis.principal import SESSION_HEADER
from chassis.testing.frozen_clock import FrozenClock
from identity.adapters.argon2_passwords import Argon2Passwords
from identity.adapters.jwe_secrets import JweSecrets
from identity.adapters.jwt_principals import JwtPrincipals
from identity.adapters.postgres_signing_keys import load_signing_keys
from identity.adapters.postgres_work import PostgresTransactions
from identity.adapters.privacy_notices_folder import PrivacyNoticesFolder
from identity.use_cases.register_customers import RegisterCustomers
from identity.wiring import application, use_cases
from kundenportal_contracts.billing import CustomerRegistered
from tests.identity.making import event, registration, said, settle

KEY_ENCRYPTION_KEY = bytes(range(32))
OWN = "Grünkohl mit Pinkel"


@dataclass
class Service:
    """The service without its bus: billing speaks to the handler, people through `http`."""

    http: httpx2.AsyncClient
    database: Database
    transactions: PostgresTransactions
    passwords: Argon2Passwords
    clock: FrozenClock
    notifier: ECKey = field(default_factory=lambda: ECKey.generate_key("P-256", {"kid": "notifier-1"}))

    @property
    def register(self) -> RegisterCustomers:
        secrets = JweSecrets(self.notifier.as_dict(private=False))
        return RegisterCustomers(CustomerRegistered, ("billing/*",), self.passwords, secrets, self.clock)

    async def registered(self, **changed: Any) -> tuple[str, str]:
        """Register a customer; the username and the initial password, as the notifier reads them."""
        assert await settle(self.register, self.transactions, event(registration(**changed))) == []
        number = changed.get("customer_number", "4711")
        issued = [one for one in await self.said("InitialPasswordIssued") if one["customer_number"] == number][-1]
        opened = jwe.decrypt_compact(issued["secret"], self.notifier, algorithms=["ECDH-ES", "A256GCM"])
        return issued["username"], (opened.plaintext or b"").decode()

    async def said(self, ce_type: str) -> list[dict[str, Any]]:
        """What waits in the outbox of this type, in order."""
        async with self.database.service_transaction() as conn:
            rows = (await conn.exec_driver_sql("SELECT ce_type, value FROM outbox ORDER BY id")).all()
        return said(rows, ce_type)  # type: ignore[arg-type]  # rows have what is read of them

    async def sign_in(self, username: str, password: str, client: str = "192.0.2.1") -> httpx2.Response:
        body = {"username": username, "password": password}
        return await self.http.post("/api/v1/session", json=body, headers={"x-kundenportal-client": client})

    async def onboarded(self, **changed: Any) -> dict[str, str]:
        """Register a customer and bring its first user through all steps; the headers of the session."""
        username, initial = await self.registered(**changed)
        session = {SESSION_HEADER: (await self.sign_in(username, initial)).headers[SESSION_HEADER]}
        changed_to = await self.http.post("/api/v1/password", json={"new_password": OWN}, headers=session)
        accepted = await self.http.post("/api/v1/privacy-notice/acceptance", json={"version": "1"}, headers=session)
        assert (changed_to.status_code, accepted.status_code) == (204, 204)
        return session


@asynccontextmanager
async def serving(database: Database, clock: FrozenClock) -> AsyncIterator[Service]:
    transactions, passwords, notices = PostgresTransactions(database, clock), Argon2Passwords(), PrivacyNoticesFolder()
    async with database.service_transaction() as conn:
        keys = await load_signing_keys(conn, key_encryption_key=KEY_ENCRYPTION_KEY, clock=clock)
    use = use_cases(transactions, passwords, JwtPrincipals(keys, clock), notices, clock)
    transport = httpx2.ASGITransport(application(use, Health(clock)), raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://identity") as http:
        yield Service(http, database, transactions, passwords, clock)
    await passwords.close()
