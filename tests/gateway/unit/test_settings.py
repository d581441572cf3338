import pytest

from chassis.settings import SettingsInvalid, load_settings
from gateway.settings import GatewaySettings
from tests.gateway.fakes.portal import ENVIRON


def load(**changes: str) -> GatewaySettings:
    return load_settings(GatewaySettings, {**ENVIRON, **{f"KUNDENPORTAL_{k.upper()}": v for k, v in changes.items()}})


@pytest.mark.parametrize(
    "address",
    [
        "http://portal.example",
        "http://localhost.evil.example",
        "http://127.0.0.1.evil.example",
        "ftp://127.0.0.1",
        "https://",
        "portal.example",
        "https://portal.example/kunden",
        "https://portal.example?x=1",
        "https://user:geheim@portal.example",
        "http://10.0.0.1:8000",
    ],
)
def test_a_public_address_that_is_not_safe_ends_the_start(address: str) -> None:
    """Neither http beyond this machine nor an address that is more than an origin is taken."""
    with pytest.raises(SettingsInvalid, match="KUNDENPORTAL_PUBLIC_URL"):
        load(public_url=address)


@pytest.mark.parametrize(
    ("address", "origin"),
    [
        ("https://Portal.Example/", "https://portal.example"),
        ("https://portal.example:443", "https://portal.example"),
        ("https://portal.example:8443", "https://portal.example:8443"),
        ("http://localhost:8000", "http://localhost:8000"),
        ("http://127.0.0.1:80", "http://127.0.0.1"),
        ("http://[::1]:8000", "http://[::1]:8000"),
        ("https://kundenportal-müller.example", "https://xn--kundenportal-mller-z6b.example"),
    ],
)
def test_the_public_address_becomes_the_origin_that_browsers_send(address: str, origin: str) -> None:
    """Case, default ports and umlauts are written as a browser writes them."""
    assert load(public_url=address).public_url == origin


def test_every_missing_variable_is_named_at_once() -> None:
    """An empty environment gives one sentence for each variable."""
    with pytest.raises(SettingsInvalid) as caught:
        load_settings(GatewaySettings, {})
    for name in ("PUBLIC_URL", "IDENTITY_URL", "DOCUMENTS_URL", "NOTIFIER_URL", "HTTP_PORT"):
        assert f"KUNDENPORTAL_{name}" in str(caught.value)


@pytest.mark.parametrize("color", ["green", "#fff", "#12345g", "url(x)", "#112233;}"])
def test_a_colour_that_is_none_ends_the_start(color: str) -> None:
    """The colour goes into a stylesheet, so it is six digits and nothing else."""
    with pytest.raises(SettingsInvalid, match="BRAND_COLOR"):
        load(brand_color=color)


@pytest.mark.parametrize("name", ["brand_logo", "legal_dir"])
def test_a_file_or_folder_that_is_not_there_ends_the_start(name: str) -> None:
    """A wrong path is told before the first visitor sees its effect."""
    with pytest.raises(SettingsInvalid, match=name.upper()):
        load(**{name: "/nowhere/logo.svg"})


def test_proxies_are_networks() -> None:
    """Addresses and networks may be mixed; a word is refused."""
    assert [str(network) for network in load(trusted_proxies="10.0.0.0/8, ::1").trusted_proxies] == [
        "10.0.0.0/8",
        "::1/128",
    ]
    with pytest.raises(SettingsInvalid, match="TRUSTED_PROXIES"):
        load(trusted_proxies="everybody")
