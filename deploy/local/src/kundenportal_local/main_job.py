"""The main job, step by step, through nothing but what interfaces.md names. Each step returns what it saw."""

import csv
import secrets
import time
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from PIL.Image import frombytes

from kundenportal_local.billing_cli import billing
from kundenportal_local.errors import LocalTroubleError
from kundenportal_local.samples.letter import Letter
from kundenportal_local.visitor import Visitor, credentials, onboard, wait_for_mail

STEP_SECONDS = 30.0
LOOK_SECONDS = 0.1
SIDE = 440  # pixels; with three bytes each this is over the 512 KiB that travel on the bus
CUSTOMER = "90001"
ADDRESS = "rauch.probe@smoke.example"
PASSWORD = "Rauchprobe mit Würstchen 7"  # noqa: S105  opens a portal that lives for a minute


@dataclass
class MainJob:
    """What one run knows and has seen."""

    folder: Path
    stack: dict[str, Any]
    papers: dict[str, bytes] = field(default_factory=dict)
    visitor: Visitor | None = None

    @property
    def mailbox(self) -> Path:
        return Path(self.stack["mailbox_dir"])

    def register(self) -> str:
        """A customer and the welcome mail."""
        person = ("--salutation", "mrs", "--first-name", "Łucja", "--last-name", "Groß-Müller")
        company = ("--customer-number", CUSTOMER, "--company", "Räucherei & Söhne €", "--email", ADDRESS)
        billing(self.folder / "stack.json", "customer", "register", *company, *person)
        mail = wait_for_mail(self.mailbox, ADDRESS, "Initialpasswort: ", STEP_SECONDS)
        return f"mail to {ADDRESS}: {mail['Subject']}"

    def sign_in(self) -> str:
        """First login, own password, privacy notice."""
        username, initial_password = credentials(
            wait_for_mail(self.mailbox, ADDRESS, "Initialpasswort: ", STEP_SECONDS)
        )
        self.visitor = Visitor(self.stack["gateway_url"])
        onboard(self.visitor, username, initial_password, PASSWORD)
        return f"{username} is in, nothing pending"

    def publish(self) -> str:
        """Two papers, one small enough to travel on the bus, one in the intake bucket; listed, equal, mailed."""
        self._hand_over({"R0090001001": _paper("R0090001001"), "R0090001002": _paper("R0090001002", heavy=True)})
        sizes = " and ".join(f"{len(content):,} bytes" for content in self.papers.values())
        for number in self.papers:
            wait_for_mail(self.mailbox, ADDRESS, number, STEP_SECONDS)
        return f"{sizes}: listed, equal, mailed"

    def publish_attached(self) -> str:
        """With the setting "mit Anhang" the next paper comes with its mail, byte for byte."""
        self._person().choose_notifications("attachment")
        content = _paper("R0090001003")
        self._hand_over({"R0090001003": content})
        mail = wait_for_mail(self.mailbox, ADDRESS, "R0090001003", STEP_SECONDS)
        if content not in _attachments(mail):
            raise LocalTroubleError("The mail to R0090001003 does not carry the paper as billing handed it over.")
        return "the mail carries the same bytes"

    def _hand_over(self, papers: dict[str, bytes]) -> None:
        folder = self.folder / f"papers-{len(self.papers)}"
        folder.mkdir()
        with (folder / "index.csv").open("w", encoding="utf-8", newline="") as file:
            index = csv.writer(file)
            index.writerow(("file", "customer_number", "document_number", "document_type", "issued_on"))
            for number, content in papers.items():
                (folder / f"{number}.pdf").write_bytes(content)
                index.writerow((f"{number}.pdf", CUSTOMER, number, "invoice", "2026-11-02"))
        billing(self.folder / "stack.json", "publish", str(folder))
        self.papers |= papers
        listed = self._listed(set(papers))
        for number, content in papers.items():
            received = self._person().content(listed[number]["id"])
            if received != content:
                raise LocalTroubleError(f"{number} came back as {len(received)} other bytes.")

    def _listed(self, numbers: set[str]) -> dict[str, dict[str, Any]]:
        deadline = time.monotonic() + STEP_SECONDS
        while time.monotonic() < deadline:
            documents = self._person().documents()
            if numbers <= set(documents):
                return documents
            time.sleep(LOOK_SECONDS)
        raise LocalTroubleError(f"{', '.join(sorted(numbers))}: not listed within {STEP_SECONDS:.0f} s.")

    def _person(self) -> Visitor:
        if self.visitor is None:
            raise LocalTroubleError("nobody is signed in.")
        return self.visitor


def _paper(number: str, *, heavy: bool = False) -> bytes:
    """An invoice that no other run has; a heavy one carries a picture that no compression shrinks."""
    letter = Letter(f"Rechnung {number}")
    letter.heading(f"Rechnung {number}")
    letter.paragraph(f"Rauchprobe {secrets.token_hex(8)}: Grüße an Zofia Łuczak, 119,00 €")
    if heavy:
        letter.picture(frombytes("RGB", (SIDE, SIDE), secrets.token_bytes(SIDE * SIDE * 3)), height=100)
    return letter.finish()


def _attachments(mail: EmailMessage) -> list[bytes]:
    contents = (part.get_payload(decode=True) for part in mail.iter_attachments())
    return [content for content in contents if isinstance(content, bytes)]
