"""The JSON schemas of `docs/schemas`: of each command's document, generated from its result's type, with a version.

`@command(schema=N)` is the version, and every document carries it as `schemaVersion`. A change that a reader of the
former documents may stumble over (`incompatibilities`) needs the next number: without it nothing is written. Loaded by
`mqadmin/reference.py` and tests.
"""

from __future__ import annotations

import typing
from collections.abc import Iterator
from typing import Any

import msgspec

from rocketmq_ops.common.errors import Failure
from rocketmq_ops.mqadmin import declare, registry
from rocketmq_ops.mqadmin.render.outcome import Status

Schema = dict[str, Any]
_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def file_name(command: str) -> str:
    """The file of a command's schema, in `docs/`."""
    return f"schemas/{command.replace(' ', '-')}.json"


def document_schema(entry: registry.Entry, declared: declare.Declaration) -> Schema:
    """The schema of the document that a command writes as JSON or YAML."""
    (data, failure), definitions = msgspec.json.schema_components(
        [declared.result, Failure], ref_template="#/$defs/{name}"
    )
    omitting = {kind.__name__ for kind in _structs(declared.result) if kind.__struct_config__.omit_defaults}
    omitting.add(Failure.__name__)
    properties: Schema = {
        "command": {"const": entry.name},
        "schemaVersion": {"const": declared.schema},
        "status": {"enum": list(typing.get_args(Status))},
        "data": {"anyOf": [data, {"type": "null"}]},
        "errors": {"type": "array", "items": failure},
        "notes": {"type": "array", "items": {"type": "string"}},
    }
    return {
        "$schema": _DIALECT,
        "title": f"mqadmin {entry.name}",
        "description": f"{entry.summary}.",
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "$defs": {name: _definition(definitions[name], name in omitting) for name in sorted(definitions)},
    }


def schema_text(schema: Schema) -> str:
    """The text of a schema's file."""
    return msgspec.json.format(msgspec.json.encode(schema), indent=2).decode() + "\n"


def incompatibilities(before: Schema, after: Schema) -> list[str]:
    """What a program written for documents of `before` may stumble over in those of `after`, in words.

    A field that is gone, or may be missing or null now; a value of another type. A new field is none of this, nor a new
    word for a state: programs have to pass over what they do not know.
    """
    return sorted(set(_compare(before, after, before, after, "", frozenset())))


def version_of(schema: Schema) -> int:
    """The version that the documents of a schema carry."""
    version: int = schema["properties"]["schemaVersion"]["const"]
    return version


def _structs(kind: Any) -> Iterator[type[msgspec.Struct]]:
    """A struct and all that its fields mention."""
    seen: set[type[msgspec.Struct]] = set()
    todo: list[Any] = [kind]
    while todo:
        part = todo.pop()
        if isinstance(part, type) and issubclass(part, msgspec.Struct):
            if part in seen:
                continue
            seen.add(part)
            yield part
            todo += typing.get_type_hints(part).values()
        todo += typing.get_args(part)


def _definition(schema: Schema, omits: bool) -> Schema:
    """A struct's schema as its documents are: with every field, unless the struct leaves out defaults."""
    result: Schema = _canonical(schema)
    if "properties" in result and not omits:
        result["required"] = list(result["properties"])
    return result


def _canonical(value: Any) -> Any:
    """Without defaults, which are for reading; alternatives in one order, null last."""
    if isinstance(value, list):
        return [_canonical(item) for item in value]
    if not isinstance(value, dict):
        return value
    result = {key: _canonical(item) for key, item in value.items() if key != "default"}
    if isinstance(result.get("description"), str):  # Pythons differ in the indentation of docstrings
        result["description"] = " ".join(result["description"].split())
    if isinstance(result.get("anyOf"), list):
        result["anyOf"].sort(key=lambda item: (item == {"type": "null"}, msgspec.json.encode(item)))
    return result


def _compare(
    old: Schema, new: Schema, old_root: Schema, new_root: Schema, path: str, seen: frozenset[tuple[str, str]]
) -> Iterator[str]:
    if "$ref" in old and "$ref" in new:
        pair = (old["$ref"], new["$ref"])
        if pair in seen:
            return
        seen |= {pair}
    old, new = _resolved(old, old_root), _resolved(new, new_root)
    if path == "schemaVersion":
        return
    place = path or "the document"
    if "anyOf" in old or "anyOf" in new:
        yield from _compare_alternatives(old, new, old_root, new_root, path, seen)
        return
    if not old:  # anything
        return
    if _kind(old) != _kind(new):
        yield f"{place} is {_kind(new)} instead of {_kind(old)}"
        return
    if "const" in old and old["const"] != new["const"]:
        yield f"{place} is {new['const']!r} instead of {old['const']!r}"
    fields = new.get("properties", {})
    for name, field in old.get("properties", {}).items():
        below = f"{path}.{name}" if path else name
        if name not in fields:
            yield f"{below} is gone"
            continue
        if name in old.get("required", ()) and name not in new.get("required", ()):
            yield f"{below} may be missing"
        yield from _compare(field, fields[name], old_root, new_root, below, seen)
    for key, mark in (("items", "[]"), ("additionalProperties", ".*")):
        if isinstance(old.get(key), dict):
            yield from _compare(old[key], _as_schema(new.get(key)), old_root, new_root, path + mark, seen)


def _compare_alternatives(
    old: Schema, new: Schema, old_root: Schema, new_root: Schema, path: str, seen: frozenset[tuple[str, str]]
) -> Iterator[str]:
    """Each alternative that there is now must be one that there was."""
    former = old.get("anyOf", [old])
    by_kind = {_kind(_resolved(item, old_root)): item for item in former}
    for item in new.get("anyOf", [new]):
        kind = _kind(_resolved(item, new_root))
        if kind in by_kind:
            yield from _compare(by_kind[kind], item, old_root, new_root, path, seen)
        else:
            yield f"{path or 'the document'} may be {kind}"


def _resolved(schema: Schema, root: Schema) -> Schema:
    reference = schema.get("$ref")
    return schema if reference is None else root["$defs"][reference.rpartition("/")[2]]


def _as_schema(value: Any) -> Schema:
    return value if isinstance(value, dict) else {}


def _kind(schema: Schema) -> str:
    """What a value is, in a word; objects that a tag tells apart differ."""
    if "const" in schema or "enum" in schema:
        return "a word" if all(isinstance(v, str) for v in schema.get("enum", [schema.get("const")])) else "a constant"
    kind = schema.get("type", "anything")
    tags = [f"{name}={field['enum'][0]}" for name, field in _tags(schema)]
    return " ".join([kind, *tags])


def _tags(schema: Schema) -> list[tuple[str, Schema]]:
    """The fields whose one word says which struct this is."""
    properties: dict[str, Schema] = schema.get("properties", {})
    return [(name, field) for name, field in properties.items() if len(field.get("enum", ())) == 1]
