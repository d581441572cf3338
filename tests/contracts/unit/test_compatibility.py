"""What was released stays: examples are frozen and readable, and a breaking model is told by event and field."""

import json
import shutil
from pathlib import Path
from typing import Annotated, Any, Literal, get_type_hints

import pytest
from pydantic import Field, StringConstraints, create_model
from typer.testing import CliRunner

from kundenportal_contracts.catalogue import EVENTS
from kundenportal_contracts.catalogue.compatibility import breaks
from kundenportal_contracts.catalogue.releases import EXAMPLES, MANIFEST, broken_promises, manifest, release
from kundenportal_contracts.catalogue.schemas import schema_of, schemas
from kundenportal_contracts.cli import contracts
from kundenportal_contracts.envelope import EventData
from tests.contracts.golden import CONTRACTS

CLOSED, REMOVED = "billing.CustomerClosed.v1", "documents.DocumentRemoved.v1"
ISSUED, PUBLISHED, ENDING = (
    "billing.DocumentIssued.v1",
    "documents.DocumentPublished.v1",
    "documents.RetentionEnding.v1",
)
USER = "identity.UserCreated.v1"
Short = Annotated[str, StringConstraints(max_length=40)]


def changed(ce_type: str, without: str = "", **fields: Any) -> type[EventData]:
    """The model with some fields other, more or fewer."""
    model = EVENTS[ce_type]
    hints = get_type_hints(model, include_extras=True)
    kept: dict[str, Any] = {
        name: (hints[name], ... if info.is_required() else info.default)
        for name, info in model.model_fields.items()
        if name != without
    }
    made: type[EventData] = create_model(model.__name__, __base__=EventData, **{**kept, **fields})
    made.ce_type, made.topic, made.key_field, made.__doc__ = ce_type, model.topic, model.key_field, model.__doc__
    return made


def forbidding(model: type[EventData]) -> type[EventData]:
    """The model, taking no field that it does not know."""
    made: type[EventData] = create_model(
        model.__name__, __base__=model, __doc__=model.__doc__, __cls_kwargs__={"extra": "forbid"}
    )
    return made


def broken_by(ce_type: str, model: type[EventData]) -> list[str]:
    return broken_promises(CONTRACTS, {**EVENTS, ce_type: model}, {**schemas(), ce_type: schema_of(model)})


BREAKS = {
    "removed": (CLOSED, {"without": "reason"}, "reason: is gone"),
    "renamed": (CLOSED, {"without": "reason", "why": (EVENTS[CLOSED].model_fields["reason"].annotation, ...)}, "reason: is gone"),
    "type narrowed": (ISSUED, {"size": (Annotated[str, Field(max_length=9)], ...)}, "size: could be integer, and cannot any more"),
    "null refused": (REMOVED, {"version": (int, ...)}, "version: could be null, and cannot any more"),
    "must be there": (ISSUED, {"due_on": (str | None, ...)}, "due_on: could be left out, and must be there now"),
    "new and must be there": (CLOSED, {"closed_on": (str, ...)}, "closed_on: is new and must be there"),
    "value dropped": (REMOVED, {"reason": (Literal["withdrawn", "expired"], ...)}, "reason: no longer takes 'erased'"),
    "any value before": (CLOSED, {"reason": (Literal["Ende"], ...)}, "reason: took any value"),
    "bound tightened": (CLOSED, {"reason": (Short, ...)}, "reason: maxLength is 40, and was 500"),
    "least raised": (ISSUED, {"size": (Annotated[int, Field(ge=1)], ...)}, "size: minimum is 1, and was 0"),
    "another pattern": (ISSUED, {"currency": (Annotated[str, StringConstraints(pattern="^EUR$")] | None, None)}, "currency: has another pattern"),
    "fewer items": (ENDING, {"document_ids": (Annotated[tuple[str, ...], Field(min_length=2)], ...)}, "document_ids: minItems is 2"),
    "other items": (ENDING, {"document_ids": (Annotated[tuple[int, ...], Field(min_length=1)], ...)}, "document_ids[]: could be string"),
    "readers surprised by null": (PUBLISHED, {"size": (int | None, ...)}, "size: was never null, and may be now"),
    "readers surprised by absence": (USER, {"first": (bool, True)}, "first: was always there, and may be left out now"),
}  # fmt: skip
ADDITIONS = {
    "a new field": (PUBLISHED, {"pages": (int | None, None)}),
    "a wider bound": (CLOSED, {"reason": (Annotated[str, Field(max_length=900)], ...)}),
    "a new value": (REMOVED, {"reason": (Literal["withdrawn", "expired", "erased", "recalled"], ...)}),
    "billing may leave it out": (CLOSED, {"reason": (str | None, None)}),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of what is released, to be spoilt."""
    return shutil.copytree(CONTRACTS, tmp_path / "contracts", ignore=shutil.ignore_patterns("src"))


def test_what_was_released_still_holds() -> None:
    """Every released example is what it was and is read as it says; no schema takes less than it took."""
    assert broken_promises(CONTRACTS) == []


def test_every_event_is_released() -> None:
    """Each has a frozen example and a frozen schema: `kundenportal-contracts release contracts` adds what is new."""
    frozen = {name.partition(".v1")[0] + ".v1" for name in manifest(CONTRACTS)}
    assert frozen == set(EVENTS)
    assert {file.stem for file in (CONTRACTS / "schemas" / "released").glob("*.json")} == set(EVENTS)


@pytest.mark.parametrize(("ce_type", "change", "told"), BREAKS.values(), ids=BREAKS)
def test_a_breaking_model_is_told_by_event_and_field(ce_type: str, change: dict[str, Any], told: str) -> None:
    """A reader of what was said before would stumble, and the first line says over what."""
    first, *_ = broken_by(ce_type, changed(ce_type, **change))
    assert first.startswith(f"{ce_type}: {told}")


def test_a_renamed_field_is_guessed() -> None:
    """The new field that is like the one that went is named."""
    hints = get_type_hints(EVENTS[CLOSED], include_extras=True)
    told = broken_by(CLOSED, changed(CLOSED, without="reason", why=(hints["reason"], ...)))
    assert f"{CLOSED}: reason: is gone (renamed to why?)" in told


def event(**field: Any) -> dict[str, Any]:
    return {"type": "object", "properties": {"a": field}, "required": ["a"]}


Schema = dict[str, Any]
TEXT: Schema = {"type": "string"}
NUMBERS: Schema = {"type": "array", "items": {"type": "integer"}}
ENDS: list[Schema] = [{"type": "string", "enum": ["x", "y"]}, {"type": "string", "pattern": "^z"}]
NARROWER = {
    "no further fields": ({**event(**TEXT)}, {**event(**TEXT), "additionalProperties": False}, "*: takes no further fields"),
    "further fields of one type": (event(type="object"), event(type="object", additionalProperties=TEXT), "a.*: could be anything"),
    "further fields of another": (event(additionalProperties=TEXT), event(additionalProperties=NUMBERS), "a.*: could be string"),
    "items of one type": (event(type="array"), event(**NUMBERS), "a[]: could be anything"),
    "one of two alternatives gone": (event(anyOf=ENDS), event(**ENDS[1]), "a: has another pattern"),
    "the other of them": (event(anyOf=ENDS), event(**ENDS[0]), "a: took any value"),
    "whole numbers among others": (event(type="integer"), event(type="number", minimum=1), "a: minimum is 1"),
    "above, no longer from": (event(type="integer"), event(type="integer", exclusiveMinimum=0), "a: exclusiveMinimum is 0"),
    "a place of its own for each": (event(**NUMBERS), event(**NUMBERS, prefixItems=[TEXT]), "a: has another prefixItems"),
}  # fmt: skip
WIDER = {
    "the same": (event(anyOf=ENDS), event(anyOf=ENDS)),
    "in another order": (event(anyOf=ENDS), event(anyOf=ENDS[::-1])),
    "further fields again": ({**event(**TEXT), "additionalProperties": False}, event(**TEXT)),
    "said as it was": (event(type="object"), event(type="object", additionalProperties=True)),
    "another alternative": (event(**ENDS[0]), event(anyOf=ENDS)),
    "items of any type": (event(**NUMBERS), event(type="array")),
    "anything at all": (event(**TEXT), event()),
}


@pytest.mark.parametrize(("old", "new", "told"), NARROWER.values(), ids=NARROWER)
def test_a_schema_that_takes_less_is_told(old: dict[str, Any], new: dict[str, Any], told: str) -> None:
    """Whatever keyword narrows it."""
    first, *_ = breaks(CLOSED, old, new)
    assert first.startswith(f"{CLOSED}: {told}")


@pytest.mark.parametrize(("old", "new"), WIDER.values(), ids=WIDER)
def test_a_schema_that_takes_more_is_free(old: dict[str, Any], new: dict[str, Any]) -> None:
    """Of what billing says; the portal only reads it."""
    assert breaks(CLOSED, old, new) == []


def test_items_of_any_type_surprise_readers() -> None:
    """Of what the portal says, nothing becomes another type."""
    old, new = WIDER["items of any type"]
    assert breaks(ENDING, old, new) == [f"{ENDING}: a[]: was never anything, and may be now"]


def test_a_model_that_forbids_further_fields_breaks() -> None:
    """Additions by billing would no longer be ignored."""
    strict = forbidding(changed(CLOSED))
    assert schema_of(strict)["additionalProperties"] is False
    assert f"{CLOSED}: *: takes no further fields any more" in broken_by(CLOSED, strict)


@pytest.mark.parametrize(("ce_type", "change"), ADDITIONS.values(), ids=ADDITIONS)
def test_an_addition_is_free(ce_type: str, change: dict[str, Any]) -> None:
    """New optional fields, wider bounds and new values break nothing."""
    assert broken_by(ce_type, changed(ce_type, **change)) == []


def test_an_event_that_is_gone_or_moved_is_told() -> None:
    """An event keeps its topic and its key; dropping it is a new version of the interface."""
    without = {ce_type: model for ce_type, model in EVENTS.items() if ce_type != CLOSED}
    remaining = {ce_type: schema for ce_type, schema in schemas().items() if ce_type != CLOSED}
    assert f"{CLOSED}: the event is gone" in broken_promises(CONTRACTS, without, remaining)
    moved = changed(CLOSED)
    moved.topic, moved.key_field = EVENTS[ISSUED].topic, "reason"
    assert broken_by(CLOSED, moved)[:2] == [f"{CLOSED}: its topic is another", f"{CLOSED}: its key is another"]


def test_a_model_that_reads_something_else_is_told() -> None:
    """Also where the schema is the same: an example's values come out as they went in."""

    shouting = changed(CLOSED, reason=(Annotated[str, StringConstraints(to_upper=True)], ...))
    told = broken_promises(CONTRACTS, {**EVENTS, CLOSED: shouting})
    assert [line.partition(": reads as")[0] for line in told] == [f"{CLOSED}: reason"]


def test_a_released_example_cannot_be_edited_or_removed(folder: Path) -> None:
    """By its digest; one that is new is nobody's business yet."""
    examples = folder / EXAMPLES
    edited = json.loads((examples / f"{CLOSED}.json").read_text())
    edited["data"]["reason"] = "something else"
    (examples / f"{CLOSED}.json").write_text(json.dumps(edited))
    (examples / f"{USER}.json").unlink()
    shutil.copy(examples / f"{ISSUED}.json", examples / f"{ISSUED}.another.json")
    assert broken_promises(folder) == [
        f"{CLOSED}.json: was released and is not what it was",
        f"{USER}.json: was released and is gone",
    ]
    with pytest.raises(ValueError, match="is not what it was"):
        release(folder)


def test_a_release_freezes_what_is_new(folder: Path) -> None:
    """New examples get their line in the manifest, those that no model reads are refused."""
    another = folder / EXAMPLES / f"{CLOSED}.another.json"
    good = (folder / EXAMPLES / f"{CLOSED}.json").read_text()
    another.write_text(good.replace('"customer_number": "', '"customer_number": "/'))
    with pytest.raises(ValueError, match=rf"{CLOSED}: customer_number"):
        release(folder)
    another.write_text(good)
    assert release(folder) == [another.name]
    assert another.name in (folder / EXAMPLES / MANIFEST).read_text()
    assert release(folder) == []


def test_the_command_tells_and_fails(folder: Path) -> None:
    """`describe --check` and `release` exit 1 with a line for each trouble, and 0 where all is well."""
    run = CliRunner()
    assert run.invoke(contracts, ["describe", str(folder), "--check"]).exit_code == 0
    (folder / EXAMPLES / f"{USER}.json").unlink()
    (folder / "asyncapi.yaml").write_text("")
    checked = run.invoke(contracts, ["describe", str(folder), "--check"])
    released = run.invoke(contracts, ["release", str(folder)])
    assert (checked.exit_code, released.exit_code) == (1, 1)
    assert f"{USER}.json: was released and is gone" in checked.output + released.output
    assert run.invoke(contracts, ["describe", str(folder)]).exit_code == 0
    assert "asyncapi: " in (folder / "asyncapi.yaml").read_text()
