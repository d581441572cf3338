"""The two command lines: `kundenportal-billing` for billing's operators, `kundenportal-contracts` for the portal's."""

import typer

from kundenportal_contracts.cli import customers, describe, documents, topics

billing = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Hand over customers and documents to the Kundenportal.",
    epilog="Where to: --stack FILE, or KUNDENPORTAL_KAFKA_BOOTSTRAP, KUNDENPORTAL_BILLING_SOURCE and KUNDENPORTAL_S3_*.",
)
billing.add_typer(customers.app, name="customer")
billing.command("publish")(documents.publish)
billing.command("withdraw")(documents.withdraw)

contracts = typer.Typer(no_args_is_help=True, add_completion=False)
contracts.command("topics")(topics.topics)
contracts.command("describe")(describe.describe)
contracts.command("release")(describe.release)


@contracts.callback()
def _contracts() -> None:
    """Look after what the services of the Kundenportal share."""
