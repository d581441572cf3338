from pathlib import Path

import pytest

from tests.gateway.fakes.portal import FakePortal

BRAND = {
    "KUNDENPORTAL_BRAND_NAME": "Belegportal",
    "KUNDENPORTAL_BRAND_COMPANY": "Molkerei Süd eG",
    "KUNDENPORTAL_BRAND_COLOR": "#004488",
    "KUNDENPORTAL_BRAND_PHONE": "+49 30 1234",
    "KUNDENPORTAL_BRAND_EMAIL": "hallo@molkerei.example",
    "KUNDENPORTAL_BRAND_ADDRESS": "Milchstraße 1; 10115 Berlin",
    "KUNDENPORTAL_BRAND_REPRESENTATIVE": "Erika Beispiel",
}


@pytest.mark.parametrize(
    "path", ["/kontakt", "/impressum", "/barrierefreiheit", "/passwort-vergessen", "/datenschutzhinweise"]
)
@pytest.mark.parametrize("signed_in", [True, False])
async def test_everybody_may_read_them(portal: FakePortal, path: str, signed_in: bool) -> None:
    """The footer's links work before and after the login, and while identity is away for a guest."""
    async with portal.browser(portal.signed_in() if signed_in else None) as browser:
        answer = await browser.get(path)
    assert answer.status_code == 200
    assert ("Abmelden" in answer.text) is signed_in


async def test_another_company_can_run_it() -> None:
    """Name, colour, phone and address come from settings; nothing of the default brand is left."""
    portal = FakePortal(BRAND)
    async with portal.browser() as browser:
        page = (await browser.get("/impressum")).text
    for shown in ("Belegportal", "Molkerei Süd eG", "Milchstraße 1<br>10115 Berlin", "Erika Beispiel", "tel:+49301234"):
        assert shown in page
    assert "SecAnim" not in page
    assert "vollständigen Angaben erhalten" not in page


async def test_an_operators_own_text_takes_the_place_of_ours(tmp_path: Path) -> None:
    """It is HTML, but nothing in it can act."""
    (tmp_path / "impressum.html").write_text("<h2>Eigenes</h2><script>alert(1)</script>", "utf-8")
    portal = FakePortal({"KUNDENPORTAL_LEGAL_DIR": str(tmp_path)})
    async with portal.browser() as browser:
        page = (await browser.get("/impressum")).text
        assert "Telefon" in (await browser.get("/kontakt")).text
    assert "<h2>Eigenes</h2>" in page
    assert "alert(1)" not in page


async def test_an_own_logo_is_shown(tmp_path: Path) -> None:
    """The picture replaces ours and carries the company's name for those who cannot see it."""
    (tmp_path / "marke.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>", "utf-8")
    portal = FakePortal({"KUNDENPORTAL_BRAND_LOGO": str(tmp_path / "marke.svg")})
    async with portal.browser() as browser:
        page = (await browser.get("/login")).text
    assert "/logo.svg" in page
    assert 'alt="SecAnim"' in page
