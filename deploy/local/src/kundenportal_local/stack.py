"""The local stack's wiring: which parts there are, where each listens, what stack.json says about them."""

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from kundenportal_local.environment import base_environment, network, passed_on
from kundenportal_local.errors import LocalTroubleError
from kundenportal_local.jars import read_list
from kundenportal_local.kafka import Kafka
from kundenportal_local.layout import Layout
from kundenportal_local.mail_program import Mail
from kundenportal_local.ports import HOST
from kundenportal_local.postgres import Postgres
from kundenportal_local.program import Program
from kundenportal_local.s3 import REGION, S3
from kundenportal_local.secrets import Secrets
from kundenportal_local.services import WITH_DATABASE, Surroundings, service_program

DOCUMENTS_BUCKET = "kundenportal-documents"
INTAKE_BUCKET = "kundenportal-intake"
OIDC_CLIENT_ID = "secanim-plus"


@dataclass(frozen=True)
class Stack:
    """One stack: its folder, its secrets, its ports, and the caller's environment."""

    layout: Layout
    secrets: Secrets
    ports: Mapping[str, int]
    environ: Mapping[str, str]

    @cached_property
    def base(self) -> dict[str, str]:
        return base_environment(self.environ)

    @property
    def jars_folder(self) -> Path:
        return self.layout.cache / "kafka"

    @cached_property
    def kafka(self) -> Kafka:
        return Kafka(
            jars=[self.jars_folder / jar.file_name for jar in read_list()],
            data=self.layout.data / "kafka",
            port=self.ports["kafka"],
            controller_port=self.ports["kafka_controller"],
            aot_cache=self.jars_folder / "kafka.aot",
        )

    @cached_property
    def postgres(self) -> Postgres:
        return Postgres(self.layout.data / "postgres", self.ports["postgres"], self.secrets.postgres_password)

    @cached_property
    def s3(self) -> S3:
        keys = self.secrets.s3_access_key, self.secrets.s3_secret_key
        return S3(self.layout.data / "s3", self.ports["s3"], *keys, buckets=(DOCUMENTS_BUCKET, INTAKE_BUCKET))

    @cached_property
    def mail(self) -> Mail:
        return Mail(self.layout.mailbox, self.ports["smtp"], self.ports["mailbox"])

    @cached_property
    def mail_server(self) -> tuple[str, int]:
        """Where the portal sends its mails: the local server, or the one the caller names."""
        host, port = self.environ.get("KUNDENPORTAL_SMTP_HOST", ""), self.environ.get("KUNDENPORTAL_SMTP_PORT", "")
        if port and not (port.isdecimal() and 0 < int(port) < 65536):  # noqa: PLR2004  the highest TCP port is known
            raise LocalTroubleError(f"KUNDENPORTAL_SMTP_PORT={port} is no port. Name one between 1 and 65535.")
        if not host and not port:
            return HOST, self.ports["smtp"]
        return host or HOST, int(port or 25)

    @property
    def mails_arrive_here(self) -> bool:
        return self.mail_server == (HOST, self.ports["smtp"])

    def database_url(self, service: str) -> str:
        return self.postgres.dsn(service, self.secrets.database_password(service), service)

    @cached_property
    def surroundings(self) -> Surroundings:
        smtp_host, smtp_port = self.mail_server
        return Surroundings(
            ports=self.ports,
            database_urls={service: self.database_url(service) for service in WITH_DATABASE},
            kafka_bootstrap=self.kafka.bootstrap,
            s3_endpoint=self.s3.endpoint,
            s3_access_key=self.s3.access_key,
            s3_secret_key=self.s3.secret_key,
            s3_region=REGION,
            documents_bucket=DOCUMENTS_BUCKET,
            intake_bucket=INTAKE_BUCKET,
            smtp_host=smtp_host,
            smtp_port=smtp_port,
            key_encryption_key=self.secrets.key_encryption_key,
            notifier_public_key=self.secrets.notifier_public_key,
            notifier_private_keys=self.secrets.notifier_private_keys,
        )

    def service(self, name: str) -> Program:
        return service_program(name, self.surroundings, self.base, passed_on(self.environ))

    def module(self, name: str, *arguments: str, **environment: str) -> Program:
        """A module of this package that does one thing and ends."""
        command = (sys.executable, "-m", f"kundenportal_local.{name}", *arguments)
        return Program(name=name, command=command, environment={**self.base, **environment})

    def download(self) -> Program:
        return self.module("fetch", str(self.jars_folder), **network(self.environ))

    def migrations(self) -> Program:
        return self.module("migrate", DATABASES=json.dumps(self.surroundings.database_urls))

    def describe(self, processes: Mapping[str, int]) -> dict[str, Any]:
        """What stack.json says."""
        smtp_host, smtp_port = self.mail_server
        return {
            "gateway_url": self.surroundings.url("gateway"),
            "kafka_bootstrap": self.kafka.bootstrap,
            "s3_endpoint": self.s3.endpoint,
            "s3_access_key": self.s3.access_key,
            "s3_secret_key": self.s3.secret_key,
            "s3_intake_bucket": INTAKE_BUCKET,
            "s3_documents_bucket": DOCUMENTS_BUCKET,
            "postgres_dsn": self.postgres.superuser_dsn,
            "smtp_host": smtp_host,
            "smtp_port": smtp_port,
            "mailbox_dir": str(self.layout.mailbox),
            "mailbox_url": self.mail.page_url,
            "oidc_client_id": OIDC_CLIENT_ID,
            "processes": dict(processes),
        }

    def write_stack_file(self, processes: Mapping[str, int]) -> None:
        """Replace stack.json as a whole; its secrets are for this user alone."""
        temporary = self.layout.stack_file.with_suffix(".json.new")
        temporary.unlink(missing_ok=True)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(self.describe(processes), file, indent=2)
        temporary.replace(self.layout.stack_file)
