"""The pages in a real browser, JavaScript off except for the checker's own: what people click, and WCAG by axe."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, BrowserContext, expect

from chassis.lifecycle import HttpServer
from tests.fixtures.embedded import reserved_ports
from tests.gateway.dev_server import PASSWORD, sample_portal
from tests.gateway.fakes.portal import FakePortal

pytestmark = pytest.mark.browser

PAGES = {
    "nobody": [
        "/login", "/login?grund=abgelaufen", "/datenschutzhinweise", "/kontakt", "/impressum", "/passwort-vergessen",
        "/gibtsnicht",
    ],
    "neu": ["/passwort"],
    "english": ["/profil", "/dokumente?group=type"],
    "s8u8i1": [
        "/", "/dokumente", "/dokumente?group=month&q=R00&type=invoice", "/dokumente?q=gibtsnicht",
        "/dokumente?issued_from=gestern", "/dokumente/00000000-0000-4000-8000-000000000001",
        "/profil?ok=benachrichtigung", "/passwort", "/barrierefreiheit",
    ],
}  # fmt: skip
OPEN_ALL = "document.querySelectorAll('details').forEach(d => { d.removeAttribute('name'); d.open = true })"
FITS = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "resultTypes": ["violations"],
}


@dataclass
class Site:
    portal: FakePortal
    browser: Browser
    url: str

    async def visitor(self, username: str | None = None, *, width: int = 1280, scripts: bool = False) -> BrowserContext:
        context = await self.browser.new_context(
            base_url=self.url,
            java_script_enabled=scripts,
            bypass_csp=scripts,
            locale="de-DE",
            viewport={"width": width, "height": 900},
        )
        context.set_default_timeout(15_000)
        if username:
            token = self.portal.signed_in(self.portal.identity.accounts[username])
            await context.add_cookies([{"name": "session", "value": token, "url": self.url}])
        return context


@pytest.fixture
async def site(browser: Browser) -> AsyncIterator[Site]:
    with reserved_ports(1) as (port,):
        portal = sample_portal(port)
        server = HttpServer("http", portal.app, "127.0.0.1", port, drain_seconds=1)
        running = asyncio.create_task(server.run())
        yield Site(portal, browser, f"http://127.0.0.1:{port}")
        server.stop()
        await running


async def test_a_first_login_without_javascript(site: Site, tmp_path: Path) -> None:
    """Login, own password, privacy notice, main view, list, and a file on the disk."""
    page = await (await site.visitor()).new_page()
    await page.goto("/dokumente")
    await page.get_by_label("Benutzername *").fill("neu")
    await page.get_by_label("Passwort *").fill(PASSWORD)
    await page.get_by_role("button", name="Login").click()
    await page.get_by_label("Neues Passwort *").fill("Kühe mögen Gras")
    await page.get_by_label("Neues Passwort bestätigen *").fill("Kühe mögen Gras")
    await page.get_by_role("button", name="Passwort ändern").click()
    await page.get_by_role("main").get_by_role("link", name="Datenschutzhinweise").click()
    await page.get_by_role("link", name="Weiter zur Zustimmung").click()
    await page.get_by_role("button", name="Datenschutzhinweise akzeptieren").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Dokumente")
    async with page.expect_download() as download:
        await page.get_by_role("row", name="R0099901888").get_by_role("link", name="PDF").click()
    saved = tmp_path / (await download.value).suggested_filename
    await (await download.value).save_as(saved)
    assert saved.name == "Rechnung_R0099901888.pdf"
    assert saved.read_bytes() == site.portal.documents.content


async def test_search_filter_group_and_order(site: Site) -> None:
    """Each of them narrows or orders the list, and each can be taken back."""
    page = await (await site.visitor("s8u8i1")).new_page()
    await page.goto("/dokumente")
    await page.get_by_text("Filter").first.click()
    await page.get_by_label("Typ").select_option("Gutschrift")
    await page.get_by_role("button", name="Anwenden").click()
    await expect(page.get_by_role("row")).to_have_count(10)
    await page.get_by_role("link", name="Filter aufheben: Gutschrift").click()
    await page.get_by_text("☰").click()
    await page.get_by_role("link", name="Jahr").click()
    await expect(page.get_by_role("rowheader").first).to_contain_text("2018")
    await page.get_by_role("columnheader", name="Nummer").get_by_role("link").click()
    await expect(page.get_by_role("columnheader", name="Nummer")).to_have_attribute("aria-sort", "ascending")
    await page.get_by_label("Suche").fill("R0099901888")
    await page.get_by_role("button", name="Suchen").click()
    await expect(page.get_by_text("1 Dokument", exact=True)).to_be_visible()


async def test_the_notification_is_chosen_and_kept(site: Site) -> None:
    """The profile's choice is there again after saving, per type as well."""
    page = await (await site.visitor("s8u8i1")).new_page()
    await page.goto("/profil")
    await page.get_by_label("mit Anhang").first.check()
    await page.get_by_text("Je Dokumententyp anders einstellen").click()
    await page.get_by_label("Mahnung").select_option("keine")
    await page.get_by_role("button", name="Speichern").click()
    await expect(page.get_by_role("status")).to_contain_text("gespeichert")
    await expect(page.get_by_label("mit Anhang").first).to_be_checked()
    assert site.portal.notifier.settings == {"default": "attachment", "by_type": {"reminder": "none"}}


async def test_the_menu_shows_who_one_is_and_signs_out(site: Site) -> None:
    """Name, @username, Profil and Abmelden stand behind the arrow."""
    page = await (await site.visitor("s8u8i1")).new_page()
    await page.goto("/")
    await page.locator("summary", has_text="Benutzermenü").click()
    await expect(page.get_by_text("@s8u8i1")).to_be_visible()
    await expect(page.get_by_role("link", name="Profil", exact=True)).to_be_visible()
    await page.get_by_role("button", name="Abmelden").click()
    await expect(page.get_by_role("status")).to_have_text("Sie sind abgemeldet.")


async def test_a_wrong_form_puts_the_focus_on_what_to_do(site: Site) -> None:
    """The summary has the focus, and its link leads to the field."""
    page = await (await site.visitor(scripts=True)).new_page()
    await page.goto("/login")
    await page.get_by_role("button", name="Login").click()
    await expect(page.get_by_role("alert")).to_be_focused()
    await page.get_by_role("alert").get_by_role("link").last.click()
    await expect(page.get_by_label("Passwort *")).to_be_focused()


async def test_the_keyboard_comes_first_to_the_content(site: Site) -> None:
    """The first stop is the link that skips the frame, and it is visible there."""
    page = await (await site.visitor("s8u8i1", scripts=True)).new_page()
    await page.goto("/dokumente")
    await page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Zum Inhalt springen")
    await expect(skip).to_be_focused()
    await expect(skip).to_be_in_viewport()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("main")).to_be_focused()


@pytest.mark.parametrize("who", list(PAGES))
async def test_every_page_is_accessible_and_fits(site: Site, who: str) -> None:
    """axe finds nothing against WCAG 2.2 AA, menus open, wide and narrow; no page is wider than its screen."""
    page = await (await site.visitor(None if who == "nobody" else who, scripts=True)).new_page()
    for path in PAGES[who]:
        await page.goto(path)
        await page.evaluate(OPEN_ALL)
        for width in (1280, 390):
            await page.set_viewport_size({"width": width, "height": 900})
            found = await Axe().run(page, options=RULES)
            assert not found.response["violations"], f"{path} at {width}: {found.generate_report()}"
            assert await page.evaluate(FITS), f"{path} at {width}"
        await page.set_viewport_size({"width": 320, "height": 900})
        assert await page.evaluate(FITS), f"{path} at 320"


async def test_the_acceptance_page_is_accessible(site: Site) -> None:
    """The step that everybody has to take is open to everybody."""
    site.portal.identity.accounts["neu"].pending = ["accept_privacy_notice"]
    page = await (await site.visitor("neu", scripts=True)).new_page()
    await page.goto("/datenschutz")
    found = await Axe().run(page, options=RULES)
    assert not found.response["violations"], found.generate_report()
