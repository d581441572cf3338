"""The company that runs the portal, and shades of its colour that people can read (WCAG 2.2, 1.4.3)."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gateway.settings import BrandSettings

_WHITE, _BLACK, _PAGE = "#ffffff", "#000000", "#eef3ef"
_READABLE = 4.5
_STEP = 0.06


@dataclass(frozen=True, slots=True)
class Brand:
    name: str
    company: str
    color: str
    logo_file: Path | None
    phone: str
    phone_note: str
    hours: str
    email: str | None
    address: tuple[str, ...]
    representative: str | None
    register: str | None
    vat_id: str | None

    @classmethod
    def of(cls, settings: BrandSettings) -> "Brand":
        return cls(
            name=settings.brand_name,
            company=settings.brand_company,
            color=settings.brand_color,
            logo_file=settings.brand_logo,
            phone=settings.brand_phone,
            phone_note=settings.brand_phone_note,
            hours=settings.brand_hours,
            email=settings.brand_email,
            address=settings.brand_address,
            representative=settings.brand_representative,
            register=settings.brand_register,
            vat_id=settings.brand_vat_id,
        )

    @property
    def phone_link(self) -> str:
        return "tel:" + "".join(letter for letter in self.phone if letter.isdigit() or letter == "+")

    @property
    def is_imprint_complete(self) -> bool:
        return bool(self.address and self.email and self.representative)

    def stylesheet(self) -> str:
        """Give the design tokens that depend on the colour; every pair of text and ground is readable."""
        ink = _WHITE if contrast(_WHITE, self.color) >= contrast(_BLACK, self.color) else _BLACK
        soft = mix(self.color, _WHITE, 0.9)
        tokens = {
            "brand": self.color,
            "brand-ink": ink,
            "brand-deep": mix(self.color, _BLACK if ink == _WHITE else _WHITE, 0.25),
            "brand-text": readable(self.color, on=(_PAGE, soft)),
            "brand-soft": soft,
            "brand-line": mix(self.color, _WHITE, 0.65),
        }
        return ":root {" + "".join(f" --{name}: {shade};" for name, shade in tokens.items()) + " }"


def mix(color: str, other: str, share: float) -> str:
    """Give the colour with that share of the other one."""
    pairs = zip(_channels(color), _channels(other), strict=True)
    return "#" + "".join(f"{round(one * (1 - share) + two * share):02x}" for one, two in pairs)


def contrast(one: str, two: str) -> float:
    """Give the contrast ratio of two colours, 1 to 21."""
    low, high = sorted((_luminance(one), _luminance(two)))
    return (high + 0.05) / (low + 0.05)


def readable(color: str, on: Sequence[str]) -> str:
    """Darken a colour until it is readable as text on each of these grounds."""
    shade, share = color, 0.0
    while min(contrast(shade, ground) for ground in on) < _READABLE:
        share += _STEP
        shade = mix(color, _BLACK, min(share, 1.0))
    return shade


def _channels(color: str) -> tuple[int, int, int]:
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)


def _luminance(color: str) -> float:
    red, green, blue = (
        value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4  # noqa: PLR2004 - sRGB's own knee
        for value in (channel / 255 for channel in _channels(color))
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
