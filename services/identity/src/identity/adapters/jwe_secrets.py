"""Secrets for mails, encrypted to the notifier's public key (JWE, ECDH-ES with A256GCM) before they touch a table or the bus."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from joserfc import jwe
from joserfc.jwk import ECKey


class JweSecrets:
    def __init__(self, public_key: Mapping[str, Any]) -> None:
        self._key = ECKey.import_key(dict(public_key))
        self._header = {"alg": "ECDH-ES", "enc": "A256GCM", "kid": public_key["kid"]}

    async def seal(self, secrets: Sequence[str]) -> Sequence[str]:
        """Encrypt beside the event loop, as a batch of many customers takes a while."""
        return await asyncio.to_thread(lambda: [self._seal(secret) for secret in secrets])

    def _seal(self, secret: str) -> str:
        header = dict(
            self._header
        )  # joserfc writes the ephemeral key into it; shared by two threads it would be swapped
        return jwe.encrypt_compact(header, secret.encode(), self._key, algorithms=["ECDH-ES", "A256GCM"])
