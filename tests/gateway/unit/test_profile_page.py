import pytest

from tests.gateway.fakes.identity import Account
from tests.gateway.fakes.portal import FakePortal


async def test_the_choice_is_stored_and_told(portal: FakePortal) -> None:
    """Saving leaves the form by a redirect and says that it worked."""
    told = {"default": "attachment", "type_invoice": "notice", "type_reminder": "none", "type_other": ""}
    async with portal.browser(portal.signed_in()) as browser:
        answer = await browser.post("/profil", data=told)
        assert (answer.status_code, answer.headers["location"]) == (303, "/profil?ok=benachrichtigung")
        page = (await browser.get("/profil?ok=benachrichtigung")).text
    assert portal.notifier.settings == {"default": "attachment", "by_type": {"invoice": "notice", "reminder": "none"}}
    assert "sind gespeichert." in page
    assert 'value="attachment" checked' in page


@pytest.mark.parametrize(
    "told",
    [
        {"x": "y"},
        {"default": ""},
        {"default": "sms"},
        {"default": "<script>"},
        {"default": "notice", "type_invoice": "sms"},
        {"default": "notice", "type_pig": "none"},
    ],
)
async def test_a_choice_that_does_not_exist_is_refused(portal: FakePortal, told: dict[str, str]) -> None:
    """Nothing is stored, and the page says what to do."""
    async with portal.browser(portal.signed_in()) as browser:
        answer = await browser.post("/profil", data=told)
    assert answer.status_code == 422
    assert "Bitte wählen Sie eine der Möglichkeiten." in answer.text
    assert portal.notifier.settings == {"default": "notice", "by_type": {}}


async def test_an_unknown_word_in_the_address_says_nothing(portal: FakePortal) -> None:
    """Nobody can make the page claim something by a link."""
    async with portal.browser(portal.signed_in()) as browser:
        page = (await browser.get("/profil?ok=Ihr+Konto+ist+gesperrt")).text
    assert "gesperrt" not in page
    assert "note--done" not in page


async def test_the_page_speaks_the_accounts_language(portal: FakePortal) -> None:
    """An English account reads English, whatever the browser prefers."""
    token = portal.signed_in(portal.identity.add(Account("en", "x", language="en")))
    async with portal.browser(token) as browser:
        page = (await browser.get("/profil", headers={"accept-language": "de"})).text
    assert '<html lang="en">' in page
    assert "E-mail notification" in page


async def test_everybody_else_reads_german(portal: FakePortal) -> None:
    """Nobody signed in, or an account in a language we do not have."""
    async with portal.browser() as browser:
        assert "Passwort *" in (await browser.get("/login", headers={"accept-language": "en"})).text
    token = portal.signed_in(portal.identity.add(Account("fr", "x", language="fr")))
    async with portal.browser(token) as browser:
        assert '<html lang="de">' in (await browser.get("/profil")).text
