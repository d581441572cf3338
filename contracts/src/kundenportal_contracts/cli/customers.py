"""`kundenportal-billing customer register|change|close`: one by options, or many from a table."""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from kundenportal_contracts.cli.connection import StackOption
from kundenportal_contracts.cli.hand_over import Failure, Job, Step, hand_over
from kundenportal_contracts.cli.spellings import shown
from kundenportal_contracts.cli.startup import connected, one, table
from kundenportal_contracts.cli.tables import Columns, Row
from kundenportal_contracts.publish import BillingPublisher

Fields = dict[str, str | None]
Call = Callable[[BillingPublisher, Fields], Awaitable[object]]

PERSON = ("customer_number", "company", "email", "username", "salutation", "first_name", "last_name", "language")
CLOSING = ("customer_number", "reason")
DEFAULTS: Fields = {"salutation": "none", "first_name": "", "last_name": "", "language": "de"}

app = typer.Typer(no_args_is_help=True, help="Register, change or close customers.")

FileOption = Annotated[
    Path | None, typer.Option("--file", help="A table (CSV or JSON) of many customers, columns named like the options.")
]
Number = Annotated[str | None, typer.Option("--customer-number", help="e.g. 4711")]
Company = Annotated[str | None, typer.Option(help="The customer's name, e.g. Hof Mustermann.")]
Email = Annotated[str | None, typer.Option(help="Where the first user's mails go.")]
Username = Annotated[str | None, typer.Option(help="A wish; where it is missing or taken, one is made.")]
Salutation = Annotated[str | None, typer.Option(help="none (default), mrs, mr or diverse.")]
FirstName = Annotated[str | None, typer.Option()]
LastName = Annotated[str | None, typer.Option()]
Language = Annotated[str | None, typer.Option(help="de (default) or en.")]
Reason = Annotated[str | None, typer.Option(help="Why, in a sentence.")]


@app.command()
def register(
    customer_number: Number = None,
    company: Company = None,
    email: Email = None,
    username: Username = None,
    salutation: Salutation = None,
    first_name: FirstName = None,
    last_name: LastName = None,
    language: Language = None,
    file: FileOption = None,
    stack: StackOption = None,
) -> None:
    """Register a customer: its first user gets a mail with username and initial password."""
    values = (customer_number, company, email, username, salutation, first_name, last_name, language)
    _run(BillingPublisher.register_customer, dict(zip(PERSON, values, strict=True)), file, stack, "registered")


@app.command()
def change(
    customer_number: Number = None,
    company: Company = None,
    email: Email = None,
    username: Username = None,
    salutation: Salutation = None,
    first_name: FirstName = None,
    last_name: LastName = None,
    language: Language = None,
    file: FileOption = None,
    stack: StackOption = None,
) -> None:
    """Tell a customer as it is now. The portal takes company and language, never a user's own name or address."""
    values = (customer_number, company, email, username, salutation, first_name, last_name, language)
    _run(BillingPublisher.change_customer, dict(zip(PERSON, values, strict=True)), file, stack, "changed")


@app.command()
def close(
    customer_number: Number = None, reason: Reason = None, file: FileOption = None, stack: StackOption = None
) -> None:
    """End a customer: its users can no longer sign in."""
    values = {"customer_number": customer_number, "reason": reason}
    _run(BillingPublisher.close_customer, values, file, stack, "closed")


def _run(call: Any, options: Fields, file: Path | None, stack: Path | None, done: str) -> None:
    given = {name: value for name, value in options.items() if value is not None}
    defaults = {name: value for name, value in DEFAULTS.items() if name in options}
    if file is None:
        connection = connected(stack)
        number = given.get("customer_number")
        one(connection, lambda publisher: call(publisher, {**defaults, **given}), f"Customer {number} is {done}.")
        return
    if given:
        raise typer.BadParameter("goes without " + ", ".join(sorted(given)), param_hint="--file")
    connection = connected(stack)
    required = [name for name in options if name not in defaults and name != "username"]
    columns = Columns(required, [name for name in options if name not in required])
    rows = table(file, columns, lambda read: read)
    steps = customer_steps(call, rows, tuple(options), defaults)
    if not hand_over(connection, steps, "customers").is_complete:
        raise typer.Exit(1)


def customer_steps(call: Call, rows: Sequence[Row], names: tuple[str, ...], defaults: Fields) -> list[Step]:
    """Give a job for each row, or a failure where the table is wrong there; those about one customer follow each other."""
    return [
        Failure(row.line, _label(row), row.faults, row.cells.get("customer_number"))
        if row.faults
        else _job(call, row, names, defaults)
        for row in rows
    ]


def _label(row: Row) -> str:
    number = row.cells.get("customer_number")
    return shown(number)[1:-1] if number else "customer without a number"


def _job(call: Call, row: Row, names: tuple[str, ...], defaults: Fields) -> Job:
    fields = defaults | {name: value for name in names if (value := row.cells.get(name)) is not None}
    # Without a number it concerns nobody else.
    return Job(row.line, _label(row), fields.get("customer_number") or object(), partial(_call, call, fields))


async def _call(call: Call, fields: Fields, publisher: BillingPublisher) -> None:
    await call(publisher, fields)
