import pytest

from gateway.return_paths import return_path


@pytest.mark.parametrize(
    "asked",
    [
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "/\\/evil.example",
        "\\\\evil.example",
        "/%2f/evil.example",
        "/%2fevil.example",
        "/%5cevil.example",
        "/dokumente/%2e%2e/x",
        "/./evil",
        "/../evil",
        "/.//evil.example",
        "https://evil.example",
        "https:evil.example",
        "javascript:alert(1)",
        "data:text/html,x",
        "evil.example",
        "@evil.example",
        "/\tevil",
        "\t//evil.example",
        " //evil.example",
        "/\n/evil.example",
        "/dokumente\r\nSet-Cookie: a=b",
        "/dokumente#//evil",
        "/dokumente?x=\r\n",
        "/dokumente?x=\\",
        "/\uff45vil",
        "/login?weiter=/login",
        "/logout",
        "/api/v1/session",
        "/" + "a" * 600,
        "",
        None,
    ],
)
def test_what_is_not_plainly_a_page_of_ours_leads_to_the_main_view(asked: str | None) -> None:
    """No form of address that any browser reads as another host is followed."""
    assert return_path(asked) == "/"


@pytest.mark.parametrize(
    "asked",
    [
        "/",
        "/dokumente",
        "/dokumente?q=R00&sort=-issued_on&cursor=a.b%3D",
        "/dokumente/0b5c7f1e-1111-4222-8333-444455556666",
        "/profil?ok=passwort",
    ],
)
def test_a_page_of_ours_is_followed(asked: str) -> None:
    """The way back after the login keeps its query."""
    assert return_path(asked) == asked
