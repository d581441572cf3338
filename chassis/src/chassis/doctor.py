"""Looks at everything a service needs before or while it runs, and says in a table what is wrong with it.

Each check has its own time limit and they run side by side, so that one dead dependency hides no other.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

import httpx2
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.database import Database
from chassis.messaging.clients import partitions_of
from chassis.migrations import current_revision, newest_revision
from chassis.principal import JWKS_PATH
from chassis.principal.remote_jwks import read_keys
from chassis.redaction import redact_text
from chassis.settings import DatabaseSettings, KafkaSettings, ObjectStoreSettings, PrincipalSettings, Settings
from kundenportal_contracts.topics import Topic

LIMIT_SECONDS = 5.0
# Left for other services, migrations and people.
RESERVED_CONNECTIONS = 10

Examination = Callable[[], Awaitable[str]]


class Unwell(Exception):
    """A finding that needs a person; its text says what to do."""


@dataclass(frozen=True, slots=True)
class Finding:
    name: str
    well: bool
    detail: str


async def examine(examinations: Mapping[str, Examination]) -> list[Finding]:
    """Run all at the same time; the findings come in the order of the names given."""
    return await asyncio.gather(*(_examine(name, look) for name, look in examinations.items()))


async def _examine(name: str, look: Examination) -> Finding:
    try:
        async with asyncio.timeout(LIMIT_SECONDS):
            return Finding(name, well=True, detail=await look())
    except TimeoutError:
        detail = f"no answer within {LIMIT_SECONDS:g} s"
    except Unwell as error:
        detail = str(error)
    except Exception as error:  # noqa: BLE001 - whatever it is belongs into the table
        detail = f"{type(error).__name__}: {str(error) or type(error.__cause__).__name__}"
    return Finding(name, well=False, detail=redact_text(detail))


def examinations(settings: Settings, migrations_package: str | None, topics: Sequence[Topic]) -> dict[str, Examination]:
    """Choose what to look at by what the settings name: database and migrations, bus and topics, store, identity."""
    found: dict[str, Examination] = {}
    if isinstance(settings, DatabaseSettings):
        found["database"] = lambda: _in_database(settings, _database(settings.database_pool_size))
        if migrations_package is not None:
            found["migrations"] = lambda: _in_database(settings, _migrations(migrations_package))
    if isinstance(settings, KafkaSettings):
        found["topics"] = lambda: _topics(settings, topics)
    if isinstance(settings, ObjectStoreSettings):
        found["store"] = lambda: _store(settings)
    if isinstance(settings, PrincipalSettings):
        found["identity"] = lambda: _identity(settings)
    return found


async def _in_database(settings: DatabaseSettings, look: Callable[[AsyncConnection], Awaitable[str]]) -> str:
    database = Database(settings.database_url, pool_size=1, application_name="doctor")
    try:
        async with database.service_transaction() as connection:
            return await look(connection)
    finally:
        with suppress(Exception):
            await database.close()


def _database(pool_size: int) -> Callable[[AsyncConnection], Awaitable[str]]:
    async def look(connection: AsyncConnection) -> str:
        role = (
            await connection.execute(
                text(
                    "SELECT rolname, rolsuper OR rolbypassrls AS passes_policies, current_setting('server_version') AS version,"
                    " current_setting('max_connections')::int AS allowed FROM pg_roles WHERE rolname = current_user"
                )
            )
        ).one()
        if role.passes_policies:
            raise Unwell(f"role {role.rolname} passes row-level security by: make it NOSUPERUSER NOBYPASSRLS")
        if pool_size > role.allowed - RESERVED_CONNECTIONS:
            raise Unwell(f"a pool of {pool_size} is too large for {role.allowed} connections")
        return f"PostgreSQL {role.version} as {role.rolname}, pool of {pool_size}, {role.allowed} connections at most"

    return look


def _migrations(package: str) -> Callable[[AsyncConnection], Awaitable[str]]:
    async def look(connection: AsyncConnection) -> str:
        current, newest = await current_revision(connection), newest_revision(package)
        if current != newest:
            raise Unwell(f"at {current or 'nothing'}, the code expects {newest}: run `migrate`")
        return f"at {current}"

    return look


async def _topics(settings: KafkaSettings, topics: Sequence[Topic]) -> str:
    partitions = await partitions_of(settings, [topic.name for topic in topics], seconds=LIMIT_SECONDS - 1)
    faults = [
        f"{topic.name} {f'has {has} partitions, not {topic.partitions}' if has else 'is missing'}"
        for topic in topics
        if (has := partitions.get(topic.name, 0)) != topic.partitions
    ]
    if faults:
        raise Unwell(f"{', '.join(faults)}: run `kundenportal-contracts topics --apply`")
    return f"{len(topics)} topics as agreed" if topics else "the broker answers"


async def _store(settings: ObjectStoreSettings) -> str:
    """Ask without credentials: 403 says that the bucket is there and closed, as it should be."""
    address = f"{settings.s3_endpoint}/{settings.s3_documents_bucket}"
    async with httpx2.AsyncClient(timeout=LIMIT_SECONDS) as client:
        answer = await client.head(address)
    if answer.status_code == httpx2.codes.NOT_FOUND:
        raise Unwell(f"there is no bucket {settings.s3_documents_bucket}")
    if answer.is_server_error:
        raise Unwell(f"answers {answer.status_code}")
    return f"answers {answer.status_code}"


async def _identity(settings: PrincipalSettings) -> str:
    async with httpx2.AsyncClient(timeout=LIMIT_SECONDS) as client:
        answer = await client.get(settings.identity_url + JWKS_PATH)
    if answer.status_code != httpx2.codes.OK:
        raise Unwell(f"answers {answer.status_code}")
    return f"publishes {len(read_keys(answer.content))} keys"
