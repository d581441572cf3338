"""The main job, end to end: a PDF from billing reaches the customer in the portal and by e-mail."""

import csv
import json
import subprocess
import sys
from email.message import EmailMessage
from pathlib import Path

import pytest

from tests.fixtures.customers import credentials
from tests.fixtures.papers import pdf
from tests.fixtures.portal import Portal, eventually, text_of
from tests.fixtures.visitor import Visitor

pytestmark = pytest.mark.journey
MAILBOX = "lucja@hof-mustermann.example"


def billing(portal: Portal, *arguments: str | Path) -> str:
    command = [Path(sys.executable).parent / "kundenportal-billing", *arguments, "--stack", portal.stack_file]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def hand_over(portal: Portal, folder: Path, papers: dict[str, bytes]) -> None:
    """A folder as billing exports it: PDFs and an index."""
    folder.mkdir()
    with (folder / "index.csv").open("w", newline="", encoding="utf-8") as file:
        index = csv.writer(file)
        index.writerow(
            ["file", "customer_number", "document_number", "document_type", "issued_on", "gross_amount", "currency"]
        )
        for number, content in papers.items():
            (folder / f"{number}.pdf").write_bytes(content)
            index.writerow([f"{number}.pdf", "4711", number, "invoice", "2018-03-02", "1234.56", "EUR"])
    billing(portal, "publish", folder)


def attachments(mail: EmailMessage) -> list[tuple[str | None, bytes]]:
    return [(part.get_filename(), part.get_content()) for part in mail.iter_attachments()]


def listed(visitor: Visitor, number: str) -> dict[str, object]:
    return eventually(
        lambda: next((item for item in visitor.documents() if item["document_number"] == number), None),
        f"{number} in the list",
    )


@pytest.fixture(scope="module")
def customer(portal: Portal) -> Visitor:
    """Customer 4711, registered by billing, signed in with what the welcome mail says."""
    person = ["--company", "Hof Mustermann", "--first-name", "Łucja", "--last-name", "Grünwald-Łęcka"]
    billing(
        portal, "customer", "register", "--customer-number", "4711", "--email", MAILBOX, "--username", "s8u8i1", *person
    )
    username, password = credentials(portal, MAILBOX)
    assert username == "s8u8i1"
    visitor = portal.visitor()
    visitor.onboard(username, password)
    return visitor


def test_a_document_is_listed_and_its_bytes_come_back(portal: Portal, customer: Visitor, tmp_path: Path) -> None:
    """What billing handed over, small or large, is what the customer downloads."""
    papers = {"R0099901888": pdf("Rechnung R0099901888"), "R0099901889": pdf("Rechnung R0099901889", padding=700_000)}
    hand_over(portal, tmp_path / "export", papers)
    for number, content in papers.items():
        item = listed(customer, number)
        assert (item["document_type"], item["issued_on"], item["gross_amount"]) == ("invoice", "2018-03-02", "1234.56")
        assert customer.content(str(item["id"])) == content


def test_the_notice_says_what_it_is_about(portal: Portal, customer: Visitor, tmp_path: Path) -> None:
    """By default a mail names the document and links to it behind the login, without the PDF."""
    hand_over(portal, tmp_path / "export", {"R0099901890": pdf("Rechnung R0099901890")})
    mail = portal.mail(MAILBOX, "R0099901890")
    assert mail["Subject"] == "Rechnung R0099901890 vom 02.03.2018 – Kunde 4711"
    item = listed(customer, "R0099901890")
    assert f"{portal.stack['gateway_url'].rstrip('/')}/dokumente/{item['id']}" in text_of(mail)
    assert attachments(mail) == []
    assert mail["Auto-Submitted"] == "auto-generated"


def test_with_attachment_the_pdf_comes_byte_for_byte(portal: Portal, customer: Visitor, tmp_path: Path) -> None:
    """After «mit Anhang» the next mail carries the original bytes."""
    chosen = customer.put("/api/v1/notification-settings", json={"default": "attachment", "by_type": {}})
    assert chosen.status_code in (200, 204)
    content = pdf("Rechnung Ä-1 über Łęg", padding=90_000)
    hand_over(portal, tmp_path / "export", {"R0099901891": content})
    mail = portal.mail(MAILBOX, "R0099901891")
    [(name, attached)] = attachments(mail)
    assert attached == content
    assert name is not None
    assert "R0099901891" in name
    delivery = eventually(
        lambda: next((d for d in customer.deliveries(state="sent") if d["document_number"] == "R0099901891"), None),
        "the delivery in the log",
    )
    assert (delivery["address"], delivery["form"]) == (MAILBOX, "attachment")


def test_the_same_export_again_changes_nothing(portal: Portal, customer: Visitor, tmp_path: Path) -> None:
    """Handed over twice is one document and one mail, under the same event id or a new one."""
    content = pdf("Rechnung R0099901892")
    hand_over(portal, tmp_path / "export", {"R0099901892": content})
    portal.mail(MAILBOX, "R0099901892")
    billing(portal, "publish", tmp_path / "export")
    billing(portal, "publish", tmp_path / "export", "--again")
    hand_over(portal, tmp_path / "next", {"R0099901893": pdf("Rechnung R0099901893")})
    portal.mail(MAILBOX, "R0099901893")
    assert [item["document_number"] for item in customer.documents(q="R0099901892")] == ["R0099901892"]
    assert len([mail for mail in portal.mails(MAILBOX) if "R0099901892" in mail["Subject"]]) == 1


def test_a_foreign_document_is_not_found(portal: Portal, customer: Visitor) -> None:
    """An id of nobody or of somebody else answers 404, as a problem."""
    answer = customer.get("/api/v1/documents/00000000-0000-4000-8000-000000000000")
    assert answer.status_code == 404
    assert json.loads(answer.content)["status"] == 404
    assert answer.headers["content-type"].startswith("application/problem+json")
