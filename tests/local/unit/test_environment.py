"""What the services are told, and what stack.json tells."""

import json
from pathlib import Path

import pytest

from kundenportal_local.errors import LocalTroubleError
from kundenportal_local.layout import Layout
from kundenportal_local.ports import USUAL
from kundenportal_local.program import LOG_BYTES, bound_log
from kundenportal_local.secrets import draw
from kundenportal_local.services import SERVICES
from kundenportal_local.stack import Stack

NAMED_BY_INTERFACES = {
    "gateway_url", "kafka_bootstrap", "s3_endpoint", "s3_access_key", "s3_secret_key", "s3_intake_bucket",
    "s3_documents_bucket", "postgres_dsn", "smtp_host", "smtp_port", "mailbox_dir", "mailbox_url", "oidc_client_id",
    "processes",
}  # fmt: skip


def stack(folder: Path, **environ: str) -> Stack:
    return Stack(Layout(folder, folder / "cache"), draw(), USUAL, {"PATH": "/bin", **environ})


def test_a_callers_settings_stay_outside(tmp_path: Path) -> None:
    """A port or an address in the caller's shell does not change where the stack's services listen and connect."""
    made = stack(tmp_path, KUNDENPORTAL_HTTP_PORT="1", KUNDENPORTAL_DATABASE_URL="x", KUNDENPORTAL_ROLE="y")
    environment = made.service("identity").environment
    assert environment["KUNDENPORTAL_HTTP_PORT"] == str(USUAL["identity"])
    assert environment["KUNDENPORTAL_DATABASE_URL"].endswith("/identity")
    assert "KUNDENPORTAL_ROLE" not in environment


def test_the_callers_tools_stay_outside(tmp_path: Path) -> None:
    """Proxies and options of interpreters reach no program: all traffic is on this machine."""
    made = stack(tmp_path, HTTP_PROXY="x", PYTHONPATH="x", JAVA_TOOL_OPTIONS="x", PGHOST="x")
    for environment in (made.base, made.service("gateway").environment):
        assert not {"HTTP_PROXY", "PYTHONPATH", "JAVA_TOOL_OPTIONS", "PGHOST"} & set(environment)


def test_meant_settings_reach_the_services(tmp_path: Path) -> None:
    """The brand and the log level are the caller's to choose."""
    made = stack(
        tmp_path, KUNDENPORTAL_BRAND_NAME="Hofportal", KUNDENPORTAL_LOG_LEVEL="debug", KUNDENPORTAL_BRAND_PHONE=""
    )
    environment = made.service("gateway").environment
    assert environment["KUNDENPORTAL_BRAND_NAME"] == "Hofportal"
    assert environment["KUNDENPORTAL_LOG_LEVEL"] == "debug"
    assert "KUNDENPORTAL_BRAND_PHONE" not in environment


def test_only_the_notifier_can_open_what_is_sealed(tmp_path: Path) -> None:
    """The private key is the notifier's alone; identity knows the public half."""
    made = stack(tmp_path)
    who = [name for name in SERVICES if "KUNDENPORTAL_NOTIFIER_PRIVATE_KEYS" in made.service(name).environment]
    assert who == ["notifier"]
    assert "d" not in json.loads(made.service("identity").environment["KUNDENPORTAL_NOTIFIER_PUBLIC_KEY"])


def test_stack_json_has_every_name(tmp_path: Path) -> None:
    """Every name that others rely on is there, and the file is for its owner alone."""
    made = stack(tmp_path)
    made.write_stack_file({"kafka": 1})
    told = json.loads(made.layout.stack_file.read_text())
    assert set(told) == NAMED_BY_INTERFACES
    assert told["postgres_dsn"].startswith("postgresql://postgres:")
    assert made.layout.stack_file.stat().st_mode & 0o777 == 0o600


def test_another_mail_server_is_told(tmp_path: Path) -> None:
    """With KUNDENPORTAL_SMTP_HOST and _PORT the notifier sends there, and stack.json says so."""
    made = stack(tmp_path, KUNDENPORTAL_SMTP_HOST="127.0.0.2", KUNDENPORTAL_SMTP_PORT="2525")
    assert made.service("notifier").environment["KUNDENPORTAL_SMTP_PORT"] == "2525"
    assert (made.describe({})["smtp_host"], made.describe({})["smtp_port"]) == ("127.0.0.2", 2525)
    assert not made.mails_arrive_here


@pytest.mark.parametrize("port", ["x", "0", "70000", "-1"])
def test_a_wrong_mail_port_is_told(tmp_path: Path, port: str) -> None:
    """A port that is none is named in a sentence."""
    with pytest.raises(LocalTroubleError, match="KUNDENPORTAL_SMTP_PORT"):
        stack(tmp_path, KUNDENPORTAL_SMTP_PORT=port).describe({})


def test_a_log_is_bounded(tmp_path: Path) -> None:
    """A log over its size moves to one older piece, and its writer goes on at the beginning."""
    log = tmp_path / "identity.log"
    with log.open("ab") as writer:
        writer.write(b"x" * (LOG_BYTES + 1))
        writer.flush()
        bound_log(log)
        writer.write(b"next")
    assert log.read_bytes() == b"next"
    assert (tmp_path / "identity.log.1").stat().st_size == LOG_BYTES + 1
