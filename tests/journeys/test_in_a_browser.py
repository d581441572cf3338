"""A first login as a person does it: with the welcome mail beside a real browser, JavaScript off."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from tests.fixtures.bus import Bus, bus, invoice, registration
from tests.fixtures.customers import credentials
from tests.fixtures.papers import pdf
from tests.fixtures.portal import Portal
from tests.fixtures.visitor import PASSWORD

pytestmark = [pytest.mark.journey, pytest.mark.browser]
EMAIL = "emil@hof-fuenf.example"
INVOICE = pdf("Rechnung R-BROWSER", padding=30_000)


@pytest.fixture
async def billing(portal: Portal) -> AsyncIterator[Bus]:
    async with bus(portal.stack["kafka_bootstrap"]) as speaker:
        yield speaker


@pytest.fixture
async def page(portal: Portal, browser: Browser) -> AsyncIterator[Page]:
    context = await browser.new_context(
        base_url=portal.stack["gateway_url"], java_script_enabled=False, locale="de-DE", accept_downloads=True
    )
    yield await context.new_page()
    await context.close()


async def sign_in(page: Page, username: str, password: str) -> None:
    await page.goto("/login")
    await page.get_by_label("Benutzername").fill(username)
    await page.get_by_label("Passwort", exact=False).first.fill(password)
    await page.get_by_role("button", name="Login").click()


async def test_from_the_welcome_mail_to_the_pdf(portal: Portal, billing: Bus, page: Page, tmp_path: Path) -> None:
    """Login, Passwort ändern, Datenschutzhinweise, Hauptansicht, Dokumente, and the PDF on the disk."""
    await billing.register(registration("5050", EMAIL, "emil.fünf"))
    await billing.issue(invoice("5050", "R-BROWSER", INVOICE))
    portal.mail(EMAIL, "R-BROWSER")
    username, password = credentials(portal, EMAIL)
    await sign_in(page, username, password)
    await expect(page.get_by_role("heading", name="Passwort ändern")).to_be_visible()
    await page.get_by_label("Neues Passwort").first.fill(PASSWORD)
    await page.get_by_label("Neues Passwort bestätigen").fill(PASSWORD)
    await page.get_by_role("button", name="Passwort ändern").click()
    await expect(page.get_by_text("Bitte lesen und akzeptieren Sie unsere Datenschutzhinweise.")).to_be_visible()
    await page.get_by_role("button", name="Datenschutzhinweise akzeptieren").click()
    await page.get_by_role("main").get_by_role("link", name="Dokumente").first.click()
    async with page.expect_download() as download:
        await page.get_by_role("row", name="R-BROWSER").get_by_role("link", name="PDF").first.click()
    saved = tmp_path / "R-BROWSER.pdf"
    await (await download.value).save_as(saved)
    assert saved.read_bytes() == INVOICE


async def test_a_wrong_password_is_told_and_opens_nothing(page: Page) -> None:
    """The page says in German that it did not work, keeps the name, and stays a login."""
    await sign_in(page, "niemand", "falsch")
    await expect(page.get_by_role("alert")).to_contain_text("Passwort")
    await expect(page.get_by_label("Benutzername")).to_have_value("niemand")
    await page.goto("/dokumente")
    await expect(page).to_have_url("/login?weiter=%2Fdokumente")
