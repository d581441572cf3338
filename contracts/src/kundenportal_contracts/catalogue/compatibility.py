"""What in a new schema breaks an old one: records that were said before are no longer taken, or readers are surprised.

Allowed are new fields that may be left out, new values of an enumeration, and wider bounds. Whether one pattern takes all
that another took cannot be computed, so another pattern counts as a break.
"""

from collections.abc import Iterator
from typing import Any

Schema = dict[str, Any]

LEAST, MOST = ("minLength", "minimum", "minItems"), ("maxLength", "maximum", "maxItems")
SHAPES = ("pattern", "format", "contentEncoding", "not", "oneOf")
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


def _renamed(schema: Schema, before: Schema, now: Schema) -> str:
    like = [name for name, other in now.items() if name not in before and other == schema]
    return f" (renamed to {like[0]}?)" if like else ""


def _value(field: str, old: Schema, new: Schema, widening: bool) -> Iterator[tuple[str, str]]:
    before, now = _by_type(old), _by_type(new)
    for kind, schema in before.items():
        if kind in now:
            yield from _same_type(field, schema, now[kind], widening)
        elif not (kind == "integer" and "number" in now):
            yield field, f"could be {kind}, and cannot any more"
    if not widening:
        yield from ((field, f"was never {kind}, and may be now") for kind in sorted(set(now) - set(before)))


def _by_type(schema: Schema) -> dict[str, Schema]:
    return {str(one.get("type", "anything")): one for one in schema.get("anyOf", [schema])}


def _same_type(field: str, old: Schema, new: Schema, widening: bool) -> Iterator[tuple[str, str]]:
    yield from ((field, what) for what in (*_values(old, new), *_bounds(old, new)))
    yield from ((field, f"has another {name}") for name in SHAPES if name in new and old.get(name) != new[name])
    yield from _object(f"{field}.", old, new, widening)
    if "items" in old and "items" in new:
        yield from _value(f"{field}[]", old["items"], new["items"], widening)


def _values(old: Schema, new: Schema) -> Iterator[str]:
    before, now = (schema.get("enum", [schema["const"]] if "const" in schema else None) for schema in (old, new))
    if now is None:
        return
    if before is None:
        yield "took any value, and takes a few only now"
        return
    yield from (f"no longer takes {value!r}" for value in before if value not in now)


def _bounds(old: Schema, new: Schema) -> Iterator[str]:
    for name in LEAST:
        if name in new and new[name] > old.get(name, 0 if name != "minimum" else float("-inf")):
            yield f"{name} is {new[name]}, and was {old.get(name, 'none')}"
    for name in MOST:
        if name in new and new[name] < old.get(name, float("inf")):
            yield f"{name} is {new[name]}, and was {old.get(name, 'none')}"
