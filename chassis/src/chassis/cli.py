"""The command line every service has: serve, migrate, doctor."""

import asyncio
import sys
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import typer
import uvloop

from chassis.lifecycle import Watchdog
from chassis.logs import get_logger
from chassis.settings import DatabaseSettings, Settings, SettingsInvalid, load_settings

EXIT_SETTINGS = 2
EXIT_INTERRUPTED = 130
LEAVE_SECONDS = 5.0

S = TypeVar("S", bound=Settings)

log = get_logger()


def service_cli(
    name: str,
    serve: Callable[[], Coroutine[Any, Any, int]],
    migrations_package: str | None,
    settings_class: type[Settings],
) -> typer.Typer:
    """Make the console script of service `name`. `serve` reads its settings and returns the exit code of `run_service`."""
    app = typer.Typer(
        name=f"kundenportal-{name}", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False
    )

    @app.callback()
    def main() -> None:
        pass

    @app.command("serve")
    def serve_() -> None:
        """Run the service until SIGTERM or SIGINT."""
        settings_or_exit(settings_class)
        raise typer.Exit(run_process(serve))

    if migrations_package is not None:

        @app.command()
        def migrate() -> None:
            """Bring the database to the newest revision."""
            from chassis.migrations import upgrade  # noqa: PLC0415 - Alembic is no part of the running service

            upgrade(settings_or_exit(DatabaseSettings).database_url, migrations_package)

    return app


def settings_or_exit(settings_class: type[S]) -> S:
    """Load the settings; or, where they are not usable, one line for each variable on stderr and exit code 2."""
    try:
        return load_settings(settings_class)
    except SettingsInvalid as error:
        for problem in error.problems:
            print(problem, file=sys.stderr)
        raise typer.Exit(EXIT_SETTINGS) from None


def run_process(serve: Callable[[], Coroutine[Any, Any, int]]) -> int:
    """Run the coroutine on uvloop; what is left over afterwards (threads, tasks) has 5 s, then the process ends anyway."""
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
