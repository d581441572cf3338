"""The keys that sign principals: made once, readable with the right key alone."""

import asyncio

import pytest

from chassis.database import Database
from chassis.testing.frozen_clock import FrozenClock
from identity.adapters.postgres_signing_keys import KeyEncryptionKeyWrong, load_signing_keys

pytestmark = pytest.mark.integration

RIGHT, WRONG = bytes(range(32)), bytes(32)


async def load(database: Database, key: bytes = RIGHT) -> list[str | None]:
    async with database.service_transaction() as conn:
        loaded = await load_signing_keys(conn, key_encryption_key=key, clock=FrozenClock())
    assert all(one.is_private for one in loaded)
    return [one.kid for one in loaded]


async def test_the_first_start_makes_a_key_and_later_ones_read_it(database: Database) -> None:
    """Every process signs with the same key."""
    first = await load(database)
    assert await load(database) == first


async def test_processes_that_start_together_make_one_key(database: Database) -> None:
    """Who comes second waits and reads."""
    assert len({str(kids) for kids in await asyncio.gather(*(load(database) for _ in range(5)))}) == 1


async def test_a_wrong_encryption_key_is_told(database: Database) -> None:
    """The service does not start with it, and makes no other key in its place."""
    kids = await load(database)
    with pytest.raises(KeyEncryptionKeyWrong, match="KUNDENPORTAL_KEY_ENCRYPTION_KEY does not open"):
        await load(database, WRONG)
    assert await load(database) == kids


async def test_the_private_key_is_not_in_the_table(database: Database) -> None:
    """What is stored is encrypted, the public part has no private member."""
    await load(database)
    async with database.service_transaction() as conn:
        row = (await conn.exec_driver_sql("SELECT public_jwk, private_jwe FROM signing_key")).one()
    assert "d" not in row.public_jwk
    assert row.private_jwe.count(".") == 4
