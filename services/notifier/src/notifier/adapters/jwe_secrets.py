"""Opens the secrets that identity sends: JWE with ECDH-ES and A256GCM, to one of at most two keys of ours."""

import json

from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from notifier.ports import SecretUnreadable

ALGORITHMS = ["ECDH-ES", "A256GCM"]


class JweSecrets:
    def __init__(self, key_set: str) -> None:
        """`key_set` is a JWK set with private parts; each secret names its key by kid."""
        self._keys = KeySet.import_key_set(json.loads(key_set))

    def open(self, secret: str) -> str:
        try:
            return (jwe.decrypt_compact(secret, self._keys, algorithms=ALGORITHMS).plaintext or b"").decode("utf-8")
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise SecretUnreadable(type(error).__name__) from None
