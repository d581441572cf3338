"""Opens the secrets that identity sends: JWE with ECDH-ES and A256GCM, to one of at most two keys of ours."""

import json

from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from notifier.ports import SecretUnreadable

ALGORITHMS = ["ECDH-ES", "A256GCM"]
MOST_KEYS = 2  # the one in use and, during a rotation, its predecessor


class JweSecrets:
    def __init__(self, keys: KeySet) -> None:
        self._keys = keys

    def open(self, secret: str) -> str:
        try:
            return (jwe.decrypt_compact(secret, self._keys, algorithms=ALGORITHMS).plaintext or b"").decode("utf-8")
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise SecretUnreadable(type(error).__name__) from None


def read_keys(text: str) -> KeySet:
    """Read a JWK set of one or two private keys; ValueError says what is wrong without showing any of it."""
    try:
        keys = KeySet.import_key_set(json.loads(text))
        fit = all(key.is_private and key.key_type == "EC" and key.kid for key in keys.keys)
    except (JoseError, ValueError, TypeError, KeyError, AttributeError):
        raise ValueError('must be a JWK set: {"keys": [...]}') from None
    if not fit or not 1 <= len(keys.keys) <= MOST_KEYS:
        raise ValueError("must hold one or two private EC keys, each with a kid")
    return keys
