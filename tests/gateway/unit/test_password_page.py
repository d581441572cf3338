import pytest

from tests.gateway.fakes.portal import FakePortal

NEW = "ein ganz neuer Satz"


@pytest.mark.parametrize(
    ("told", "message"),
    [
        (
            {"current_password": "", "new_password": NEW, "confirmation": NEW},
            "Bitte geben Sie Ihr aktuelles Passwort ein.",
        ),
        ({"current_password": "x", "new_password": "", "confirmation": ""}, "Bitte geben Sie ein neues Passwort ein."),
        ({"current_password": "x", "new_password": NEW, "confirmation": ""}, "Bitte bestätigen Sie das neue Passwort."),
        ({"current_password": "x", "new_password": NEW, "confirmation": f"{NEW} "}, "stimmen nicht überein."),
        (
            {"current_password": "falsch", "new_password": NEW, "confirmation": NEW},
            "Das aktuelle Passwort ist nicht richtig.",
        ),
        ({"current_password": "x", "new_password": "kurz", "confirmation": "kurz"}, "Das neue Passwort ist zu kurz"),
    ],
)
async def test_what_is_wrong_is_told_beside_its_field(portal: FakePortal, told: dict[str, str], message: str) -> None:
    """The password stays as it was, and no typed password comes back in the page."""
    async with portal.browser(portal.signed_in()) as browser:
        answer = await browser.post("/passwort", data=told)
    assert answer.status_code == 422
    assert message in answer.text
    assert NEW not in answer.text
    assert portal.max.password == "ein langer Satz"


async def test_a_changed_password_is_told_on_the_profile(portal: FakePortal) -> None:
    """The form is left by a redirect, so that a reload sends nothing again."""
    told = {"current_password": "ein langer Satz", "new_password": NEW, "confirmation": NEW}
    async with portal.browser(portal.signed_in()) as browser:
        answer = await browser.post("/passwort", data=told)
        assert answer.headers["location"] == "/profil?ok=passwort"
        assert "Ihr Passwort ist geändert." in (await browser.get("/profil?ok=passwort")).text
    assert portal.max.password == NEW


async def test_a_changed_password_makes_the_gateway_ask_anew(portal: FakePortal) -> None:
    """The principal known before the change is not used after it."""
    told = {"current_password": "ein langer Satz", "new_password": NEW, "confirmation": NEW}
    async with portal.browser(portal.signed_in()) as browser:
        await browser.get("/api/v1/documents")
        await browser.get("/api/v1/documents")
        assert portal.identity.principal_questions == 1
        await browser.post("/passwort", data=told)
        await browser.get("/api/v1/documents")
    assert portal.identity.principal_questions == 2


async def test_the_forced_change_asks_for_no_old_password(portal: FakePortal) -> None:
    """At the first login there are two fields, and cancelling means signing out."""
    portal.max.pending = ["change_password"]
    async with portal.browser(portal.signed_in()) as browser:
        page = (await browser.get("/passwort")).text
    assert 'name="current_password"' not in page
    assert 'action="/logout"' in page
    assert "Neues Passwort bestätigen *" in page
