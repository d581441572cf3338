import re

import pytest

from tests.gateway.fakes.portal import FakePortal


async def test_a_stylesheet_is_kept_for_a_year_under_its_own_hash(portal: FakePortal) -> None:
    """The page names the hashed address, and what lies there never changes."""
    async with portal.browser() as browser:
        page = (await browser.get("/login")).text
        path = re.search(r'href="(/static/[0-9a-f]{16}/portal\.css)"', page)
        assert path
        answer = await browser.get(path[1])
        again = await browser.get(path[1], headers={"if-none-match": answer.headers["etag"]})
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["content-type"] == "text/css; charset=utf-8"
    assert "--brand: #2c7a3f" in answer.text
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("path", ["/static/0000000000000000/portal.css", "/static/a/..%2fmain.py", "/static/a/b/c"])
async def test_nothing_else_is_found_there(portal: FakePortal, path: str) -> None:
    """Files are known by their full address; there is no folder to walk out of."""
    async with portal.browser() as browser:
        answer = await browser.get(path)
    assert answer.status_code == 404
    assert answer.headers["cache-control"] == "no-store"


async def test_every_file_a_page_names_is_there(portal: FakePortal) -> None:
    """No page asks for a file that is missing."""
    async with portal.browser(portal.signed_in()) as browser:
        page = (await browser.get("/dokumente")).text
        for path in set(re.findall(r'"(/static/[^"]+)"', page)):
            assert (await browser.get(path, headers={"accept-encoding": "identity"})).status_code == 200
