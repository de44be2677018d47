"""Typed headers to and from the text fields of `extFields`; the encoding plan of a header class is made once."""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Any

import msgspec

from .command import field_text

_Plan = tuple[Callable[[Any], tuple[Any, ...]], tuple[str, ...], tuple[str, ...]]
_plans: dict[type, _Plan] = {}
_encode_text = msgspec.json.Encoder().encode


def _plan(cls: type) -> _Plan:
    """(getter of all values, wire names, `"wireName":"` prefixes) of a header class."""
    attributes: tuple[str, ...] = cls.__struct_fields__  # type: ignore[attr-defined]
    names: tuple[str, ...] = cls.__struct_encode_fields__  # type: ignore[attr-defined]
    if not attributes:
        getter: Callable[[Any], tuple[Any, ...]] = lambda header: ()  # noqa: E731
    elif len(attributes) == 1:
        single = attrgetter(attributes[0])
        getter = lambda header: (single(header),)  # noqa: E731
    else:
        getter = attrgetter(*attributes)
    plan = getter, names, tuple(f'"{name}":"' for name in names)
    _plans[cls] = plan
    return plan


def to_ext_fields(header: object) -> dict[str, str]:
    """The header's fields that are not None, by wire name, as text."""
    getter, names, _ = _plans.get(type(header)) or _plan(type(header))
    return {
        name: value if type(value) is str else field_text(value)
        for name, value in zip(names, getter(header), strict=True)
        if value is not None
    }


def ext_json(header: object | None, extra: dict[str, str] | None) -> str:
    """The JSON object of a header's fields and `extra` ones; "" when there are none at all."""
    if header is None:
        return quote_fields(extra) if extra else ""
    if extra:
        return quote_fields({**to_ext_fields(header), **extra})
    getter, _, prefixes = _plans.get(type(header)) or _plan(type(header))
    parts = []
    for value, prefix in zip(getter(header), prefixes, strict=True):
        if value is None:
            continue
        kind = type(value)
        if kind is int:
            parts.append(f'{prefix}{value}"')
        elif kind is str:
            if value.isalnum() and value.isascii():
                parts.append(f'{prefix}{value}"')
            else:
                parts.append(prefix[:-1] + quote(value))
        else:
            parts.append(f'{prefix}{field_text(value)}"')
    return "{" + ",".join(parts) + "}"


def quote(text: str) -> str:
    """`text` as a JSON string; half of a surrogate pair becomes `?`, as in Java's UTF-8."""
    try:
        return _encode_text(text).decode()
    except UnicodeEncodeError:
        return _encode_text(text.encode("utf-8", "replace").decode()).decode()


def quote_fields(fields: dict[str, str]) -> str:
    """The JSON object of text fields."""
    try:
        return _encode_text(fields).decode()
    except UnicodeEncodeError:
        return "{" + ",".join(f"{quote(k)}:{quote(v)}" for k, v in fields.items()) + "}"
