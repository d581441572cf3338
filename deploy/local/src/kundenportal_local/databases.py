"""A database and a login role for each service, as in production: no superuser, no BYPASSRLS, closed to the others."""

import asyncpg

IDENTIFIER_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789_")


async def ensure_database(superuser_dsn: str, *, name: str, role: str, password: str) -> None:
    """Make the role and its database where they are missing, and set the password. Repeating changes nothing."""
    for word in (name, role):
        if not word or not set(word) <= IDENTIFIER_LETTERS:
            raise ValueError(f"not a plain identifier: {word!r}")
    connection = await asyncpg.connect(superuser_dsn, ssl=False)
    try:
        verb = "ALTER" if await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", role) else "CREATE"
        quoted = await connection.fetchval("SELECT quote_literal($1::text)", password)
        await connection.execute(
            f'{verb} ROLE "{role}" LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE NOREPLICATION PASSWORD {quoted}'
        )
        if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", name):
            await connection.execute(f'CREATE DATABASE "{name}" OWNER "{role}"')
        await connection.execute(f'REVOKE ALL ON DATABASE "{name}" FROM PUBLIC')
    finally:
        await connection.close()
