"""A stand: services as processes on real servers, billing's load, everything written down; and what comes out of it.

async with stand("f01", services=("documents",), servers=fault_servers) as s:
    load = asyncio.create_task(s.load(documents=100, per_second=40))
    …                                # s.services["documents"].kill(), s.kafka.kill(), s.postgres.proxy.poison(…)
    await load
    await s.drained(60)
    (await s.verdict(mails=False)).assert_clean()
"""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from typing import Any

import asyncpg
from obstore.store import S3Store

from chassis.migrations import upgrade
from chassis.testing.principals import PrincipalSigner
from kundenportal_contracts.topics import ALL
from kundenportal_local.databases import ensure_database
from kundenportal_local.ports import HOST
from tests.documents.service import identity as identity_keys
from tests.faults.checker import check
from tests.faults.forks import Forks
from tests.faults.gather import NOTE_WHAT_IS_SAID, gather
from tests.faults.history import History, new_folder
from tests.faults.load import Billing, Mix, hand_over
from tests.faults.outcome import Outcome
from tests.faults.part import Part
from tests.faults.people import tell_first_user
from tests.faults.points import GROUP
from tests.faults.process import Process
from tests.faults.proxy import FaultProxy
from tests.faults.rest import at_rest
from tests.faults.scale import seed as new_seed
from tests.faults.servers import Servers, own_servers
from tests.faults.settings import PREFIX, Ways, database_password, environment_of
from tests.faults.sink import MailSide, Sink
from tests.faults.verdict import Verdict
from tests.fixtures.broker import Broker
from tests.fixtures.embedded import reserved_ports

MODULES = {
    "documents": "tests.faults.mains.documents",
    "notifier": "tests.faults.mains.notifier",
    "identity": "identity.main",
}
CUSTOMERS = tuple(f"K{number:02}" for number in range(12))
LOOK_SECONDS = 0.1


class Stand:
    """Made by `stand`. Everything here runs in the test's event loop, but the services and servers are processes."""

    def __init__(self, servers: Servers, history: History, smtp: MailSide) -> None:
        self.servers, self.history, self.smtp = servers, history, smtp
        self.folder = history.path.parent
        self.services: dict[str, Process] = {}
        self.databases: dict[str, str] = {}
        """The superuser's address of each service's database."""
        self.signer = PrincipalSigner()
        self.customers: Sequence[str] = CUSTOMERS
        self.group_suffix = f"-{next(servers.numbers)}"
        self.billing = Billing(self.bootstrap, history)
        self.kafka, self.postgres, self.s3 = (Part(server, history) for server in servers.each())
        self.smtp_proxy = FaultProxy(smtp.port, servers.spare_ports["smtp"])
        self._routes: dict[str, set[str]] = {}
        self._ports = ExitStack()

    @property
    def bootstrap(self) -> str:
        """The broker itself, past its proxy."""
        return f"{HOST}:{self.servers.kafka.port}"

    @property
    def seed(self) -> int:
        return self.history.seed

    @property
    def superuser_dsn(self) -> str:
        return self.servers.superuser_dsn

    def dsn(self, service: str) -> str:
        """The superuser's address of this service's database, past the proxy."""
        return self.databases[service]

    def bucket(self) -> S3Store:
        """The documents bucket, past the proxy."""
        return S3Store(
            "documents",
            endpoint=f"http://{HOST}:{self.servers.s3.port}",
            access_key_id=self.servers.access_key,
            secret_access_key=self.servers.secret_key,
            region="us-east-1",
            virtual_hosted_style_request=False,
            client_options={"allow_http": True},
        )

    async def sql(self, service: str, statement: str, *values: Any) -> list[asyncpg.Record]:
        """Run a statement as the superuser, who sees every row."""
        connection = await asyncpg.connect(self.dsn(service), ssl=False)
        try:
            return await connection.fetch(statement, *values)
        finally:
            await connection.close()

    async def load(
        self,
        *,
        documents: int,
        per_second: float,
        seed: int | None = None,
        mix: Mix | None = None,
        prefix: str = "R",
        until: asyncio.Event | None = None,
    ) -> None:
        """Billing hands over so many documents, or fewer when `until` is set; returns when the broker has all of them."""
        self.history.happened("load began", documents=documents, per_second=per_second)
        await hand_over(
            self.billing,
            documents=documents,
            per_second=per_second,
            seed=self.seed if seed is None else seed,
            customers=self.customers,
            mix=mix or Mix(),
            prefix=prefix,
            until=until,
        )
        self.history.happened("load ended")

    async def know(self, customers: Sequence[str], *, version: int = 1) -> None:
        """Identity tells of a first user for each of these customers."""
        for customer in customers:
            self.history.acknowledged(await tell_first_user(self.billing, customer, version))

    def route(self, service: str, *parts: str) -> None:
        """Lead this service's ways to these parts (kafka, postgres, s3, smtp) through their proxies, from its next start on."""
        self._routes.setdefault(service, set()).update(parts)
        ways = self.ways(service).settings(service, self.databases[service].rpartition("/")[2])
        self.services[service].environment.update({PREFIX + name: value for name, value in ways.items()})

    def ways(self, service: str) -> Ways:
        """How this service reaches its parts."""
        proxied = frozenset(self._routes.get(service, ()))
        return Ways(self.servers, self.smtp.port, self.smtp_proxy.port, proxied)

    def group(self, service: str) -> str:
        """The consumer group of this service on this stand alone; identity's own main has one name for all."""
        return service if service == "identity" else service + self.group_suffix

    async def another(self, service: str) -> Process:
        """One more process of this service, started: a member of the group like the first, with ports of its own."""
        first = self.services[service]
        name = f"{service}-{sum(each.startswith(service) for each in self.services) + 1}"
        http, management = self._ports.enter_context(reserved_ports(2))
        environment = {
            **first.environment,
            "KUNDENPORTAL_HTTP_PORT": str(http),
            "KUNDENPORTAL_MANAGEMENT_PORT": str(management),
        }
        environment.pop("KUNDENPORTAL_GROUP_INSTANCE_ID", None)
        process = self._process(name, first.forks, environment)
        await process.start()
        return process

    def _process(self, name: str, forks: Forks, environment: Mapping[str, str]) -> Process:
        """Make one; its ends are written into the history."""

        def died(code: int) -> None:
            self.history.happened(f"killed {name}" if code == -signal.SIGKILL else f"ended {name}", code=code)

        self.services[name] = Process(name, forks, environment, self.folder / f"{name}.log", died)
        return self.services[name]

    async def drained(self, seconds: float = 60.0) -> float:
        """Wait until nothing is under way any more; how long it took. Not drained is a finding, not an error."""
        began = asked = time.monotonic()
        while not await at_rest(self):
            now = time.monotonic()
            if now - began > seconds:
                self.history.happened("not drained", after=seconds)
                return now - began
            await asyncio.sleep(max(LOOK_SECONDS, now - asked))  # asking takes no more than half of the processor
            asked = time.monotonic()
        self.history.happened("drained", after=time.monotonic() - began)
        return time.monotonic() - began

    async def close(self) -> None:
        """End every process; the servers are left as they are."""
        await asyncio.gather(*(process.close() for process in self.services.values()))

    async def gather(self) -> Outcome:
        """What came out; kept beside the history."""
        outcome = await gather(self)
        outcome.save(self.folder / "outcome.json")
        return outcome

    async def verdict(self, *, mails: bool) -> Verdict:
        """Gather, check, and print the one line."""
        verdict = check(self.history, await self.gather(), mails=mails)
        print(verdict.line())  # noqa: T201 - what was seen, beside the seed
        return verdict

    async def pools(self) -> dict[str, int]:
        """How many sessions each role has at PostgreSQL, of this stand's databases."""
        rows = await self.sql(
            next(iter(self.databases)),
            "SELECT usename, count(*) AS n FROM pg_stat_activity WHERE datname = ANY($1) AND usename <> 'postgres' GROUP BY 1",
            [dsn.rpartition("/")[2] for dsn in self.databases.values()],
        )
        return {row["usename"]: row["n"] for row in rows}

    async def loop_stall(self, service: str = "documents") -> float:
        """The longest time, in seconds, for which this process's event loop did not go round."""
        return (await self.services[service].metrics())["fault_loop_stall_seconds"]

    async def _open(self, services: Sequence[str], more: Mapping[str, Mapping[str, str]], held: AsyncExitStack) -> None:
        """Servers up, topics empty, databases new, proxies listening, modules imported; nothing runs yet."""
        forks = {service: Forks(self.servers.zygotes, MODULES[service]) for service in services}
        for one in forks.values():
            held.push_async_callback(one.close)
        importing = [asyncio.create_task(one.open()) for one in forks.values()]
        for server in self.servers.each():
            if server.running:
                server.resume()
            await server.start()
        held.enter_context(self._ports)
        identity_url = await held.enter_async_context(identity_keys(self.signer))
        if "identity" in services:
            identity_url = f"http://{HOST}:{self.servers.spare_ports['identity']}"
        for proxy in (self.kafka.proxy, self.postgres.proxy, self.s3.proxy, self.smtp_proxy):
            await held.enter_async_context(proxy)
        await held.enter_async_context(self.billing)
        topics = asyncio.create_task(Broker(self.bootstrap).create_topics(ALL))
        for service in services:
            database = await self._database(service)
            settings = environment_of(service, self.ways(service), database, identity_url, more.get(service, {}))
            self._process(service, forks[service], {**settings, GROUP: self.group_suffix})
        await asyncio.gather(topics, *importing)

    async def _database(self, service: str) -> str:
        """A new one, migrated, that notes everything that is said."""
        name, password = f"{service}{self.group_suffix}".replace("-", "_"), database_password(self.servers, service)
        await ensure_database(self.superuser_dsn, name=name, role=service, password=password)
        await asyncio.to_thread(upgrade, self.servers.dsn(service, password, name), f"{service}.migrations")
        self.databases[service] = self.servers.dsn("postgres", self.servers.password, name)
        for statement in NOTE_WHAT_IS_SAID:
            await self.sql(service, statement)
        return name


@asynccontextmanager
async def stand(
    fault: str,
    *,
    services: Sequence[str] = ("documents", "notifier"),
    servers: Servers | None = None,
    seed: int | None = None,
    smtp: MailSide | None = None,
    environment: Mapping[str, Mapping[str, str]] | None = None,
    routes: Mapping[str, Sequence[str]] | None = None,
    start: bool | Sequence[str] = True,
) -> AsyncIterator[Stand]:
    """A stand with these services, started and ready, all or those named in `start`.

    Without `servers` it starts its own, which takes 3 s longer.
    """
    seed = new_seed() if seed is None else seed
    print(f"{fault} seed {seed}: KUNDENPORTAL_FAULTS_SEED={seed} repeats it")  # noqa: T201 - also where it fails early
    async with AsyncExitStack() as held:
        history = held.enter_context(History(new_folder(fault, seed) / "history.jsonl", fault, seed))
        servers = servers or held.enter_context(own_servers())
        if smtp is None:
            smtp = await held.enter_async_context(Sink())
        made = Stand(servers, history, smtp)
        await made._open(services, environment or {}, held)
        held.push_async_callback(made.close)
        for service, parts in (routes or {}).items():
            made.route(service, *parts)
        first = services if start is True else start or ()
        await asyncio.gather(*(made.services[service].start() for service in first))
        if "notifier" in services:
            await made.know(made.customers)
        history.happened("began")
        yield made
