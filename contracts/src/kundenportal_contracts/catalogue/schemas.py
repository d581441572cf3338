"""JSON Schemas (draft 2020-12) of the events, derived from the models: what a reader takes.

They stand alone, without references, in keywords that draft 07 knows too. What they accept is a little more than what the
models take (a time of 24:61, 3.0 as a whole number); what they refuse is refused.
"""

from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from kundenportal_contracts.catalogue import EVENTS
from kundenportal_contracts.envelope import EventData

DIALECT = "https://json-schema.org/draft/2020-12/schema"
DEFINITIONS = "#/$defs/"

Schema = dict[str, Any]


class _WithoutTitles(GenerateJsonSchema):
    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - pydantic's signature
        """Leave out titles: they repeat the field's name."""
        return False


def schemas() -> dict[str, Schema]:
    """Give the schema of each event by its type."""
    return {ce_type: schema_of(model) for ce_type, model in EVENTS.items()}


def schema_of(model: type[EventData]) -> Schema:
    """Give the schema of one event, its title the event's type, its fields in the model's order."""
    derived = model.model_json_schema(mode="validation", schema_generator=_WithoutTitles)
    fields = _alone(derived, derived.pop("$defs", {}))
    about = {"$schema": DIALECT, "$id": f"urn:kundenportal:{model.ce_type}", "title": model.ce_type}
    about["description"] = " ".join(str(derived["description"]).split())
    about |= {"x-kafka-topic": model.topic.name, "x-kafka-key": model.key_field}
    return about | {
        name: fields[name] for name in ("type", "properties", "required", "additionalProperties") if name in fields
    }


def _alone(node: Any, definitions: dict[str, Schema]) -> Any:
    """Put each definition where it is referred to."""
    if isinstance(node, list):
        return [_alone(item, definitions) for item in node]
    if not isinstance(node, dict):
        return node
    if isinstance(reference := node.get("$ref"), str):
        definition = dict(definitions[reference.removeprefix(DEFINITIONS)])
        definition.pop("title", None)
        node = definition | {name: value for name, value in node.items() if name != "$ref"}
    return {name: _alone(value, definitions) for name, value in node.items()}
