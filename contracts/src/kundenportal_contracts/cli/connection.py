"""Where a command hands over to: a local stack's file, or the environment."""

import json
import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from kundenportal_contracts.publish import BillingPublisher, S3Target

LOCAL_SOURCE = "billing/sap-1"
PREFIX = "KUNDENPORTAL_"
S3_NAMES = ("S3_ENDPOINT", "S3_INTAKE_BUCKET", "S3_ACCESS_KEY", "S3_SECRET_KEY")
TLS_NAMES = ("KAFKA_CA_FILE", "KAFKA_CERT_FILE", "KAFKA_KEY_FILE")
UNUSABLE = 2

StackOption = Annotated[
    Path | None,
    typer.Option("--stack", metavar="FILE", help="The file of a running local stack, .local/stack.json."),
]
console = Console(highlight=False, markup=False, soft_wrap=True)
errors = Console(highlight=False, markup=False, soft_wrap=True, stderr=True)


class ConnectionUnknown(Exception):
    """What is configured does not say where to hand over; one sentence for each thing that is wrong."""


@dataclass(frozen=True, slots=True)
class Connection:
    bootstrap: str
    source: str
    s3: S3Target | None
    ssl: ssl.SSLContext | None

    def publisher(self) -> BillingPublisher:
        return BillingPublisher(self.bootstrap, self.source, self.s3, self.ssl)


def connection(stack: Path | None, environ: Mapping[str, str] = os.environ) -> Connection:
    """Read the stack's file where one is named, else the environment; ConnectionUnknown names all that is missing."""
    values = _values(environ)
    if stack is not None:
        values = {"BILLING_SOURCE": LOCAL_SOURCE} | values | _stack_values(stack)
    missing = [name for name in ("KAFKA_BOOTSTRAP", "BILLING_SOURCE") if name not in values]
    given = [name for name in S3_NAMES if name in values]
    missing += [name for name in S3_NAMES if given and name not in values]
    if missing:
        raise ConnectionUnknown(
            "not set: " + ", ".join(PREFIX + name for name in missing) + " (or name a local stack: --stack FILE)"
        )
    return Connection(values["KAFKA_BOOTSTRAP"], values["BILLING_SOURCE"], _s3(values), _tls(values))


def encryption(environ: Mapping[str, str] = os.environ) -> ssl.SSLContext | None:
    """Read the files for TLS to the broker; None where none is named, ConnectionUnknown where one cannot be used."""
    return _tls(_values(environ))


def _values(environ: Mapping[str, str]) -> dict[str, str]:
    return {name.removeprefix(PREFIX): value for name, value in environ.items() if name.startswith(PREFIX) and value}


def _stack_values(stack: Path) -> dict[str, str]:
    names = {name: name.lower() for name in ("KAFKA_BOOTSTRAP", *S3_NAMES)}
    try:
        told = json.loads(stack.read_text(encoding="utf-8"))
        return {name: str(told[key]) for name, key in names.items()}
    except FileNotFoundError:
        raise ConnectionUnknown(f"{stack} is not there: does the local stack run?") from None
    except (OSError, ValueError, KeyError, TypeError):
        raise ConnectionUnknown(f"{stack} is not the file of a local stack") from None


def _s3(values: Mapping[str, str]) -> S3Target | None:
    if "S3_ENDPOINT" not in values:
        return None
    return S3Target(
        endpoint=values["S3_ENDPOINT"],
        bucket=values["S3_INTAKE_BUCKET"],
        access_key=values["S3_ACCESS_KEY"],
        secret_key=values["S3_SECRET_KEY"],
        region=values.get("S3_REGION", "us-east-1"),
    )


def _tls(values: Mapping[str, str]) -> ssl.SSLContext | None:
    authority, certificate, key = (values.get(name) for name in TLS_NAMES)
    if not (authority or certificate):
        return None
    try:
        context = ssl.create_default_context(cafile=authority)
        if certificate:
            context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise ConnectionUnknown(f"the files of KUNDENPORTAL_KAFKA_*_FILE cannot be used: {error}") from None
    return context
