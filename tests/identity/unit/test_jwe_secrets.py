"""Secrets on their way to the notifier open with its key, whoever else is sealing at the time."""

import asyncio

from joserfc import jwe
from joserfc.jwk import ECKey

from identity.adapters.jwe_secrets import JweSecrets


async def test_secrets_sealed_side_by_side_all_open() -> None:
    """Batches of several partitions seal in threads at once; each secret keeps an ephemeral key of its own."""
    key = ECKey.generate_key("P-256", {"kid": "notifier-1"}, private=True)
    secrets = JweSecrets({**key.as_dict(private=False), "kid": "notifier-1"})
    wished = [[f"password-{batch}-{number}" for number in range(40)] for batch in range(6)]
    sealed = await asyncio.gather(*(secrets.seal(batch) for batch in wished))
    opened = [[(jwe.decrypt_compact(token, key).plaintext or b"").decode() for token in batch] for batch in sealed]
    assert opened == wished
