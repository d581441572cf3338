import pytest

from tests.gateway.fakes.documents import item
from tests.gateway.fakes.identity import Account
from tests.gateway.fakes.notifier import delivery
from tests.gateway.fakes.portal import FakePortal

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>{{7*7}}{% raw %}${7}javascript:alert(1)"


@pytest.fixture
def hostile() -> FakePortal:
    portal = FakePortal()
    portal.identity.add(
        Account("mallory", "x", first_name=HOSTILE, last_name=HOSTILE, company=HOSTILE, salutation=HOSTILE)
    )
    portal.documents.items = [
        item(0, document_number=HOSTILE, document_type=HOSTILE, currency="<b>", media_type=HOSTILE)
    ]
    portal.documents.items[0]["gross_amount"] = "1.00"
    portal.documents.versions = [
        {"version": number, "published_at": "2018-03-05T07:15:00Z", "size": 1, "media_type": HOSTILE}
        for number in (1, 2)
    ]
    portal.notifier.deliveries = [delivery(HOSTILE, HOSTILE, form=HOSTILE, reason=HOSTILE)]
    portal.notifier.settings = {"default": HOSTILE, "by_type": {HOSTILE: HOSTILE, "invoice": HOSTILE}}
    portal.identity.notice = {"version": HOSTILE, "title": HOSTILE, "html": HOSTILE}
    return portal


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/dokumente",
        "/dokumente?group=type",
        "/dokumente/ID",
        "/profil",
        "/passwort",
        "/datenschutzhinweise",
        "/kontakt",
    ],
)
async def test_what_billing_and_customers_write_is_shown_as_text(hostile: FakePortal, path: str) -> None:
    """No field of any service becomes markup, an attribute or a template."""
    token = hostile.signed_in(hostile.identity.accounts["mallory"])
    async with hostile.browser(token) as browser:
        answer = await browser.get(path.replace("ID", hostile.document_id))
    assert answer.status_code == 200
    assert_harmless(answer.text)
    assert "alert(1)" in answer.text


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/dokumente", {"q": HOSTILE}),
        ("/dokumente", {"issued_from": HOSTILE, "type": HOSTILE, "sort": HOSTILE, "group": HOSTILE, "cursor": HOSTILE}),
        ("/login", {"weiter": HOSTILE, "grund": HOSTILE}),
        ("/profil", {"ok": HOSTILE}),
        (f"/{HOSTILE}", {}),
    ],
)
async def test_what_an_address_brings_is_shown_as_text(portal: FakePortal, path: str, query: dict[str, str]) -> None:
    """A prepared link puts nothing into a page."""
    async with portal.browser(portal.signed_in() if path != "/login" else None) as browser:
        answer = await browser.get(path, params=query)
    assert_harmless(answer.text)


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/login", ("username", "password", "weiter")),
        ("/passwort", ("current_password", "new_password", "confirmation", "weiter")),
        ("/profil", ("default", "type_invoice", f"type_{HOSTILE}")),
    ],
)
async def test_what_a_form_brings_is_shown_as_text(portal: FakePortal, path: str, fields: tuple[str, ...]) -> None:
    """A value kept in its field stays a value, and a field's name never becomes markup."""
    async with portal.browser(portal.signed_in() if path != "/login" else None) as browser:
        answer = await browser.post(path, data=dict.fromkeys(fields, HOSTILE))
    assert answer.status_code in {401, 422}
    assert_harmless(answer.text)


def assert_harmless(text: str) -> None:
    assert "<script" not in text
    assert "<img src=x" not in text
    assert '"javascript:' not in text
    assert "49" not in text.replace("0049", "").split("<main")[-1]
