import re
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.brand import Brand, contrast
from tests.gateway.fakes.portal import FakePortal

COLORS = st.integers(0, 0xFFFFFF).map(lambda value: f"#{value:06x}")


def shades(brand: Brand) -> dict[str, str]:
    return dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", brand.stylesheet()))


@given(COLORS)
@example("#ba2aae")
def test_every_colour_of_a_company_stays_readable(color: str) -> None:
    """Text on the bar, on buttons and in links has a contrast of 4.5, whatever colour is set."""
    shade = shades(replace(Brand.of(FakePortal.settings_of()), color=color))
    assert contrast(shade["brand-ink"], shade["brand"]) >= 4.5
    assert contrast(shade["brand-ink"], shade["brand-deep"]) >= 4.5
    assert contrast(shade["brand-text"], shade["brand-soft"]) >= 4.5


@pytest.mark.parametrize(("one", "two", "ratio"), [("#ffffff", "#000000", 21.0), ("#777777", "#ffffff", 4.48)])
def test_contrast_is_that_of_the_guideline(one: str, two: str, ratio: float) -> None:
    """The figures of WCAG's own examples come out."""
    assert contrast(one, two) == pytest.approx(ratio, abs=0.01)


def test_the_phone_can_be_dialled() -> None:
    """The link has digits alone."""
    assert Brand.of(FakePortal.settings_of()).phone_link == "tel:01802090209"
