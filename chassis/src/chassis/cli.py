"""The command line every service has: serve, migrate, doctor, dead-letters. What is wrong is said in sentences, never as a traceback."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import Any, TypeVar

import typer
import uvloop

from chassis.lifecycle import Watchdog
from chassis.logs import configure_logs, get_logger
from chassis.redaction import redact_text
from chassis.settings import DatabaseSettings, KafkaSettings, Settings, SettingsInvalid, load_settings
from kundenportal_contracts.topics import Topic

EXIT_SETTINGS = 2
EXIT_INTERRUPTED = 130
LEAVE_SECONDS = 3.0

Serve = Callable[[], Coroutine[Any, Any, int]]
Examinations = Mapping[str, Callable[[], Awaitable[str]]]
S = TypeVar("S", bound=Settings)

log = get_logger()


def service_cli(
    name: str,
    serve: Serve,
    migrations_package: str | None,
    settings_class: type[S],
    *,
    topics: Sequence[Topic] = (),
    examinations: Callable[[S], Examinations] | None = None,
) -> typer.Typer:
    """Make the console script of service `name`. `serve` reads its settings and returns the exit code of `run_service`.

    `topics` are those the service hears or speaks on. `examinations` makes further checks for `doctor` from the settings;
    each returns a few words when all is well and raises when it is not.
    """
    program = f"kundenportal-{name}"
    app = typer.Typer(name=program, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)

    @app.command("serve")
    def serve_() -> None:
        """Run the service until SIGTERM or SIGINT."""
        settings_or_exit(settings_class)
        raise typer.Exit(run_process(serve))

    @app.command()
    def doctor() -> None:
        """Look at settings, database, migrations, topics and store; exit code 1 when something needs a person."""
        settings = settings_or_exit(settings_class)
        further = examinations(settings) if examinations else {}
        raise typer.Exit(_doctor(program, settings, migrations_package, topics, further))

    if issubclass(settings_class, KafkaSettings):
        from chassis.dead_letters.cli import dead_letters_cli  # noqa: PLC0415 - who has no Kafka loads no client of it

        app.add_typer(dead_letters_cli(name), name="dead-letters")

    if migrations_package is not None:

        @app.command()
        def migrate() -> None:
            """Bring the database to the newest revision; repeating it does nothing."""
            configure_logs(name)
            raise typer.Exit(_migrate(settings_or_exit(DatabaseSettings).database_url, migrations_package))

    return app


def settings_or_exit(settings_class: type[S]) -> S:
    """Load the settings; or, where they are not usable, print one line for each variable on stderr and exit with 2."""
    try:
        return load_settings(settings_class)
    except SettingsInvalid as error:
        for problem in error.problems:
            print(problem, file=sys.stderr)
        raise typer.Exit(EXIT_SETTINGS) from None


def run_process(serve: Serve) -> int:
    """Run the coroutine on uvloop; what is left over afterwards (threads, tasks) has 3 s, then the process ends anyway."""
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            code = runner.run(serve())
            Watchdog(LEAVE_SECONDS, exit_code=code or 1).start()
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except Exception:
        log.exception("service_failed")
        return 1
    return code


# Alembic and what the doctor needs are no part of the running service: they are imported where they are used.


def _migrate(url: str, package: str) -> int:
    from alembic.util import CommandError  # noqa: PLC0415 - see above
    from sqlalchemy.exc import DBAPIError  # noqa: PLC0415 - see above

    from chassis.migrations import MigrationsBusy, upgrade  # noqa: PLC0415 - see above

    try:
        upgrade(url, package)
    except (CommandError, DBAPIError, MigrationsBusy, OSError) as error:
        print(redact_text(f"not migrated: {error}"), file=sys.stderr)
        return 1
    return 0


def _doctor(
    program: str, settings: Settings, package: str | None, topics: Sequence[Topic], further: Examinations
) -> int:
    from rich.console import Console  # noqa: PLC0415 - see above
    from rich.table import Table  # noqa: PLC0415 - see above
    from rich.text import Text  # noqa: PLC0415 - see above

    from chassis.doctor import Finding, examinations, examine  # noqa: PLC0415 - see above

    configure_logs(program, "error")
    given = Finding("settings", well=True, detail=f"{len(type(settings).model_fields)} variables")
    found = asyncio.run(examine({**examinations(settings, package, topics), **further}))
    table = Table("", "what", "finding", title=program, title_justify="left")
    for finding in (given, *found):
        table.add_row("[green]ok[/]" if finding.well else "[red]no[/]", finding.name, Text(finding.detail))
    Console().print(table)
    return 0 if all(finding.well for finding in found) else 1
