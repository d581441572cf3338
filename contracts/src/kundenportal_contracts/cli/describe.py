"""`kundenportal-contracts describe` and `release`: the documents that are generated from the models."""

from pathlib import Path
from typing import Annotated

import typer

from kundenportal_contracts.catalogue import folder as catalogue
from kundenportal_contracts.catalogue import releases
from kundenportal_contracts.cli.connection import console, errors

Folder = Annotated[
    Path, typer.Argument(help="Where asyncapi.yaml, schemas and examples lie; in this repository: contracts")
]


def describe(
    folder: Folder, check: Annotated[bool, typer.Option("--check", help="Write nothing, tell what differs.")] = False
) -> None:
    """Write asyncapi.yaml and schemas/<event>.json as the models say. With --check: exits 1 where they differ."""
    if not check:
        console.print(f"{catalogue.write(folder)} events described in {folder}.")
        return
    told = [*catalogue.differences(folder), *releases.broken_promises(folder)]
    for line in told:
        errors.print(line)
    if told:
        raise typer.Exit(1)
    console.print("Documents and models agree, and everything released still holds.")


def release(folder: Folder) -> None:
    """Freeze new examples and the schemas as they are: from then on they stay readable. Exits 1 where one would break."""
    try:
        frozen = releases.release(folder)
    except ValueError as error:
        errors.print(f"Not released: {error}.")
        raise typer.Exit(1) from None
    console.print(f"{len(frozen)} examples newly released, the schemas are those of the models.")
