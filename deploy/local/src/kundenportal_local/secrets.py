"""Keys and passwords of one local stack, drawn once and kept in `.local/secrets.json` (mode 0600)."""

import base64
import json
import os
import secrets
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec

from kundenportal_local.errors import LocalTroubleError

KEY_BYTES = 32


@dataclass(frozen=True)
class Secrets:
    """What the stack's parts know of each other and nobody else does."""

    postgres_password: str
    identity_database_password: str
    documents_database_password: str
    notifier_database_password: str
    s3_access_key: str
    s3_secret_key: str
    key_encryption_key: str  # base64, 32 bytes
    notifier_private_key: str  # JWK as JSON: EC P-256 with kid

    @property
    def notifier_public_key(self) -> str:
        """The public half as JWK JSON, for who writes to the notifier."""
        key = json.loads(self.notifier_private_key)
        key.pop("d")
        return json.dumps(key)

    @property
    def notifier_private_keys(self) -> str:
        """The private key as a JWK set, the form in which the notifier takes one or two."""
        return json.dumps({"keys": [json.loads(self.notifier_private_key)]})

    def database_password(self, service: str) -> str:
        password: str = getattr(self, f"{service}_database_password")
        return password


def draw() -> Secrets:
    """Fresh secrets from the system's generator."""
    return Secrets(
        postgres_password=secrets.token_hex(16),
        identity_database_password=secrets.token_hex(16),
        documents_database_password=secrets.token_hex(16),
        notifier_database_password=secrets.token_hex(16),
        s3_access_key=secrets.token_hex(10).upper(),
        s3_secret_key=secrets.token_hex(20),
        key_encryption_key=base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode(),
        notifier_private_key=json.dumps(_p256_key("local-1")),
    )


def keep(path: Path, *, data_exists: bool) -> Secrets:
    """Read the secrets, or draw and store them; existing data without its secrets is refused, as nothing could read it."""
    if path.exists():
        return _read(path)
    if data_exists:
        raise LocalTroubleError(
            f"{path} is missing, but the data beside it was made with it. Put the file back, or remove the data with `make clean`."
        )
    drawn = draw()
    temporary = path.with_suffix(".tmp")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(asdict(drawn), file, indent=2)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    return drawn


def _read(path: Path) -> Secrets:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        found = Secrets(**{field.name: str(content[field.name]) for field in fields(Secrets)})
        sound = bool(found.notifier_public_key) and all(asdict(found).values()) and _is_key(found.key_encryption_key)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        sound = False
    if not sound:
        raise LocalTroubleError(
            f"{path} is damaged, so the data beside it cannot be opened. Put a good copy back, or remove the data with `make clean`."
        )
    return found


def _is_key(text: str) -> bool:
    return len(base64.b64decode(text, validate=True)) == KEY_BYTES


def _p256_key(kid: str) -> dict[str, str]:
    numbers = ec.generate_private_key(ec.SECP256R1()).private_numbers()
    public = numbers.public_numbers
    return {
        "kty": "EC",
        "crv": "P-256",
        "kid": kid,
        "use": "enc",
        "alg": "ECDH-ES",
        "x": _base64url(public.x),
        "y": _base64url(public.y),
        "d": _base64url(numbers.private_value),
    }


def _base64url(number: int) -> str:
    return base64.urlsafe_b64encode(number.to_bytes(KEY_BYTES, "big")).rstrip(b"=").decode()
