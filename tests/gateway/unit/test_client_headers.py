from ipaddress import ip_network

import pytest

from gateway.client_headers import client_address
from tests.gateway.fakes.portal import FakePortal

PROXIES = [ip_network("10.0.0.0/8"), ip_network("fd00::/8")]


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        ("203.0.113.9", ["198.51.100.1"], "203.0.113.9"),
        ("10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["1.1.1.1, 198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["1.1.1.1", "198.51.100.1, 10.0.0.7"], "198.51.100.1"),
        ("10.0.0.1", ["unknown, 10.0.0.7"], "10.0.0.7"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", [""], "10.0.0.1"),
        ("fd00::1", ["2001:db8::5"], "2001:db8::5"),
        ("not-an-address", ["198.51.100.1"], "not-an-address"),
    ],
)
def test_only_a_trusted_proxy_may_say_for_whom_it_asks(peer: str, forwarded: list[str], expected: str) -> None:
    """The nearest address that is no proxy of ours counts; what a client wrote before it does not."""
    assert client_address(peer, [line.encode() for line in forwarded], PROXIES) == expected


async def test_a_forged_forwarded_for_reaches_nobody(portal: FakePortal) -> None:
    """Without trusted proxies identity hears the address of the connection."""
    async with portal.browser() as browser:
        await browser.post(
            "/api/v1/session", json={"username": "x", "password": "y"}, headers={"X-Forwarded-For": "8.8.8.8"}
        )
    assert portal.identity.requests[-1].headers["x-kundenportal-client"] == "203.0.113.9"


@pytest.mark.parametrize("name", ["x-kundenportal-session", "X-Kundenportal-Principal", "x_kundenportal_session"])
async def test_internal_headers_from_outside_are_dropped(portal: FakePortal, name: str) -> None:
    """Nobody becomes somebody by naming a token in an internal header."""
    token = portal.signed_in()
    async with portal.browser() as browser:
        for path in ("/api/v1/session", "/api/v1/documents", "/api/v1/notification-settings"):
            assert (await browser.get(path, headers={name: token})).status_code == 401
    assert not portal.documents.requests


async def test_a_forged_client_address_is_replaced(portal: FakePortal) -> None:
    """Identity's throttling cannot be dodged by an own x-kundenportal-client."""
    headers = {"x-kundenportal-client": "8.8.8.8"}
    async with portal.browser() as browser:
        await browser.post("/api/v1/session", json={"username": "x", "password": "y"}, headers=headers)
    assert portal.identity.requests[-1].headers.getlist("x-kundenportal-client") == ["203.0.113.9"]
