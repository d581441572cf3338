"""The inbox page: whatever a mail is made of, it is shown, and nothing in it runs."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from kundenportal_local.inbox.page import create_page
from kundenportal_local.maildir import Maildir

HOSTILE = {
    "no headers": b"just bytes \xff\xfe\x00",
    "nothing": b"",
    "unknown charset": b'Subject: x\r\nContent-Type: text/plain; charset="nonsense\x00"\r\n\r\n\xff',
    "broken encoded words": b"Subject: =?utf-8?b?!!!?= =?foo?q?=0D=0ABcc:_x?=\r\nTo: =?utf-8?q?=?=\r\n\r\nx",
    "no boundary": b"Content-Type: multipart/mixed\r\n\r\n--x\r\n\r\ntext",
    "endless multipart": b"".join(
        b"Content-Type: multipart/mixed; boundary=%d\r\n\r\n--%d\r\n" % (n, n) for n in range(60)
    ),
    "broken base64": b"Content-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n\r\n!!!====",
    "odd file name": b"Content-Type: application/pdf; name*=utf-9''%FF/../x\r\n\r\nx",
    "unknown encoding": b"Content-Transfer-Encoding: rot13\r\n\r\nx",
    "long header": b"Subject: " + b"a" * 200_000 + b"\r\n\r\nx",
}
MULTIPART = (
    "Subject: =?utf-8?q?Rechnung_=E2=80=93_<script>alert(1)</script>?=\r\nTo: max@mail.de\r\n"
    "Content-Type: multipart/mixed; boundary=B\r\n\r\n"
    "--B\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nBenutzername: s8u8i1 ł\r\nhttp://127.0.0.1:8080/login\r\n"
    "--B\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>Grüße</p><script>alert(1)</script>\r\n"
    "--B\r\nContent-Type: text/html; name*=utf-8''Rechnung%20%C5%82.pdf\r\n\r\n<script>alert(2)</script>\r\n--B--\r\n"
).encode()


@pytest.fixture
def maildir(tmp_path: Path) -> Maildir:
    return Maildir(tmp_path)


@pytest.fixture
async def page(maildir: Maildir) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(
        transport=httpx2.ASGITransport(create_page(maildir)), base_url="http://127.0.0.1:8025"
    ) as client:
        yield client


def kept(maildir: Maildir, content: bytes) -> str:
    return maildir.add(content, sender="a@x.de", recipients=["b@y.de"]).name


@pytest.mark.parametrize("kind", HOSTILE)
async def test_a_hostile_mail_is_shown(maildir: Maildir, page: httpx2.AsyncClient, kind: str) -> None:
    """Bytes that are hardly a mail neither break the list nor their own page."""
    name = kept(maildir, HOSTILE[kind])
    answers = [await page.get(path) for path in ("/", f"/mails/{name}", f"/mails/{name}/raw", "/?an=x")]
    assert [answer.status_code for answer in answers] == [200] * 4


async def test_html_of_a_mail_is_locked_in(maildir: Maildir, page: httpx2.AsyncClient) -> None:
    """The HTML part comes from an address whose policy forbids scripts, forms and anything from elsewhere."""
    name = kept(maildir, MULTIPART)
    answer = await page.get(f"/mails/{name}/html")
    policy = answer.headers["content-security-policy"]
    assert "Grüße" in answer.text
    assert policy.startswith("sandbox")
    assert "allow-scripts" not in policy
    assert "default-src 'none'" in policy


async def test_a_subject_is_text(maildir: Maildir, page: httpx2.AsyncClient) -> None:
    """Markup in a subject is shown and not obeyed."""
    name = kept(maildir, MULTIPART)
    for answer in (await page.get("/"), await page.get(f"/mails/{name}")):
        assert "<script>" not in answer.text
        assert "Rechnung – &lt;script&gt;" in answer.text


async def test_an_attachment_is_downloaded(maildir: Maildir, page: httpx2.AsyncClient) -> None:
    """An attachment is never shown in place, whatever type it claims, and keeps its name."""
    name = kept(maildir, MULTIPART)
    answer = await page.get(f"/mails/{name}/parts/2")
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''Rechnung%20%C5%82.pdf"
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_a_link_in_the_text_can_be_clicked(maildir: Maildir, page: httpx2.AsyncClient) -> None:
    """The way from the welcome mail to the portal is one click."""
    answer = await page.get(f"/mails/{kept(maildir, MULTIPART)}")
    assert '<a href="http://127.0.0.1:8080/login"' in answer.text
    assert "Benutzername: s8u8i1 ł" in answer.text


@pytest.mark.parametrize("path", ["/mails/..%2F..%2Fsecrets.json", "/mails/none", "/mails/none/parts/0", "/mails/."])
async def test_only_mails_are_served(page: httpx2.AsyncClient, path: str) -> None:
    """A name that is not one of the Maildir's own is not found."""
    assert (await page.get(path)).status_code == 404


async def test_the_newest_comes_first_and_search_narrows(maildir: Maildir, page: httpx2.AsyncClient) -> None:
    """The list begins with the newest mail, and a search keeps those with the words in address or subject."""
    for subject in ("erste", "zweite", "dritte"):
        kept(maildir, f"Subject: {subject}\r\n\r\n".encode())
    shown = (await page.get("/")).text
    assert shown.index("dritte") < shown.index("zweite") < shown.index("erste")
    found = (await page.get("/?an=ZWEITE")).text
    assert "zweite" in found
    assert "dritte" not in found


def test_an_envelope_adds_no_header(maildir: Maildir) -> None:
    """Line breaks in an address do not become header lines of the stored mail."""
    file = maildir.add(b"Subject: x\r\n\r\n", sender="a@x.de\r\nBcc: evil@x.de", recipients=["ł@y.de"])
    assert file.read_bytes().splitlines()[:3] == [
        b"X-MailFrom: a@x.de??Bcc: evil@x.de",
        "X-RcptTo: ł@y.de".encode(),
        b"Subject: x",
    ]
