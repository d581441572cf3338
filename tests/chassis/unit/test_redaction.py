"""Redaction: what looks like a secret does not leave the process, and nothing it is given can break it."""

import time
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.redaction import _hide_in, is_secret_name, redact, redact_text, without_query

JWT = "eyJhbGciOiJFZDI1NTE5Iiwia2lkIjoiYSJ9.eyJzdWIiOiJ4In0.aCh5cXlEvIrtbnC4EratOLZeH3uq"
JWE = "eyJhbGciOiJFQ0RILUVTIn0..48V1_ALb6US04U3b.5eym8TW_c8SuK0ltJ3rpYIzOeDQz7TALvtu6UG9oMo4vpzs9tX_EFShS8iB7j6ji.XFBoMYUZodetZdvTiFvSkQ"


@pytest.mark.parametrize(
    "text",
    [
        "GET /einladung?token=geheim HTTP/1.1",
        "GET /x?a=1&reset_token=geheim&b=2",
        "https://host/callback?code=geheim&state=1",
        "https://s3/b/k?X-Amz-Signature=geheim&X-Amz-Expires=60",
        "password=geheim",
        "new_password = 'x', PASSWORD=geheim;",
        '{"password": "geheim", "username": "max"}',
        '{"new_password":"ge\\"geheim"}',
        "{'initial_password': 'geheim'}",
        "connecting to postgresql://documents:geheim@127.0.0.1/documents",
        "redis://:geheim@host",
        "Authorization: Bearer geheimgeheim",
        "authorization: basic Z2VoZWltZ2VoZWlt",
        "cookie: __Host-session=geheim; path=/",
        "Set-Cookie: session=geheim",
        'DETAIL:  Failing row contains (4711, geheim, {"a": (1)}, now).',
        "DETAIL:  Key (email)=(geheim@mail.de) already exists.",
    ],
)
def test_secrets_in_texts_are_hidden(text: str) -> None:
    """Query strings, forms, JSON, connection strings, headers and PostgreSQL's details lose their secret part."""
    hidden = redact_text(text)
    assert "***" in hidden
    assert "geheim" not in hidden
    assert "Z2VoZWlt" not in hidden


@pytest.mark.parametrize("token", [JWT, JWE])
def test_tokens_are_hidden_wherever_they_stand(token: str) -> None:
    """A compact JWS or JWE in the middle of a sentence is cut out."""
    assert redact_text(f"cannot read {token}, sorry") == "cannot read ***, sorry"


@pytest.mark.parametrize(
    "text",
    [
        "document R0099901888 of customer 4711 filed as version 2",
        "billing/sap-1/2026/11/23/R0099901888.pdf",
        "Ärger mit ł und €",
        "relation = note, sqlstate=23505, status_code=200",
        "offset=12 partition=3",
        "",
    ],
)
def test_ordinary_texts_stay_as_they_are(text: str) -> None:
    """What operators look for is still there."""
    assert redact_text(text) == text


def test_secret_names_hide_whatever_they_hold() -> None:
    """Nested members under a secret's name are hidden, their neighbours are not."""
    event = {
        "document_id": UUID(int=7),
        "headers": {"Authorization": b"x", "cookie": ["a"], "accept": "json"},
        "users": [{"username": "max", "initial_password": "k7mq", "token": None}],
        "s3_secret_key": "k",
    }
    assert redact(event) == {
        "document_id": str(UUID(int=7)),
        "headers": {"Authorization": "***", "cookie": "***", "accept": "json"},
        "users": [{"username": "max", "initial_password": "***", "token": None}],
        "s3_secret_key": "***",
    }


def test_bytes_are_counted_not_shown() -> None:
    """A PDF or a key in an event becomes its length."""
    assert redact({"content": b"%PDF-", "buffer": bytearray(3)}) == {"content": "<5 bytes>", "buffer": "<3 bytes>"}


def test_deep_and_circular_values_come_to_an_end() -> None:
    """A value that contains itself is cut off."""
    circle: dict[str, Any] = {}
    circle["again"] = circle
    assert str(redact(circle)).endswith("'…'" + "}" * 8)


@pytest.mark.parametrize(
    "part",
    [
        "token",
        "a.",
        "a-",
        "eyJ",
        "eyJ-",
        '"password": "',
        "'password': \"",
        "://a",
        "://:",
        "Key (",
        "Key (a)=(",
        "a=",
        '"',
        "cookie:",
        "bearer ",
    ],
)
def test_long_texts_take_little_time(part: str) -> None:
    """No pattern backtracks: a text made to provoke that is done at once, and is cut."""
    started = time.perf_counter()
    assert len(redact_text(part * (1_000_000 // len(part)))) < 200_000
    assert time.perf_counter() - started < 1


def test_names() -> None:
    """Names of secrets are known in every spelling that occurs here."""
    secret = ("password", "new_password", "Set-Cookie", "X-Api-Key", "kafka_key_file_password", "database_dsn")
    assert all(is_secret_name(name) for name in (*secret, "x-kundenportal-principal", "private_key", "refreshToken"))
    assert not any(is_secret_name(name) for name in ("customer_number", "key", "session_id", "code", "principal_id"))


def test_addresses_lose_their_query() -> None:
    """Neither query nor fragment is kept."""
    assert without_query("http://h/p?token=1#x") == without_query("http://h/p#x?y") == "http://h/p"


FRAGMENTS = (
    "token=geheim",
    '"token":"geheim"',
    "'pwd':'x'",
    "redis://:geheim@host",
    "bearer\u2003geheimgeheim",
    JWT,
    JWE,
)
PIECES = ("token", "=", ":", " ", "'", '"', "eyJ", ".", "@", "Key (", "Failing row contains (", "cookie", "ä", "\n")


@given(st.lists(st.sampled_from((*FRAGMENTS, *PIECES)), max_size=4).map("".join))
def test_texts_let_through_at_once_had_nothing_to_hide(text: str) -> None:
    """What the first look takes for harmless stays the same when every pattern is asked."""
    assert redact_text(text) == _hide_in(text)
