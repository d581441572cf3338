"""Hands the sample data over: STACK_FILE FOLDER. What an earlier start did is not done again."""

import csv
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kundenportal_local.billing_cli import billing
from kundenportal_local.errors import LocalTroubleError
from kundenportal_local.samples.customers import CUSTOMERS, FARM, MUNICIPALITY, ONBOARDED
from kundenportal_local.samples.state import State, load, save
from kundenportal_local.visitor import Visitor, credentials, onboard, wait_for_mail

MAIL_SECONDS = 60.0
COLUMNS = (
    "file",
    "customer_number",
    "document_number",
    "document_type",
    "issued_on",
    "gross_amount",
    "currency",
    "due_on",
)


def main() -> None:
    try:
        hand_over(Path(sys.argv[1]), Path(sys.argv[2]))
    except LocalTroubleError as error:
        sys.exit(f"Sample data: {error}")


def hand_over(stack_file: Path, folder: Path) -> None:
    """Register, onboard, publish; each step is written down when it is done."""
    stack = json.loads(stack_file.read_text(encoding="utf-8"))
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "state.json"
    state = load(path)
    if not state.is_done:
        print("Handing over sample customers and documents ...", flush=True)
    if not state.registered:
        billing(stack_file, "customer", "register", "--file", str(_customer_table(folder)))
        state.registered = True
        save(path, state)
    _onboard(stack, state, path)
    if not state.handed_over:
        papers = _papers(folder / "papers", state)
        billing(stack_file, "publish", str(papers))
        state.handed_over = True
        save(path, state)
    print(_told(stack, state), flush=True)


def _onboard(stack: Mapping[str, Any], state: State, path: Path) -> None:
    for customer in ONBOARDED:
        if customer.number in state.usernames:
            continue
        mail = wait_for_mail(Path(stack["mailbox_dir"]), customer.email, "Initialpasswort: ", MAIL_SECONDS)
        username, initial_password = credentials(mail)
        visitor = Visitor(stack["gateway_url"])
        try:
            onboard(visitor, username, initial_password, state.passwords[customer.number])
            if customer is FARM:
                visitor.choose_notifications("attachment")
        finally:
            visitor.close()
        state.usernames[customer.number] = username
        save(path, state)


def _customer_table(folder: Path) -> Path:
    rows = [
        {
            "customer_number": customer.number,
            "company": customer.company,
            "email": customer.email,
            "salutation": customer.salutation,
            "first_name": customer.first_name,
            "last_name": customer.last_name,
            "language": "de",
            **({"username": customer.username} if customer.username else {}),
        }
        for customer in CUSTOMERS
    ]
    table = folder / "customers.json"
    table.write_text(json.dumps(rows, ensure_ascii=False, indent=2), encoding="utf-8")
    return table


def _papers(folder: Path, state: State) -> Path:
    from datetime import date  # noqa: PLC0415  a later start, which draws nothing, need not load reportlab

    from kundenportal_local.samples.drawing import draw  # noqa: PLC0415  the same
    from kundenportal_local.samples.papers import all_papers  # noqa: PLC0415  the same

    folder.mkdir(exist_ok=True)
    with (folder / "index.csv").open("w", encoding="utf-8", newline="") as file:
        index = csv.writer(file)
        index.writerow(COLUMNS)
        for paper in all_papers(date.fromisoformat(state.today)):
            name = f"{paper.number}.pdf"
            (folder / name).write_bytes(draw(paper))
            money = (str(paper.gross), "EUR") if paper.has_amount else ("", "")
            facts = (name, paper.customer.number, paper.number, paper.document_type, paper.issued_on.isoformat())
            index.writerow([*facts, *money, paper.due_on.isoformat() if paper.due_on else ""])
    return folder


def _told(stack: Mapping[str, Any], state: State) -> str:
    lines = ["", "Sample users, ready to sign in:"]
    for customer in ONBOARDED:
        username, password = state.usernames[customer.number], state.passwords[customer.number]
        lines.append(f"  {username:<18} {password:<24} {customer.company}")
    lines.append(f"To try a first login, read the welcome mail at {stack['mailbox_url']}?an={MUNICIPALITY.email}")
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    main()
