"""Typed headers to the text fields of `extFields`: as a dict, and as JSON in one go.

The JSON writer of a header class is compiled from its fields when the class is first sent, as `dataclasses` compiles
`__init__`: walking the fields for every answer would cost more than the rest of the frame.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from rocketmq_ops.remoting.command import Int, Long, field_text

try:  # where `json.encoder` takes it from; that would load all of `json` at the start of every command
    from _json import encode_basestring
except ImportError:
    from json.encoder import encode_basestring

_Writer = Callable[[Any], str]
_writers: dict[type, _Writer] = {}

#: `text` as a JSON string; what is not ASCII stays as it is.
quote: Callable[[str], str] = encode_basestring


def to_ext_fields(header: Any) -> dict[str, str]:
    """The header's fields that are not None, by wire name, as text."""
    return {
        name: value if type(value) is str else field_text(value)
        for attribute, name in zip(header.__struct_fields__, header.__struct_encode_fields__, strict=True)
        if (value := getattr(header, attribute)) is not None
    }


def ext_json(header: object | None, extra: dict[str, str] | None) -> str:
    """The JSON object of a header's fields and `extra` ones; "" when there are none at all."""
    if extra:
        return quote_fields(extra if header is None else {**to_ext_fields(header), **extra})
    if header is None:
        return ""
    return (_writers.get(type(header)) or _compile(type(header)))(header)


def _compile(cls: Any) -> _Writer:
    """A function from a header of `cls` to its JSON object; None is left out."""
    config = {field.name: field for field in msgspec.structs.fields(cls)}
    always: list[str] = []
    sometimes: list[str] = []
    for attribute, field in config.items():
        if field.required:
            always.append(f'"{field.encode_name}":' + _expression(field.type, f"header.{attribute}"))
        else:
            text = f',"{field.encode_name}":' + _expression(field.type, "value")
            sometimes += [f"    value = header.{attribute}", "    if value is not None:", f"        text += f{text!r}"]
    lines = ["def write(header):", "    text = f" + repr(",".join(["", *always])), *sometimes]
    lines.append("    return '{' + text[1:] + '}'")
    names: dict[str, Any] = {"quote": quote, "field_text": field_text}
    exec("\n".join(lines), names)
    writer: _Writer = names["write"]
    _writers[cls] = writer
    return writer


def _expression(kind: Any, value: str) -> str:
    """What stands in an f-string for the text of `value`, quotes and all."""
    if kind is str or kind == str | None:
        return f"{{quote({value})}}"
    if kind in (Int, Long, Int | None, Long | None):
        return f'"{{{value}}}"'
    return f"{{quote(field_text({value}))}}"


def quote_fields(fields: dict[str, str]) -> str:
    """The JSON object of text fields."""
    return "{" + ",".join(f"{quote(key)}:{quote(value)}" for key, value in fields.items()) + "}"
