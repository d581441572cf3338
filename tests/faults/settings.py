"""The environment of each service on a stand: the real variables, all of them, and nothing of the caller's."""

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

from joserfc.jwk import ECKey

from kundenportal_local.ports import HOST
from tests.faults.servers import Servers
from tests.notifier.service import KEY, key_set

PREFIX = "KUNDENPORTAL_"


@dataclass(frozen=True, slots=True)
class Ways:
    """Where a service finds what it needs; each way leads through the proxy where `proxied` names the part."""

    servers: Servers
    smtp_port: int
    smtp_proxy_port: int
    proxied: frozenset[str] = frozenset()

    def settings(self, service: str, database: str) -> dict[str, str]:
        """The variables that say so, without prefix."""
        servers = self.servers
        kafka = servers.kafka.proxy_port if "kafka" in self.proxied else servers.kafka.port
        store = servers.s3.proxy_port if "s3" in self.proxied else servers.s3.port
        found = {
            "DATABASE_URL": servers.dsn(
                service, database_password(servers, service), database, proxied="postgres" in self.proxied
            ),
            "KAFKA_BOOTSTRAP": f"{HOST}:{kafka}",
        }
        if service in {"documents", "notifier"}:
            found["S3_ENDPOINT"] = f"http://{HOST}:{store}"
        if service == "notifier":
            found["SMTP_PORT"] = str(self.smtp_proxy_port if "smtp" in self.proxied else self.smtp_port)
        return found


def database_password(servers: Servers, service: str) -> str:
    """One role for each service and server, whatever its databases."""
    return hashlib.sha256(f"{servers.password}/{service}".encode()).hexdigest()[:16]


def environment_of(
    service: str, ways: Ways, database: str, identity_url: str, more: Mapping[str, str]
) -> dict[str, str]:
    """All settings of one service; `more` replaces or adds by full name."""
    servers = ways.servers
    common = {
        "HTTP_HOST": HOST,
        "HTTP_PORT": str(servers.spare_ports[service]),
        "MANAGEMENT_HOST": HOST,
        "MANAGEMENT_PORT": str(servers.spare_ports[f"{service}_management"]),
        "GROUP_INSTANCE_ID": f"{service}-1",
    }
    store = {
        "IDENTITY_URL": identity_url,
        "S3_ACCESS_KEY": servers.access_key,
        "S3_SECRET_KEY": servers.secret_key,
        "S3_DOCUMENTS_BUCKET": "documents",
    }
    own = {
        "documents": {**store, "S3_INTAKE_BUCKET": "intake"},
        "notifier": {
            **store,
            "PUBLIC_URL": "http://127.0.0.1:8080",
            "SMTP_HOST": HOST,
            "NOTIFIER_PRIVATE_KEYS": key_set(),
        },
        "identity": {
            "KEY_ENCRYPTION_KEY": base64.b64encode(hashlib.sha256(servers.password.encode()).digest()).decode(),
            "NOTIFIER_PUBLIC_KEY": _public(KEY),
        },
    }
    told = {**common, **own[service], **ways.settings(service, database)}
    return {**{PREFIX + name: value for name, value in told.items()}, **more}


def _public(key: ECKey) -> str:
    return json.dumps(key.as_dict(private=False))
