"""A person at the portal's public API, and the mails that reach this person: what samples and smoke need of interfaces.md."""

import time
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import httpx2

from kundenportal_local.errors import LocalTroubleError

LOOK_SECONDS = 0.1


class Visitor:
    """One session. Every method does one thing a person does; LocalTroubleError says which of them failed."""

    def __init__(self, gateway_url: str) -> None:
        self._client = httpx2.Client(base_url=gateway_url, headers={"Origin": gateway_url}, timeout=30, trust_env=False)

    def close(self) -> None:
        self._client.close()

    def try_sign_in(self, username: str, password: str) -> list[str] | None:
        """Sign in; the steps still pending, or None when name or password is refused."""
        answer = self._client.post("/api/v1/session", json={"username": username, "password": password})
        if answer.status_code == httpx2.codes.UNAUTHORIZED:
            return None
        return list(_expect(answer, 200)["pending"])

    def change_password(self, new_password: str) -> None:
        _expect(self._client.post("/api/v1/password", json={"new_password": new_password}), 204)

    def accept_privacy_notice(self) -> None:
        version = _expect(self._client.get("/api/v1/privacy-notice"), 200)["version"]
        _expect(self._client.post("/api/v1/privacy-notice/acceptance", json={"version": version}), 204)

    def pending(self) -> list[str]:
        return list(_expect(self._client.get("/api/v1/session"), 200)["pending"])

    def choose_notifications(self, default: str) -> None:
        settings = {"default": default, "by_type": {}}
        _expect(self._client.put("/api/v1/notification-settings", json=settings), 200, 204)

    def documents(self) -> dict[str, dict[str, Any]]:
        """The first page of documents by their number."""
        items = _expect(self._client.get("/api/v1/documents", params={"limit": 200}), 200)["items"]
        return {item["document_number"]: item for item in items}

    def content(self, document_id: str) -> bytes:
        answer = self._client.get(f"/api/v1/documents/{document_id}/content")
        if answer.status_code != httpx2.codes.OK:
            _expect(answer, 200)
        return answer.content


def mails_to(mailbox: Path, address: str) -> Iterator[EmailMessage]:
    """The mails to one address, oldest first."""
    files = sorted((mailbox / "new").iterdir(), key=lambda file: (file.stat().st_mtime_ns, file.name))
    for file in files:
        mail = message_from_bytes(file.read_bytes(), policy=policy.default)
        if address in mail.get_all("X-RcptTo", []):
            yield mail


def wait_for_mail(mailbox: Path, address: str, containing: str, seconds: float) -> EmailMessage:
    """The first mail to this address whose subject or text has these words; LocalTroubleError when none comes in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        for mail in mails_to(mailbox, address):
            if containing in f"{mail['Subject']}\n{text_of(mail)}":
                return mail
        time.sleep(LOOK_SECONDS)
    raise LocalTroubleError(f"no mail with «{containing}» reached {address} within {seconds:.0f} s.")


def text_of(mail: EmailMessage) -> str:
    part = mail.get_body(("plain",))
    return str(part.get_content()) if part else ""


def credentials(mail: EmailMessage) -> tuple[str, str]:
    """Username and initial password, each on a line of its own in the welcome mail."""
    facts = dict(line.split(": ", 1) for line in text_of(mail).splitlines() if ": " in line)
    return facts["Benutzername"].strip(), facts["Initialpasswort"].strip()


def onboard(visitor: Visitor, username: str, initial_password: str, own_password: str) -> None:
    """From the initial password to an open door; who was there before (an interrupted run) goes on from there."""
    pending = visitor.try_sign_in(username, initial_password)
    if pending is None:
        pending = visitor.try_sign_in(username, own_password)
    if pending is None:
        raise LocalTroubleError(f"{username} could not sign in with the initial password of the mail.")
    if "change_password" in pending:
        visitor.change_password(own_password)
    if "accept_privacy_notice" in pending:
        visitor.accept_privacy_notice()
    if left := visitor.pending():
        raise LocalTroubleError(f"{username} still has steps to do: {', '.join(left)}.")


def _expect(answer: httpx2.Response, *statuses: int) -> Any:
    if answer.status_code not in statuses:
        request = answer.request
        raise LocalTroubleError(f"{request.method} {request.url} answered {answer.status_code}: {answer.text[:300]}")
    return answer.json() if answer.content else None
