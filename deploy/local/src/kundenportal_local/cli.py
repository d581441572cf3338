"""`kundenportal`: the whole portal on this machine."""

import sys
from typing import Annotated

import typer

from kundenportal_local.errors import LocalTroubleError
from kundenportal_local.layout import find_layout

app = typer.Typer(
    name="kundenportal",
    help="The whole Kundenportal on this machine.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.command()
def run(*, empty: Annotated[bool, typer.Option(help="Hand over no sample data.")] = False) -> None:
    """Start everything on 127.0.0.1 and stay until Ctrl-C."""
    from kundenportal_local.run import run as run_stack  # noqa: PLC0415  `--help` need not load it

    run_stack(find_layout(), samples=not empty)


@app.command()
def smoke() -> None:
    """Do the main job once, unattended, in a folder of its own; exit code 0 when all of it was seen."""
    from kundenportal_local.smoke import smoke as do_the_main_job  # noqa: PLC0415  the same

    raise typer.Exit(do_the_main_job(find_layout()))


@app.command()
def clean() -> None:
    """Remove the local portal's data, mails, logs and secrets; downloads, tools and what fault tests keep stay."""
    from kundenportal_local.clean import clean as remove  # noqa: PLC0415  the same

    remove(find_layout())


def main() -> None:
    """Run the command; trouble is one sentence on stderr and exit code 1."""
    try:
        app()
    except LocalTroubleError as error:
        print(f"kundenportal: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
