"""The generated documents: equal to the models, true to their specifications, of use to somebody with other tools."""

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft7Validator, Draft202012Validator

from kundenportal_contracts.catalogue import EVENTS
from kundenportal_contracts.catalogue.folder import differences, read_schemas, write
from kundenportal_contracts.catalogue.schemas import schemas
from kundenportal_contracts.catalogue.yaml import to_yaml
from tests.contracts.golden import CONTRACTS, FILES, read
from tests.contracts.unit.test_events import BAD_CUSTOMERS, BAD_DOCUMENTS, HOSTILE, ISSUED, each
from tests.contracts.unit.test_every_event import BAD, data_of

SCHEMAS = schemas()
# JSON Schema knows 3.0 as a whole number, formats as remarks, and one expression where the model has code.
NOT_SAID: dict[str, list[Any]] = {
    "document_number": ["a\u200bb"],
    "size": [3.0],
    "user_version": [1.0],
    "issued_on": ["2018-02-30"],
    "document_ids": [["4711"]],
    "until": ["2027-02-30"],
}
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=12) | st.sampled_from(["null", "Yes", "a: b", "- x"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=12,
)


def refuses(ce_type: str, data: Any) -> bool:
    return not Draft202012Validator(SCHEMAS[ce_type]).is_valid(data)


def known(field: str, value: Any) -> bool:
    """Whether it is known that a schema takes this; Python's `$` also stands before a line's end, ECMA's does not."""
    return value in NOT_SAID.get(field, []) or (isinstance(value, str) and value.endswith("\n"))


def test_documents_are_what_the_models_say() -> None:
    """Equal, event by event and field by field; `kundenportal-contracts describe contracts` writes them."""
    assert differences(CONTRACTS) == []


def test_a_document_that_is_behind_is_told_by_event_and_field(tmp_path: Path) -> None:
    """A field that is other, new, gone or optional, an event without a schema and one without a model."""
    write(tmp_path)
    (tmp_path / "schemas" / "notifier.MailLost.v1.json").write_text("{}")
    wanted = deepcopy(SCHEMAS)
    del wanted["notifier.MailSent.v1"]
    changed = wanted["billing.CustomerClosed.v1"]
    changed["properties"]["reason"]["maxLength"] = 40
    changed["properties"]["closed_on"] = changed["properties"].pop("customer_number")
    changed["required"].remove("reason")
    (tmp_path / "schemas" / "identity.UserCreated.v1.json").unlink()
    (tmp_path / "asyncapi.yaml").write_text("asyncapi: 3.1.0\n")
    assert [line.partition(": the model says")[0] for line in differences(tmp_path, wanted)] == [
        "notifier.MailLost.v1: no model says this event",
        "notifier.MailSent.v1: no model says this event",
        "billing.CustomerClosed.v1: reason",
        "billing.CustomerClosed.v1: closed_on: is not in the schema",
        "billing.CustomerClosed.v1: customer_number: is not in the model",
        "billing.CustomerClosed.v1: reason: must be there in schema only",
        "identity.UserCreated.v1: has no schema",
        "asyncapi.yaml: is not what models and topics say",
    ]


def test_describing_removes_what_no_event_has(tmp_path: Path) -> None:
    """Written anew, the folder holds the events and nothing else."""
    (tmp_path / "schemas").mkdir()
    (tmp_path / "schemas" / "notifier.MailLost.v1.json").write_text("{}")
    assert write(tmp_path) == len(EVENTS)
    assert set(read_schemas(tmp_path / "schemas")) == set(EVENTS)
    assert differences(tmp_path) == []


@pytest.mark.parametrize("ce_type", EVENTS)
def test_a_schema_is_one_in_either_dialect(ce_type: str) -> None:
    """Draft 2020-12 as it says, and draft 07 as the tools of AsyncAPI read it; it refers to nothing else."""
    Draft202012Validator.check_schema(SCHEMAS[ce_type])
    Draft7Validator.check_schema({**SCHEMAS[ce_type], "$schema": "http://json-schema.org/draft-07/schema"})
    assert "$ref" not in json.dumps(SCHEMAS[ce_type])


@pytest.mark.parametrize("ce_type", EVENTS)
def test_each_field_is_described_in_the_schema(ce_type: str) -> None:
    """Of every field there is a sentence, or values that speak for themselves."""
    for name, schema in SCHEMAS[ce_type]["properties"].items():
        for one in schema.get("anyOf", [schema]):
            assert {"description", "enum", "items", "format"} & set(one) or one["type"] in {"null", "boolean"}, name


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_an_example_fits_its_schema(file: Path) -> None:
    """Whoever validates with the schema takes what is said."""
    example = read(file)
    assert not refuses(example["headers"]["ce_type"], example["data"])


@pytest.mark.parametrize("ce_type", EVENTS)
def test_a_schema_refuses_what_its_model_refuses(ce_type: str) -> None:
    """Bounds of a field stand in the schema; what JSON Schema cannot say is a short list."""
    data = data_of(ce_type)
    for field in EVENTS[ce_type].model_fields:
        assert refuses(ce_type, {**data, field: {"a": [1]}}), field
        for value in BAD.get(field, []) if "company" not in data else []:
            said = Draft202012Validator(SCHEMAS[ce_type]["properties"][field]).is_valid(value)
            by_format = isinstance(value, str) and field.endswith(("_id", "_ids", "at", "email", "address"))
            assert not said or by_format or known(field, value), (field, value)


@pytest.mark.parametrize(("name", "value"), each(BAD_DOCUMENTS))
def test_the_schema_of_a_document_refuses_what_the_portal_refuses(name: str, value: Any) -> None:
    """Billing can check before it sends; whether the content is base64 is left to the portal."""
    assert refuses("billing.DocumentIssued.v1", {**ISSUED, name: value}) or known(name, value) or name == "content"


@pytest.mark.parametrize(("name", "value"), each(BAD_CUSTOMERS))
def test_the_schema_of_a_customer_refuses_what_the_portal_refuses(name: str, value: Any) -> None:
    """Addresses are a format that each tool checks as it likes."""
    data = data_of("billing.CustomerRegistered.v1")
    assert refuses("billing.CustomerRegistered.v1", {**data, name: value}) or known(name, value) or name == "email"


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_schema_refuses_what_could_become_a_header(text: str) -> None:
    """Control characters, line breaks and encoded words are out of bounds there too."""
    data = data_of("billing.CustomerRegistered.v1")
    assert refuses("billing.CustomerRegistered.v1", {**data, "company": text})


@given(json_values)
def test_what_is_written_as_yaml_is_read_the_same(value: Any) -> None:
    """Any value of JSON comes back from a YAML reader."""
    assert yaml.safe_load(to_yaml(value)) == value
