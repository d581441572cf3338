"""The four services as programs: one process each, with every setting it needs and none of the caller's by accident."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from kundenportal_local.ports import HOST
from kundenportal_local.probes import answers_http
from kundenportal_local.program import Program

WITH_DATABASE = ("identity", "documents", "notifier")
SERVICES = (*WITH_DATABASE, "gateway")
# The supervisor gives services a little longer than they give themselves.
SHUTDOWN_SECONDS = 12


@dataclass(frozen=True)
class Surroundings:
    """What the services are told of the stack around them."""

    ports: Mapping[str, int]
    database_urls: Mapping[str, str]
    kafka_bootstrap: str
    s3_endpoint: str
    s3_access_key: str
    s3_secret_key: str
    s3_region: str
    documents_bucket: str
    intake_bucket: str
    smtp_host: str
    smtp_port: int
    key_encryption_key: str
    notifier_public_key: str
    notifier_private_keys: str

    def url(self, service: str) -> str:
        return f"http://{HOST}:{self.ports[service]}"


def service_program(service: str, around: Surroundings, base: Mapping[str, str], chosen: Mapping[str, str]) -> Program:
    """`kundenportal-<service> serve`; `chosen` are the caller's own settings, which may not move ports or addresses."""
    port = around.ports[service]
    return Program(
        name=service,
        command=(str(Path(sys.executable).with_name(f"kundenportal-{service}")), "serve"),
        environment={**base, **chosen, **_settings(service, around)},
        is_ready=partial(answers_http, port, "/ready", 200),
    )


def _settings(service: str, around: Surroundings) -> dict[str, str]:
    settings = {
        "HTTP_HOST": HOST,
        "HTTP_PORT": str(around.ports[service]),
        "MANAGEMENT_HOST": HOST,
        "MANAGEMENT_PORT": str(around.ports[f"{service}_management"]),
        "SHUTDOWN_SECONDS": str(SHUTDOWN_SECONDS),
        **(_shared(service, around) if service in WITH_DATABASE else {}),
        **_OWN[service](around),
    }
    return {f"KUNDENPORTAL_{name}": value for name, value in settings.items()}


def _shared(service: str, around: Surroundings) -> dict[str, str]:
    return {
        "DATABASE_URL": around.database_urls[service],
        "KAFKA_BOOTSTRAP": around.kafka_bootstrap,
        # Static membership: a killed service is back in its group without a rebalance.
        "GROUP_INSTANCE_ID": f"local-{service}",
    }


def _object_store(around: Surroundings) -> dict[str, str]:
    return {
        "S3_ENDPOINT": around.s3_endpoint,
        "S3_ACCESS_KEY": around.s3_access_key,
        "S3_SECRET_KEY": around.s3_secret_key,
        "S3_REGION": around.s3_region,
        "S3_DOCUMENTS_BUCKET": around.documents_bucket,
    }


def _identity(around: Surroundings) -> dict[str, str]:
    return {"KEY_ENCRYPTION_KEY": around.key_encryption_key, "NOTIFIER_PUBLIC_KEY": around.notifier_public_key}


def _documents(around: Surroundings) -> dict[str, str]:
    return {
        "IDENTITY_URL": around.url("identity"),
        "S3_INTAKE_BUCKET": around.intake_bucket,
        **_object_store(around),
    }


def _notifier(around: Surroundings) -> dict[str, str]:
    return {
        "IDENTITY_URL": around.url("identity"),
        "PUBLIC_URL": around.url("gateway"),
        "SMTP_HOST": around.smtp_host,
        "SMTP_PORT": str(around.smtp_port),
        "NOTIFIER_PRIVATE_KEYS": around.notifier_private_keys,
        **_object_store(around),
    }


def _gateway(around: Surroundings) -> dict[str, str]:
    return {
        "PUBLIC_URL": around.url("gateway"),
        "IDENTITY_URL": around.url("identity"),
        "DOCUMENTS_URL": around.url("documents"),
        "NOTIFIER_URL": around.url("notifier"),
    }


_OWN = {"identity": _identity, "documents": _documents, "notifier": _notifier, "gateway": _gateway}
