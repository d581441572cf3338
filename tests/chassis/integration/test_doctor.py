"""The command line of a service beside a real database, broker and store: what it says and with which exit code."""

import os
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from chassis.cli import service_cli
from chassis.settings import DatabaseSettings, KafkaSettings, ObjectStoreSettings, ServiceSettings
from kundenportal_contracts.topics import BILLING_DOCUMENTS, Topic
from tests.fixtures.broker import Broker
from tests.fixtures.object_store import ObjectStore
from tests.fixtures.postgres import PostgresServer

pytestmark = pytest.mark.integration

PACKAGE = "doctored_migrations"
ENV = "from chassis.migrations import run_env\nfrom sqlalchemy import MetaData\nrun_env(MetaData())\n"
FIRST = 'revision, down_revision = "first", None\ndef upgrade():\n    pass\n'


class Everything(ServiceSettings, DatabaseSettings, KafkaSettings, ObjectStoreSettings):
    pass


async def serve() -> int:
    raise AssertionError("must not run")


async def bad() -> str:
    raise LookupError("token=geheim expired")


async def fine() -> str:
    return "on their way"


@pytest.fixture
def environ(
    postgres: PostgresServer, broker: Broker, object_store: ObjectStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> dict[str, str]:
    """What a service with everything is given."""
    versions = tmp_path / PACKAGE / "versions"
    versions.mkdir(parents=True)
    (tmp_path / PACKAGE / "__init__.py").touch()
    (tmp_path / PACKAGE / "env.py").write_text(ENV)
    (versions / "2026-12-01_0900_first.py").write_text(FIRST)
    monkeypatch.syspath_prepend(tmp_path)
    return {
        "KUNDENPORTAL_HTTP_PORT": "0",
        "KUNDENPORTAL_MANAGEMENT_PORT": "0",
        "KUNDENPORTAL_DATABASE_URL": postgres.create_database("doctored"),
        "KUNDENPORTAL_KAFKA_BOOTSTRAP": broker.bootstrap,
        "KUNDENPORTAL_S3_ENDPOINT": object_store.endpoint,
        "KUNDENPORTAL_S3_ACCESS_KEY": object_store.access_key,
        "KUNDENPORTAL_S3_SECRET_KEY": "geheim",
        "KUNDENPORTAL_S3_DOCUMENTS_BUCKET": object_store.create_bucket(),
    }


def run(environ: dict[str, str], command: str, *topics: Topic, healthy: bool = True) -> Result:
    further = {"mails": fine if healthy else bad}
    app = service_cli("doctored", serve, PACKAGE, Everything, topics=topics, examinations=lambda _settings: further)
    unset = {name: None for name in os.environ if name.startswith("KUNDENPORTAL_")}
    return CliRunner().invoke(app, [command], env={**unset, **environ, "COLUMNS": "200"})


def findings(result: Result) -> dict[str, tuple[str, str]]:
    rows = re.findall(r"│ (ok|no) +│ (\S+) +│ (.*?) +│", result.stdout)
    return {name: (verdict, detail) for verdict, name, detail in rows}


@pytest.fixture
async def _topics(broker: Broker) -> None:
    await broker.create_topics([BILLING_DOCUMENTS])


@pytest.mark.usefixtures("_topics")
def test_doctor_finds_everything_well(environ: dict[str, str]) -> None:
    """On a healthy system every line is ok and the exit code 0."""
    assert run(environ, "migrate").exit_code == 0
    result = run(environ, "doctor", BILLING_DOCUMENTS)
    found = findings(result)
    assert list(found) == ["settings", "database", "migrations", "topics", "store", "mails"]
    assert {verdict for verdict, _ in found.values()} == {"ok"}, result.stdout
    assert (found["migrations"][1], result.exit_code) == ("at first", 0)


@pytest.mark.usefixtures("_topics")
def test_doctor_says_what_to_do(environ: dict[str, str], postgres: PostgresServer) -> None:
    """A schema that is behind, a topic that is missing, a failing check of the service's own: told apart, exit code 1."""
    strange = Topic("nobody.made.this.v1", 6, None, 1, "key")
    fewer = Topic(BILLING_DOCUMENTS.name, 3, None, 1, "key")
    result = run(environ, "doctor", strange, fewer, healthy=False)
    found = findings(result)
    assert found["migrations"] == ("no", "at nothing, the code expects first: run `migrate`")
    assert found["topics"][1].startswith(f"{strange.name} is missing, {fewer.name} has 6 partitions, not 3: run")
    assert found["mails"] == ("no", "LookupError: token=*** expired")
    assert found["database"][0] == "ok"
    assert result.exit_code == 1


def test_doctor_warns_of_a_role_that_passes_policies(environ: dict[str, str], postgres: PostgresServer) -> None:
    """A superuser's address in the settings is found, as row-level security would be nothing to it."""
    found = findings(run({**environ, "KUNDENPORTAL_DATABASE_URL": postgres.superuser_dsn}, "doctor"))
    assert found["database"][0] == "no"
    assert "NOSUPERUSER NOBYPASSRLS" in found["database"][1]


def test_doctor_outlives_dead_dependencies(environ: dict[str, str]) -> None:
    """With nothing there each line says so, soon, and no password is shown."""
    dead = {
        "KUNDENPORTAL_DATABASE_URL": "postgresql://user:geheim@127.0.0.1:1/database",
        "KUNDENPORTAL_KAFKA_BOOTSTRAP": "127.0.0.1:1",
        "KUNDENPORTAL_S3_ENDPOINT": "http://127.0.0.1:1",
    }
    result = run({**environ, **dead}, "doctor", BILLING_DOCUMENTS)
    found = findings(result)
    assert {name for name, (verdict, _) in found.items() if verdict == "no"} == {
        "database",
        "migrations",
        "topics",
        "store",
    }
    assert (result.exit_code, "geheim" in result.stdout) == (1, False)


@pytest.mark.parametrize("command", ["serve", "doctor", "migrate"])
def test_missing_settings_are_named_on_stderr(command: str) -> None:
    """Every command ends with 2 and one line for each variable that it needs; migrate needs the database alone."""
    result = run({}, command)
    assert result.exit_code == 2
    lines = result.stderr.splitlines()
    assert "KUNDENPORTAL_DATABASE_URL is not set" in lines
    assert len(lines) == (1 if command == "migrate" else 8)


def test_migrate_says_why_not(environ: dict[str, str]) -> None:
    """A database that is not there is a sentence and exit code 1, without the password."""
    result = run({"KUNDENPORTAL_DATABASE_URL": "postgresql://user:geheim@127.0.0.1:1/database"}, "migrate")
    assert (result.exit_code, result.stderr.startswith("not migrated: ")) == (1, True)
    assert "geheim" not in result.output
