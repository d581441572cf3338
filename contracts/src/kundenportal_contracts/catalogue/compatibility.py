"""What in a new schema breaks an old one: records that were said before are no longer taken, or readers are surprised.

Allowed are new fields that may be left out, new values of an enumeration, and wider bounds. Whether one pattern takes all
that another took cannot be computed, so another pattern counts as a break.
"""

from collections.abc import Iterator
from typing import Any

Schema = dict[str, Any]

# The lowest that each would be where it is missing.
LEAST = {"minLength": 0, "minItems": 0, "minimum": float("-inf"), "exclusiveMinimum": float("-inf")}
MOST = ("maxLength", "maximum", "maxItems", "exclusiveMaximum")
SHAPES = ("pattern", "format", "contentEncoding", "not", "oneOf", "prefixItems", "multipleOf")
ANYTHING = "anything"
ADDRESS = {"x-kafka-topic": "topic", "x-kafka-key": "key"}


def breaks(ce_type: str, old: Schema, new: Schema | None) -> list[str]:
    """Name each break as `event: field: what`; nothing where the new schema is the old one or adds to it.

    What billing says may become wider, as the portal reads it; what the portal says may not become null or another type,
    as others read it who know the old schema.
    """
    if new is None:
        return [f"{ce_type}: the event is gone"]
    moved = [f"{ce_type}: its {name} is another" for key, name in ADDRESS.items() if old.get(key) != new.get(key)]
    widening = ce_type.startswith("billing.")
    return moved + [f"{ce_type}: {field}: {what}" for field, what in _object("", old, new, widening)]


def _object(path: str, old: Schema, new: Schema, widening: bool) -> Iterator[tuple[str, str]]:
    before, now = old.get("properties", {}), new.get("properties", {})
    must_before, must_now = set(old.get("required", ())), set(new.get("required", ()))
    for name, schema in before.items():
        field = f"{path}{name}"
        if name not in now:
            yield field, f"is gone{_renamed(schema, before, now)}"
            continue
        if name in must_now - must_before:
            yield field, "could be left out, and must be there now"
        if name in must_before - must_now and not widening:
            yield field, "was always there, and may be left out now"
        yield from _value(field, schema, now[name], widening)
    for name in must_now - set(before):
        yield f"{path}{name}", "is new and must be there: what was said before lacks it"
    yield from _further(f"{path}*", old, new, widening)


def _further(field: str, old: Schema, new: Schema, widening: bool) -> Iterator[tuple[str, str]]:
    """Compare what may stand in fields that the schema does not name: True for anything, as where nothing is said."""
    before, now = (schema.get("additionalProperties", True) for schema in (old, new))
    if before is False or now is True:
        return
    if now is False:
        yield field, "takes no further fields any more"
    else:
        yield from _value(field, {} if before is True else before, now, widening)


def _renamed(schema: Schema, before: Schema, now: Schema) -> str:
    like = [name for name, other in now.items() if name not in before and other == schema]
    return f" (renamed to {like[0]}?)" if like else ""


def _value(field: str, old: Schema, new: Schema, widening: bool) -> Iterator[tuple[str, str]]:
    before, now = _by_type(old), _by_type(new)
    for kind, alternatives in before.items():
        taken = now.get(kind, []) + (now.get("number", []) if kind == "integer" else [])
        taken = taken or now.get(ANYTHING, [])
        if not taken:
            yield field, f"could be {kind}, and cannot any more"
        for one in alternatives if taken else ():
            # What one of the new ones takes is taken; where none takes it all, the nearest tells what is missing.
            yield from min((list(_same_type(field, one, other, widening)) for other in taken), key=len)
    if not widening:
        yield from ((field, f"was never {kind}, and may be now") for kind in sorted(set(now) - set(before)))


def _by_type(schema: Schema) -> dict[str, list[Schema]]:
    """Give the alternatives by their type; there may be several of one."""
    found: dict[str, list[Schema]] = {}
    for one in schema.get("anyOf", [schema]):
        found.setdefault(str(one.get("type", ANYTHING)), []).append(one)
    return found


def _same_type(field: str, old: Schema, new: Schema, widening: bool) -> Iterator[tuple[str, str]]:
    yield from ((field, what) for what in (*_values(old, new), *_bounds(old, new)))
    yield from ((field, f"has another {name}") for name in SHAPES if name in new and old.get(name) != new[name])
    yield from _object(f"{field}.", old, new, widening)
    if "items" in old or "items" in new:
        yield from _value(f"{field}[]", old.get("items", {}), new.get("items", {}), widening)


def _values(old: Schema, new: Schema) -> Iterator[str]:
    before, now = (schema.get("enum", [schema["const"]] if "const" in schema else None) for schema in (old, new))
    if now is None:
        return
    if before is None:
        yield "took any value, and takes a few only now"
        return
    yield from (f"no longer takes {value!r}" for value in before if value not in now)


def _bounds(old: Schema, new: Schema) -> Iterator[str]:
    for name, lowest in LEAST.items():
        if name in new and new[name] > old.get(name, lowest):
            yield f"{name} is {new[name]}, and was {old.get(name, 'none')}"
    for name in MOST:
        if name in new and new[name] < old.get(name, float("inf")):
            yield f"{name} is {new[name]}, and was {old.get(name, 'none')}"
