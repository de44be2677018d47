"""A small validator of JSON schemas, for the keywords that those of `docs/schemas` have."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from typing import Any

from rocketmq_ops.mqadmin.reference import DOCS
from rocketmq_ops.mqadmin.schemas import file_name

_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,), "integer": (int,), "number": (int, float), "boolean": (bool,), "array": (list,),
    "object": (dict,), "null": (type(None),),
}  # fmt: skip
_KNOWN = {
    "$schema", "title", "description", "type", "properties", "required", "$defs", "$ref", "anyOf", "const", "enum",
    "items", "additionalProperties", "prefixItems", "minItems", "maxItems",
}  # fmt: skip


@functools.cache
def schema_of(command: str) -> Any:
    """The committed schema of a command's documents."""
    return json.loads((DOCS / file_name(command)).read_text("utf-8"))


def problems(value: Any, schema: Any) -> list[str]:
    """Where a value is not as its schema says."""
    return list(_problems(value, schema, schema, "$"))


def _problems(value: Any, schema: dict[str, Any], root: dict[str, Any], path: str) -> Iterator[str]:
    unknown = set(schema) - _KNOWN
    assert not unknown, f"{path}: this validator does not know {unknown}"
    if "$ref" in schema:
        yield from _problems(value, root["$defs"][schema["$ref"].rpartition("/")[2]], root, path)
        return
    if "anyOf" in schema:
        found = [list(_problems(value, item, root, path)) for item in schema["anyOf"]]
        if all(found):
            yield from min(found, key=len)
        return
    if "type" in schema:
        kinds = _TYPES[schema["type"]]
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            yield f"{path}: {value!r} is no {schema['type']}"
            return
    if ("const" in schema and value != schema["const"]) or ("enum" in schema and value not in schema["enum"]):
        yield f"{path}: {value!r} is not {schema.get('const', schema.get('enum'))!r}"
    if isinstance(value, dict):
        yield from (f"{path}.{name} is missing" for name in schema.get("required", ()) if name not in value)
        fields, others = schema.get("properties", {}), schema.get("additionalProperties")
        for name, item in value.items():
            if name in fields:
                yield from _problems(item, fields[name], root, f"{path}.{name}")
            elif isinstance(others, dict):
                yield from _problems(item, others, root, f"{path}.{name}")
            elif fields:
                yield f"{path}.{name} is not in the schema"
    if isinstance(value, list) and isinstance(schema.get("items"), dict):
        for number, item in enumerate(value):
            yield from _problems(item, schema["items"], root, f"{path}[{number}]")
