"""What was released stays: golden examples byte for byte and readable, schemas taken as they were or wider.

A release freezes the examples by their SHA-256 (`examples/SHA256SUMS`, as sha256sum writes and checks it) and the schemas
as `schemas/released/<event>.json`. Adding is free; changing what stands there means a new version of the event.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from kundenportal_contracts.catalogue import EVENTS
from kundenportal_contracts.catalogue.compatibility import breaks
from kundenportal_contracts.catalogue.folder import read_schemas, to_json
from kundenportal_contracts.catalogue.schemas import Schema, schemas
from kundenportal_contracts.envelope import EventData, EventInvalid, encode, read_envelope, validate

EXAMPLES, MANIFEST, RELEASED = "examples", "SHA256SUMS", "schemas/released"


def broken_promises(
    folder: Path, models: Mapping[str, type[EventData]] = EVENTS, wanted: Mapping[str, Schema] | None = None
) -> list[str]:
    """Name everything released that no longer holds, as `event: field: what` or `file: what`."""
    now = schemas() if wanted is None else wanted
    released = read_schemas(folder / RELEASED)
    broken = [what for ce_type, old in released.items() for what in breaks(ce_type, old, now.get(ce_type))]
    for name, digest in manifest(folder).items():
        broken += _broken_example(folder / EXAMPLES / name, digest, models)
    return broken


def release(folder: Path) -> list[str]:
    """Freeze what is new: give the names of the files, or raise ValueError with what a release would break."""
    if broken := broken_promises(folder):
        raise ValueError("; ".join(broken))
    frozen, examples = manifest(folder), sorted((folder / EXAMPLES).glob("*.json"))
    new = [file for file in examples if file.name not in frozen]
    if unreadable := [what for file in new for what in _unreadable(file.name, json.loads(file.read_bytes()), EVENTS)]:
        raise ValueError("; ".join(unreadable))
    lines = [f"{_digest(file)}  {file.name}\n" for file in examples]
    (folder / EXAMPLES / MANIFEST).write_text("".join(lines), encoding="utf-8")
    (folder / RELEASED).mkdir(parents=True, exist_ok=True)
    for ce_type, schema in schemas().items():
        (folder / RELEASED / f"{ce_type}.json").write_text(to_json(schema), encoding="utf-8")
    return [file.name for file in new]


def manifest(folder: Path) -> dict[str, str]:
    """Read the digests of the released examples by the name of the file."""
    file = folder / EXAMPLES / MANIFEST
    lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
    return {name: digest for digest, _, name in (line.partition("  ") for line in lines)}


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _broken_example(file: Path, digest: str, models: Mapping[str, type[EventData]]) -> list[str]:
    if not file.is_file():
        return [f"{file.name}: was released and is gone"]
    if _digest(file) != digest:
        return [f"{file.name}: was released and is not what it was"]
    return list(_unreadable(file.name, json.loads(file.read_bytes()), models))


def _unreadable(name: str, example: dict[str, Any], models: Mapping[str, type[EventData]]) -> Iterator[str]:
    """Tell what of an example its model does not read, or reads as something else."""
    ce_type = example["headers"]["ce_type"]
    try:
        read_envelope([(header, value.encode()) for header, value in example["headers"].items()])
        event = validate(models[ce_type], example["data"])
    except KeyError:
        yield f"{ce_type}: the event is gone ({name})"
    except EventInvalid as error:
        yield f"{ce_type}: {error.field}: {error.detail} ({name})"
    else:
        again = json.loads(encode(event))
        yield from (
            f"{ce_type}: {field}: reads as {again.get(field)!r} ({name})"
            for field, value in example["data"].items()
            if again.get(field) != value
        )
        if (event.topic.name, event.key) != (example["topic"], example["key"]):
            yield f"{ce_type}: stands elsewhere, or under another key ({name})"
