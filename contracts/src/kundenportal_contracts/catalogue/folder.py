"""The generated files beside the models: asyncapi.yaml and schemas/<event>.json, written and compared."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from kundenportal_contracts.catalogue.asyncapi import asyncapi
from kundenportal_contracts.catalogue.schemas import Schema, schemas
from kundenportal_contracts.catalogue.yaml import to_yaml

ASYNCAPI_FILE, SCHEMAS_FOLDER = "asyncapi.yaml", "schemas"


def write(folder: Path) -> int:
    """Write asyncapi.yaml and all schemas into the folder, and remove schemas that no event has. Gives their number."""
    there = folder / SCHEMAS_FOLDER
    there.mkdir(parents=True, exist_ok=True)
    wanted = schemas()
    for file in there.glob("*.json"):
        if file.stem not in wanted:
            file.unlink()
    for ce_type, schema in wanted.items():
        (there / f"{ce_type}.json").write_text(to_json(schema), encoding="utf-8")
    (folder / ASYNCAPI_FILE).write_text(to_yaml(asyncapi()), encoding="utf-8")
    return len(wanted)


def differences(folder: Path, wanted: Mapping[str, Schema] | None = None) -> list[str]:
    """Name what in the folder is not what the models say, as `event: field: what`."""
    wanted = schemas() if wanted is None else wanted
    found = read_schemas(folder / SCHEMAS_FOLDER)
    told = [f"{ce_type}: no model says this event" for ce_type in sorted(set(found) - set(wanted))]
    for ce_type, schema in wanted.items():
        if ce_type not in found:
            told.append(f"{ce_type}: has no schema")
        else:
            told += [f"{ce_type}: {what}" for what in _differences(found[ce_type], schema)]
    file = folder / ASYNCAPI_FILE
    if not file.is_file() or file.read_text(encoding="utf-8") != to_yaml(asyncapi()):
        told.append(f"{ASYNCAPI_FILE}: is not what models and topics say")
    return told


def read_schemas(folder: Path) -> dict[str, Schema]:
    """Read each schema of a folder by the name of its file, which is the event's type."""
    return {file.stem: json.loads(file.read_text(encoding="utf-8")) for file in sorted(folder.glob("*.json"))}


def to_json(value: Any) -> str:
    """Write JSON as people read it."""
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def _differences(found: Schema, wanted: Schema) -> Iterator[str]:
    there, said = found.get("properties", {}), wanted["properties"]
    for field in [*said, *(set(there) - set(said))]:
        if field not in there:
            yield f"{field}: is not in the schema"
        elif field not in said:
            yield f"{field}: is not in the model"
        elif there[field] != said[field]:
            yield f"{field}: the model says {json.dumps(said[field], ensure_ascii=False)}"
    must, should = set(found.get("required", ())), set(wanted["required"])
    yield from (f"{field}: must be there in {'schema' if field in must else 'model'} only" for field in must ^ should)
    names = set(found) | set(wanted)
    yield from (
        f"{name} differs" for name in sorted(names - {"properties", "required"}) if found.get(name) != wanted.get(name)
    )
