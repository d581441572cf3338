"""The keys that sign principals: in a table, the private part encrypted with a key that the database never sees."""

import json
from typing import Any
from uuid import uuid4

from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import OctKey, OKPKey
from sqlalchemy import Row, insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.clock import Clock
from identity.adapters.tables import signing_key
from identity.ports import CannotStart

ENCRYPTION = {"alg": "dir", "enc": "A256GCM"}
ALGORITHMS = ["dir", "A256GCM"]
LOCK = text("SELECT pg_advisory_xact_lock(hashtext('identity.signing_key'))")


class KeyEncryptionKeyWrong(CannotStart):
    """The signing keys cannot be read, and no others may be made in their place."""

    def __init__(self, kid: str) -> None:
        super().__init__(
            f"KUNDENPORTAL_KEY_ENCRYPTION_KEY does not open signing key {kid}: "
            "set the key that this database was first started with"
        )


class TablesMissing(CannotStart):
    def __init__(self) -> None:
        super().__init__("the database has no tables of identity yet: run `kundenportal-identity migrate`")


async def load_signing_keys(conn: AsyncConnection, *, key_encryption_key: bytes, clock: Clock) -> list[OKPKey]:
    """Read the keys, newest first; whoever comes first makes one, and everybody else waits for it."""
    if not await conn.scalar(text("SELECT to_regclass('signing_key') IS NOT NULL")):
        raise TablesMissing
    wrapping = OctKey.import_key(key_encryption_key)
    await conn.execute(LOCK)
    rows = (await conn.execute(select(signing_key).order_by(signing_key.c.created_at.desc()))).all()
    if rows:
        return [_open(row, wrapping) for row in rows]
    key = OKPKey.generate_key("Ed25519", {"kid": str(uuid4())})
    private = json.dumps(key.as_dict(private=True)).encode()
    await conn.execute(
        insert(signing_key).values(
            kid=key.kid,
            public_jwk=key.as_dict(private=False),
            private_jwe=jwe.encrypt_compact({**ENCRYPTION, "kid": key.kid}, private, wrapping, algorithms=ALGORITHMS),
            created_at=clock.now(),
        )
    )
    return [key]


def _open(row: Row[Any], wrapping: OctKey) -> OKPKey:
    try:
        opened = jwe.decrypt_compact(row.private_jwe, wrapping, algorithms=ALGORITHMS)
        return OKPKey.import_key(json.loads(opened.plaintext or b"{}"))
    except (JoseError, ValueError):
        raise KeyEncryptionKeyWrong(row.kid) from None
