"""Values that are read in one step: what comes out is what reading them step by step gives, to the word."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kundenportal_contracts import billing, documents, identity, notifier
from kundenportal_contracts.envelope import EventData, EventInvalid, decode, decode_at_once, read_object, validate

EXAMPLES = sorted((Path(__file__).parents[3] / "contracts/examples").glob("*.json"))
# Tokens of JSON, and some that only look like it, to stand where another value stood.
ODD = (
    *("NaN", "-Infinity", "1e400", "-0", "1.0", "7" * 4_400, "true", "null", '""', '" "', "[]", "{}", "[NaN]", "["),
    *('{"a":1,"a":2}', '{"a":NaN}', '{"a" :1}', '{"key":"a","key":"b"}', '[{"code":"x","detail":"y","code":"z"}]'),
    *(r'"\ud800"', r'"\ud83d\ude00"', r'"\u0000"', '"\x01"', '"a\\":b"', '":"', '"2026-02-30"', '"2026-11-23"'),
    *('"2026-11-23T10:15:00Z"', '"2026-11-23T10:15:00.5+01:00"', '"4711"', '"application/pdf"', "[" * 300 + "]" * 300),
)


def known() -> dict[str, type[EventData]]:
    modules = (billing, documents, identity, notifier)
    models = [one for module in modules for one in vars(module).values() if isinstance(one, type)]
    return {one.ce_type: one for one in models if issubclass(one, EventData) and "ce_type" in vars(one)}


MODELS = known()


def step_by_step(model: type[EventData], value: bytes) -> EventData:
    return validate(model, read_object(value))


def outcome(read: Any, model: type[EventData], value: bytes) -> object:
    try:
        event = read(model, value)
    except EventInvalid as invalid:
        return invalid.reason, invalid.detail, invalid.field
    return event.model_fields_set, repr(event)


def of_example(file: Path) -> tuple[type[EventData], dict[str, Any]]:
    told = json.loads(file.read_text(encoding="utf-8"))
    name = ".".join(file.name.split(".")[:3])
    data = told.get("data", told)
    return MODELS[name], data


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_what_is_spoken_every_day_is_read_at_once(file: Path) -> None:
    """Every example of the interface takes the short way, and comes out the same."""
    model, data = of_example(file)
    value = json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode()
    assert repr(decode_at_once(model, value)) == repr(step_by_step(model, value))


@given(st.data())
def test_any_other_value_is_judged_word_for_word_as_before(data: st.DataObject) -> None:
    """Odd values, keys twice, unknown keys, blanks anywhere, cut ends: same event, or same reason, detail and field."""
    model, example = of_example(data.draw(st.sampled_from(EXAMPLES)))
    pairs = [[json.dumps(key), json.dumps(value, separators=(",", ":"))] for key, value in example.items()]
    for _ in range(data.draw(st.integers(0, 2))):
        pairs[data.draw(st.integers(0, len(pairs) - 1))][1] = data.draw(st.sampled_from(ODD))
    if data.draw(st.booleans()):
        name = data.draw(st.sampled_from([*(key for key, _ in pairs), '"unknown"', r'"\u0063"']))
        pairs.insert(data.draw(st.integers(0, len(pairs))), [name, data.draw(st.sampled_from(ODD))])
    colons = st.sampled_from((":", ":", ":", ": ", " :", "\t:", "\n: ", "\r:"))
    comma = data.draw(st.sampled_from((",", ", ", " ,")))
    text = "{" + comma.join(f"{key}{data.draw(colons)}{value}" for key, value in pairs) + "}"
    value = data.draw(st.sampled_from((b"", b"\xef\xbb\xbf", b" "))) + text.encode()
    value = value[: len(value) - data.draw(st.sampled_from((0, 0, 0, 0, 1, 7)))]
    assert outcome(decode, model, value) == outcome(step_by_step, model, value)


@pytest.mark.parametrize(
    "changed",
    [
        ('"version":1', '"version":1,"version":1'),
        ('"version":1', '"version" :2,"version":1'),
        ('"version":1', '"version"\t:2,"version":1'),
        ('"version":1', '"version":1,"unknown":1'),
        ('"findings":[]', '"findings":[{"code":"a","code":"b","detail":"c"}]'),
        ('"findings":[]', '"findings":[{"code":"a","detail":"c","more":NaN}]'),
        ('"einvoice":null', '"einvoice":{"profile":"x","lines":[{"total":NaN}]}'),
        ('"einvoice":null', '"einvoice":{"profile":"x","total":-Infinity}'),
        ('"einvoice":null', '"einvoice":{"profile":"x","profile":"x"}'),
    ],
)
def test_what_the_short_way_would_not_see_is_left_to_the_long_one(changed: tuple[str, str]) -> None:
    """A key that stands there twice, one that nobody knows, a number that is none, however deep they are."""
    model, data = of_example(next(file for file in EXAMPLES if "DocumentPublished.v1.json" in file.name))
    value = json.dumps({**data, "findings": [], "einvoice": None}, separators=(",", ":")).replace(*changed).encode()
    assert changed[1].encode() in value
    assert decode_at_once(model, value) is None
    assert outcome(decode, model, value) == outcome(step_by_step, model, value)


@given(st.binary(max_size=60))
def test_bytes_of_any_kind_are_judged_as_before(value: bytes) -> None:
    """No bytes reach another answer by the short way."""
    assert outcome(decode, documents.DocumentPublished, value) == outcome(
        step_by_step, documents.DocumentPublished, value
    )
