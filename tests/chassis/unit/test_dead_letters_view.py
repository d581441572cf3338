import base64
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.dead_letters.letters import Letter, Note, Origin, Place, fold, note_message, original, parse_place, read
from chassis.dead_letters.view import VALUE_LENGTH, details, plain, summary, value_text
from chassis.messaging.clients import Message
from chassis.messaging.dead_letters import as_message
from chassis.messaging.records import DeadLetter, Record
from chassis.messaging.shorten import shorten
from chassis.telemetry import trace_id_of
from chassis.testing.frozen_clock import FrozenClock
from tests.chassis.odd_headers import LATIN_1, ON_ARRIVAL


def stored(message: Message, offset: int) -> Record:
    """What the broker keeps of a message."""
    return Record(message.topic, 0, offset, message.key, message.value, message.headers)


def letter_of(record: Record, reason: str = "refused", offset: int = 0) -> Letter:
    letter = read(stored(as_message(DeadLetter(record, reason), "dead"), offset), None)
    assert isinstance(letter, Letter)
    return letter


headers = st.lists(st.tuples(st.text(st.characters(codec="utf-8"), max_size=20), st.none() | st.binary(max_size=20)))


@given(st.none() | st.binary(), st.none() | st.binary(), headers)
def test_any_record_comes_back_as_it_was(
    key: bytes | None, value: bytes | None, given: list[tuple[str, bytes]]
) -> None:
    """From record to letter to record nothing changes, whatever the headers are called, ours included."""
    forged = [*given, ("dlq_header_names", b"x"), ("dlq_reason", b"forged"), ("dlq_offset", b"-1")]
    record = Record("billing.documents.v1", 3, 17, key, value, tuple(forged))
    letter = letter_of(record)
    assert letter.origin == Origin("billing.documents.v1", 3, 17)
    back = original(letter, record.value)
    wanted_key = b"" if key is None and value is None else key
    assert back == Message("billing.documents.v1", wanted_key, value, tuple(forged), 3)


def test_a_name_that_is_not_utf8_is_readable_and_its_bytes_are_kept() -> None:
    """Such a letter is shown with an escape, and not written back."""
    letter = letter_of(Record("t", 0, 1, b"k", b"v", (("a", b"1"), (ON_ARRIVAL, b"2"))))
    assert [name for name, _ in letter.headers] == ["a", r"\xfcberschrift"]
    assert letter.odd_names == {1: LATIN_1}
    with pytest.raises(ValueError, match="written back"):
        original(letter, b"v")


def test_a_cut_letter_says_so_and_goes_nowhere() -> None:
    """What was cut is shown, to people and to machines; half a record is never written back as if it were whole."""
    record, cut = shorten(Record("t", 0, 1, b"k", b"v" * 100_000, ((ON_ARRIVAL, b"2"),)))
    letter = read(stored(as_message(DeadLetter(record, "r"), "dead", cut), 0), None)
    assert isinstance(letter, Letter)
    assert (letter.origin, letter.odd_names, letter.size) == (Origin("t", 0, 1), {0: LATIN_1}, 65_536)
    assert cut.startswith("value:100000:")
    assert dict(details(letter, b"v"))["truncated"] == summary(letter)["truncated"] == cut
    whole = letter_of(Record("t", 0, 1, b"k", b"v", (("dlq_truncated", b"forged"),)))
    assert (summary(whole)["truncated"], dict(details(whole, b"v"))["truncated"]) == (None, "no")
    assert original(whole, b"v").headers == (("dlq_truncated", b"forged"),)
    with pytest.raises(ValueError, match="written back"):
        original(replace(letter, odd_names={}), b"v")


OURS = ("dlq_reason", "dlq_topic", "dlq_partition", "dlq_offset", "dlq_header_names", "dlq_truncated")
NOTE = ("dlq_handled", "dlq_action", "dlq_by", "dlq_at")
STRANGE = (
    st.none() | st.binary(max_size=20) | st.sampled_from([b"9" * 5000, b"1", "٣".encode(), b"0:!", b"9:YQ==", b"0/0"])
)


@given(
    st.lists(st.tuples(st.sampled_from([*OURS, "ce_source", "ce_id", "traceparent", ON_ARRIVAL]), STRANGE), max_size=4),
    st.sampled_from([OURS[:4], OURS[:5], (*OURS[:4], OURS[5]), OURS, NOTE]),
    st.lists(STRANGE, min_size=6, max_size=6),
)
def test_no_strange_record_stops_the_operator(
    before: list[tuple[str, bytes]], names: tuple[str, ...], values: list[bytes]
) -> None:
    """Whatever its headers say it is listed and shown, and one that nobody of ours can have written comes from nowhere."""
    found = read(Record("dead", 0, 5, None, b"?", (*before, *zip(names, values, strict=False))), None)
    for letter in fold([found]):
        assert json.dumps(summary(letter))
        assert all(text.isprintable() for _, text in details(letter, b"?"))
        assert letter.origin is None or max(letter.origin.partition, letter.origin.offset) < 10**19


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("dlq_header_names", b"nonsense"),
        ("dlq_header_names", b"0:not base64"),
        ("dlq_header_names", b"99:YQ=="),
        ("dlq_header_names", b"-1:YQ=="),
        ("dlq_partition", b"9" * 5000),
        ("dlq_offset", "٣".encode()),
    ],
)
def test_what_cannot_be_ours_is_shown_as_it_came(name: str, value: bytes) -> None:
    """One header of ours that says nothing makes all of them a stranger's: nothing is believed, nothing hidden."""
    told = {"dlq_reason": b"r", "dlq_topic": b"t", "dlq_partition": b"1", "dlq_offset": b"2", "dlq_header_names": b""}
    given = tuple((told | {name: value}).items())
    letter = read(Record("dead", 0, 5, None, b"?", given), None)
    assert isinstance(letter, Letter)
    assert (letter.origin, letter.reason, letter.odd_names, letter.headers) == (None, "unknown", {}, given)


@pytest.mark.parametrize(
    "given",
    [
        (),
        (("dlq_reason", b"x"),),
        (("dlq_reason", b"x"), ("dlq_topic", b"t"), ("dlq_partition", b"one"), ("dlq_offset", b"2")),
        (("dlq_reason", b"\xff"), ("dlq_topic", b""), ("dlq_partition", b"1"), ("dlq_offset", b"2")),
        (("dlq_handled", b"nowhere"), ("dlq_action", b"replayed"), ("dlq_by", b"me"), ("dlq_at", b"now")),
    ],
)
def test_what_no_service_wrote_is_a_letter_of_unknown_origin(given: tuple[tuple[str, bytes], ...]) -> None:
    """It is listed, never taken for something else, and has nowhere to go back to."""
    found = read(Record("dead", 0, 5, None, b"?", given), None)
    assert isinstance(found, Letter)
    assert found.origin is None
    with pytest.raises(ValueError, match="written back"):
        original(found, b"?")


def note(letter: Letter, offset: int, because: str | None = None) -> Note:
    message = note_message("dead", letter, "replayed", by="Zoë", at=FrozenClock().now(), because=because)
    found = read(stored(message, offset), None)
    assert isinstance(found, Note)
    return found


def test_a_note_is_put_to_its_letter() -> None:
    """Who, what, when and why are kept; the first note counts, and none speaks of what stands behind it."""
    first, second = letter_of(Record("t", 0, 1, b"k", b"v")), letter_of(Record("t", 0, 2, b"k", b"v"), offset=3)
    said = note(first, 1, "broken template, mended")
    early = note(second, 2)
    folded = fold([first, said, early, second, note(first, 4)])
    assert [each.note for each in folded] == [said, None]
    assert (said.letter, said.action, said.by, said.because) == (
        Place(0, 0),
        "replayed",
        "Zoë",
        "broken template, mended",
    )


def test_a_forged_note_handles_nothing() -> None:
    """Headers of a note on a record of billing make its letter no note."""
    forged = (("dlq_handled", b"0/0"), ("dlq_action", b"discarded"), ("dlq_by", b"x"), ("dlq_at", b"y"))
    first = letter_of(Record("t", 0, 1, b"k", b"v"))
    second = letter_of(Record("t", 0, 2, b"k", b"v", forged), offset=1)
    assert [each.note for each in fold([first, second])] == [None, None]


@pytest.mark.parametrize("text", ["", "/", "1/", "/1", "-1", "1/2/3", "٣", "0x1", "1 ", "1\n", "9" * 20, "9" * 5000])
def test_what_names_no_letter_is_refused(text: str) -> None:
    """A place is OFFSET or PARTITION/OFFSET in plain digits."""
    with pytest.raises(ValueError, match="neither"):
        parse_place(text)
    assert (parse_place("17"), parse_place("2/17")) == (Place(0, 17), Place(2, 17))


@pytest.mark.parametrize(
    "value",
    [
        b'{"customer_number": "4711", "secret": "eyJhbGciOi.geheim.x"}',
        b'{"password": "geheim"} and then no JSON',
        b'{"deep": [{"token": "geheim"}]}',
        b'{"x": "https://user:geheim@host/"}',
        b'{"secret": "' + b"geheim" * 1000 + b'"}',
    ],
)
def test_no_secret_is_shown(value: bytes) -> None:
    """Neither in JSON nor in what only looks like it, nor behind the cut."""
    assert "geheim" not in value_text(value)
    letter = letter_of(Record("t", 0, 1, b"k", value, (("authorization", b"Bearer geheim"), ("x-api-key", b"geheim"))))
    assert "geheim" not in repr(details(letter, value))


def test_a_letter_leads_to_its_log_lines() -> None:
    """It names the trace that the service's lines about the record carry, with a traceparent or without."""
    parent = ("traceparent", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
    for record in (Record("t", 0, 1, b"k", b"v", (parent,)), Record("t", 0, 1, b"k", b"v", (("ce_id", b"\xff"),))):
        shown = dict(details(letter_of(record), b"v"))
        assert shown["trace_id"] == trace_id_of(record.trace_headers)
        assert summary(letter_of(record))["trace_id"] == shown["trace_id"]


@given(st.binary(max_size=300))
def test_any_bytes_are_one_printable_line(value: bytes) -> None:
    """No escape sequence, line break or lone surrogate reaches the terminal."""
    for text in (plain(value), value_text(value)):
        assert text.isprintable()
        text.encode()


@pytest.mark.parametrize(
    "value", [b"[" * 100_000, b"x" * 3_000_000, b"9" * 10_000, b'"' + b"\xf0\x9f\x92\xa9" * 9999 + b'"']
)
def test_a_huge_value_is_cut(value: bytes) -> None:
    """However large or deep, a screenful is shown and the rest counted."""
    text = value_text(value)
    assert len(text) < VALUE_LENGTH + 100
    assert "characters more" in text


def test_a_null_value_is_said_to_be_null() -> None:
    """It is not an empty one."""
    assert (value_text(None), value_text(b"")) == ("null", "")


def test_the_names_are_written_behind_ours() -> None:
    """So that an original header of the same name cannot be taken for it."""
    message = as_message(DeadLetter(Record("t", 0, 1, b"k", b"v", ((ON_ARRIVAL, b""),)), "r"), "dead")
    assert message.headers[-1] == ("dlq_header_names", b"0:" + base64.b64encode(LATIN_1))
