"""Redaction: what looks like a secret does not leave the process, and nothing it is given can break it."""

import re
import time
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.redaction import (
    _PARTS_OF_NAMES,
    MAX_TEXT,
    _hide_in,
    _hide_values,
    is_secret_name,
    redact,
    redact_text,
    without_query,
)

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
        'DETAIL:  Failing row contains (1, "Zeile (1).\ngeheim", x).\n[SQL: INSERT INTO t VALUES ($1)]',
        "DETAIL:  Key (lower(email))=(a) b\ngeheim) already exists.",
        "DETAIL:  Key (a)=(x\ngeheim) is not present in table t.",
        "Credential(username='x', secret='geheim, geheim', y=1)",
        "password=\"geheim\", password=b'geheim', password='it\\'s geheim'",
        "password: geheim",
        "  initial_password:   geheim und geheim",
        "users:\n- password: geheim geheim\n",
        "password = geheim geheim",
        "user max, password = geheim, host h",
        "password=geheim,geheim;geheim, user=max",
        "url=a?x=password=geheim",
        "X-Api-Key: geheim",
        "sent with X-Api-Key: geheim",
        "x-kundenportal-principal: geheim",
        "[(b'x-kundenportal-principal', b'geheim')]",
        "postgresql://u:geheim@geheim@h/db",
        '{"passwords": ["a]b", "geheim"], "tokens": {"a": {"b": "geheim"}}}',
        '{"password":{"a":"geheim',
        '"{\\"body\\": \\"{\\\\\\"password\\\\\\": \\\\\\"a\\\\\\\\\\\\\\"geheim\\\\\\"}\\"}"',
        '{"kty":"EC","crv":"P-256","d":"geheim","x":"aa","y":"bb"}',
        '{\\"k\\":\\"geheim\\",\\"kty\\":\\"oct\\"}',
        "passphrase=geheim kennwort=geheim",
    ],
)
def test_secrets_in_texts_are_hidden(text: str) -> None:
    """Query strings, forms, JSON, connection strings, headers and PostgreSQL's details lose their secret part."""
    hidden = redact_text(text)
    assert "***" in hidden
    assert "geheim" not in hidden
    assert "Z2VoZWlt" not in hidden


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("Credential(secret='geheim', y=1)", "Credential(secret='***', y=1)"),
        ('{"password": 12345678, "n": 1}', '{"password": ***, "n": 1}'),
        ('{"tokens": ["a", ["b"]], "n": 1}', '{"tokens": ***, "n": 1}'),
        ('{"a": "{\\"password\\": \\"x\\"}", "n": 1}', '{"a": "{\\"password\\": \\"***\\"}", "n": 1}'),
        ('{"secret": "a\\\\", "n": 1}', '{"secret": "***", "n": 1}'),
        ('{"kty": "EC", "d": "x", "x": "y"}', '{"kty": "EC", "d": "***", "x": "y"}'),
        ("the password: x, user: y", "the password: ***, user: y"),
        ("Key (a)=(x\ny) already exists.\n[SQL: x]", "Key (a)=(***) already exists.\n[SQL: x]"),
        ("Failing row contains (1, x\ny).\n[SQL: x]", "Failing row contains (***)\n[SQL: x]"),
        ("  | Failing row contains (1, x).\n  | [SQL: x]", "  | Failing row contains (***)\n  | [SQL: x]"),
        ("Failing row contains (1, x).\n\nDuring handling", "Failing row contains (***)\n\nDuring handling"),
    ],
)
def test_what_stands_beside_a_secret_stays(text: str, hidden: str) -> None:
    """Only the value goes, as far as it reaches and no further."""
    assert redact_text(text) == hidden


@pytest.mark.parametrize("length", [4_000, 5_000, 31_900, 100_000])
def test_long_secrets_are_hidden(length: int) -> None:
    """However long a value is, and also where the line's end tears it."""
    assert "hh" not in redact_text('{"secret": "' + "h" * length + '"}')
    assert "hh" not in redact_text("eyJ" + "h" * length + ".eyJ" + "h" * length + "." + "h" * length)


@pytest.mark.parametrize(
    "secret", ['"password": "geheim-lang"', f"x {JWT}", "postgresql://max:geheim@host", "bearer geheimgeheim"]
)
@pytest.mark.parametrize("filling", ["x ", "xx"])
def test_no_half_of_a_secret_stays_where_a_text_is_cut(secret: str, filling: str) -> None:
    """Wherever the cut goes through it; the beginning of the text stays."""
    for shown in range(len(secret) + 1):
        text = (filling * 16_000)[: MAX_TEXT - shown] + secret + "y" * 50
        hidden = redact_text(text)
        assert not re.search(r"geh|eyJ|lang", hidden)
        assert hidden.startswith(filling * 15_700)
        assert hidden.endswith(" characters more)")


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
        "exit code: 1, session: closed, code = 7, {'code': 7}",
        '{"d": "x", "k": "y", "password": null}',
        "identity.domain.PasswordRefused: it was used before",
        "identity.credentials.v1: missing, {'identity.credentials.v1': [0, 1]}",
        "the key: value pairs and the names [password, token] of a form",
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
        "key": {"kty": "EC", "d": "x", "x": "y"},
        "d": "x",
    }
    assert redact(event) == {
        "document_id": str(UUID(int=7)),
        "headers": {"Authorization": "***", "cookie": "***", "accept": "json"},
        "users": [{"username": "max", "initial_password": "***", "token": None}],
        "s3_secret_key": "***",
        "key": {"kty": "EC", "d": "***", "x": "y"},
        "d": "x",
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
        "eyJaaaaaaaa",
        "eyJaaaaaaaa.",
        "token=[",
        "token=['",
        "token='",
        'token: \\"',
        "token=,",
        "token:\n",
        "token ",
        "token\\",
        "\\",
        "\\'token=[\\",
        "  - ",
        "\n  ",
        "Key (a)=(x) ",
        "key (key)=",
        "Failing row contains (x).",
        "Failing row contains (x) \n",
        ",a",
        "kty'd':'",
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
    "pwd: x",
    "('cookie', b'x')",
    "code=1",
    "'d': 'x'",
)
PIECES = (
    "kty",
    "[",
    "\\",
    "token",
    "=",
    ":",
    " ",
    "'",
    '"',
    "eyJ",
    ".",
    "@",
    "Key (",
    "Failing row contains (",
    "cookie",
    "ä",
    "\n",
)


@given(st.lists(st.sampled_from((*FRAGMENTS, *PIECES)), max_size=4).map("".join))
def test_texts_let_through_at_once_had_nothing_to_hide(text: str) -> None:
    """What the first look takes for harmless stays the same when every pattern is asked."""
    assert redact_text(text) == _hide_in(text)


@given(st.lists(st.sampled_from((*FRAGMENTS, *PIECES, "\u017fecret=x", "private", "_")), max_size=6).map("".join))
def test_texts_without_part_of_a_secret_name_hold_no_pair(text: str) -> None:
    """The look-up of parts that saves most sentences the search for pairs misses none."""
    if not any(part in text.casefold() for part in _PARTS_OF_NAMES):
        assert _hide_values(text, holds_jwk=False) == text


@given(st.lists(st.sampled_from((*FRAGMENTS, *PIECES, "[", "]", "}", ",")), max_size=8).map("".join))
def test_redacting_twice_changes_nothing_more(text: str) -> None:
    """Dead letters are redacted as JSON and again as text."""
    assert redact_text(redact_text(text)) == redact_text(text)
