"""Every variable that identity reads, `KUNDENPORTAL_` before each name."""

import json
from pathlib import Path
from typing import Annotated, Any

from joserfc.errors import JoseError
from joserfc.jwk import ECKey
from pydantic import BeforeValidator, Field

from chassis.settings import CommaList, DatabaseSettings, KafkaSettings, SecretKey, ServiceSettings


def _public_key(value: object) -> object:
    """Take the JWK of an EC P-256 public key with its kid; a private one has no business here."""
    if not isinstance(value, str):
        return value
    try:
        fields = json.loads(value)
        key = ECKey.import_key(fields)
    except (ValueError, TypeError, KeyError, JoseError):
        raise ValueError("must be a JWK in JSON, of an EC P-256 public key") from None
    if key.is_private:
        raise ValueError("must be the public key; this is the private one")
    if key.curve_name != "P-256" or not key.kid:
        raise ValueError("must be the JWK of an EC P-256 key, with a kid")
    return fields


PublicKey = Annotated[dict[str, Any], BeforeValidator(_public_key)]


class IdentitySettings(ServiceSettings, DatabaseSettings, KafkaSettings):
    billing_sources: CommaList = ("billing/*",)
    key_encryption_key: Annotated[SecretKey, Field(description="encrypts the signing keys in the database")]
    notifier_public_key: Annotated[PublicKey, Field(description="encrypts secrets for mails")]
    privacy_notices_dir: Path | None = None
