"""Values of JSON to typed structs as fastjson, the reader of Apache's bodies and headers, converts them.

What msgspec reads alike is read by msgspec; this is the slow way beside it for what fastjson takes and msgspec not:
enums by position or in any letter case, keys in another spelling, texts for numbers and the reverse, "" for a number,
one object where a list belongs. Parsing is `fastjson.loads`'s. The rules were measured on fastjson 1.2.83 (5.3.3).

How a class is read follows from its fields' types alone: a `Literal` of names is an enum, in the order of its
constants; `int` is a Java long, or an int when annotated with its bounds; `NOT_NULL` marks what Apache cannot do
without.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, TypeVar, Union, get_args, get_origin

import msgspec

from rocketmq_ops.common import fastjson
from rocketmq_ops.common.errors import CorruptDataError
from rocketmq_ops.common.javatypes import LONG_MAX

T = TypeVar("T")
Converter = Callable[[Any], Any]

#: On a field: null is refused, and absence too when the field has no default (Apache's handler would fail).
NOT_NULL: Final = msgspec.Meta(extra={"not_null": True})

_INTEGER = re.compile(r"([+-]?\d+)(?:\.0+)?", re.ASCII)
_TRUE, _FALSE = frozenset({"true", "1", "y", "t"}), frozenset({"false", "0", "n", "f"})
_NO_SPELLING = str.maketrans("", "", "_-")
_converters: dict[Any, Converter] = {}
_ABSENT: Final = object()


class ConversionError(CorruptDataError):
    """A value that fastjson would not take for the type wanted either; `at` leads to it."""

    def __init__(self, detail: str, at: str = "") -> None:
        super().__init__(f"{at or 'the value'}: {detail}")
        self.detail = detail
        self.at = at

    def within(self, outer: str) -> ConversionError:
        """The same as seen from the field or element that it happened in."""
        joint = "." if self.at and self.at[0] != "[" else ""
        return ConversionError(self.detail, f"{outer}{joint}{self.at}")


def convert(value: Any, kind: type[T]) -> T:
    """`value`, as `fastjson.loads` returns it, as an instance of `kind`. Raises ConversionError.

    Classes whose keys may come in another spelling must forbid unknown fields: else these would be ignored.
    """
    try:
        return msgspec.convert(value, kind, strict=False)
    except (msgspec.ValidationError, RecursionError):
        pass
    result: T = (_converters.get(kind) or _converter_of(kind))(value)
    if result is None:
        raise ConversionError(f"expected {getattr(kind, '__name__', kind)}, got {_shown(value)}")
    return result


# A converter returns None for what fastjson takes for null.


def _converter_of(annotation: Any) -> Converter:
    """The converter of a type as it is annotated. (`msgspec.inspect` does not keep the order of a Literal's names.)"""
    annotation, meta = _without_meta(annotation)
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (Union, UnionType):
        (inner,) = (each for each in arguments if each is not NoneType)
        return _converter_of(inner)
    if origin is Literal:
        return _enum(list(arguments))
    if origin in (list, set):
        return _list(arguments[0])
    if origin is dict:
        return _dict(_converter_of(arguments[0]), _converter_of(arguments[1]))
    if annotation is int:
        return _integer(next((int(each.le) for each in meta if each.le is not None), LONG_MAX))
    if annotation in _SIMPLE:
        return _SIMPLE[annotation]
    if isinstance(annotation, type) and issubclass(annotation, msgspec.Struct):
        # Before its fields are examined: a class may hold itself.
        return _converters.get(annotation) or _struct(annotation)
    raise TypeError(f"no rule for {annotation!r}")


def _without_meta(annotation: Any) -> tuple[Any, list[msgspec.Meta]]:
    """What is annotated, and msgspec's notes on it."""
    if get_origin(annotation) is not Annotated:
        return annotation, []
    inner, *notes = get_args(annotation)
    return inner, [note for note in notes if isinstance(note, msgspec.Meta)]


def _enum(names: list[str]) -> Converter:
    by_lower_case = {name.lower(): name for name in names}

    def enum(value: Any) -> str | None:
        if isinstance(value, str):
            return by_lower_case.get(value.lower())
        if value is None:
            return None
        if type(value) is int and 0 <= value < len(names):
            return names[value]
        raise ConversionError(f"expected one of {', '.join(names)}, got {_shown(value)}")

    return enum


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return str(msgspec.json.encode(value) if not isinstance(value, dict | list) else fastjson.dumps(value), "utf-8")


def _boolean(value: Any) -> bool | None:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return int(value) == 1
    if isinstance(value, str):
        word = value.lower()
        if word in _TRUE or word in _FALSE:
            return word in _TRUE
        if word in ("", "null"):
            return None
    raise ConversionError(f"expected true or false, got {_shown(value)}")


def _integer(highest: int) -> Converter:
    def integer(value: Any) -> int | None:
        number: int | None = None
        match value:
            case None | "" | "null" | "NULL":
                return None
            case bool() | int():
                number = int(value)
            case float() if math.isfinite(value):
                # fastjson wraps what is too high for the type, which is never meant.
                number = int(value)
            case str():
                digits = _INTEGER.fullmatch(value.replace(",", ""))
                number = int(digits[1]) if digits and len(value) <= 40 else None
        if number is None:
            raise ConversionError(f"expected a number, got {_shown(value)}")
        if not -highest - 1 <= number <= highest:
            raise ConversionError(f"{number} is more than {highest.bit_length() + 1} bits can hold")
        return number

    return integer


def _number(value: Any) -> float | None:
    if value is None or value in ("", "null", "NULL"):
        return None
    try:
        if isinstance(value, int | float | str):
            return float(value)
    except ValueError:
        pass
    raise ConversionError(f"expected a number, got {_shown(value)}")


def _list(item_type: Any) -> Converter:
    item = _converter_of(item_type)
    of_objects = isinstance(item_type, type) and issubclass(item_type, msgspec.Struct)

    def items(value: Any) -> list[Any] | None:
        if of_objects and isinstance(value, dict):
            value = [value]  # fastjson's reading of a single object
        if value is None:
            return None
        if not isinstance(value, list):
            raise ConversionError(f"expected a list, got {_shown(value)}")
        result = []
        for index, each in enumerate(value):
            try:
                converted = item(each)
            except ConversionError as error:
                raise error.within(f"[{index}]") from None
            if converted is not None:
                result.append(converted)
            elif of_objects:
                raise ConversionError("null in a list of objects", f"[{index}]")
        return result

    return items


def _dict(key_of: Converter, value_of: Converter) -> Converter:
    def entries(value: Any) -> dict[Any, Any] | None:
        if value is None:
            return None
        if not isinstance(value, dict):
            raise ConversionError(f"expected an object, got {_shown(value)}")
        result = {}
        for key, item in value.items():
            try:
                name, converted = key_of(key), value_of(item)
            except ConversionError as error:
                raise error.within(str(key)[:40]) from None
            if name is not None and converted is not None:
                result[name] = converted
        return result

    return entries


_SIMPLE: Final[dict[Any, Converter]] = {str: _text, bool: _boolean, float: _number, Any: lambda value: value}
_ZERO: Final[dict[Any, Any]] = {str: "", bool: False, int: 0}


class _Field:
    """How one field of a struct is read."""

    def __init__(self, field: Any) -> None:
        kind, meta = _without_meta(field.type)
        self.name: str = field.name
        self.encode_name: str = field.encode_name
        self.convert = _converter_of(field.type)
        self.boolean = self.convert is _boolean
        self.required: bool = field.required
        #: What stands for a required field that is missing or null, as Java's initial values do.
        self.absent: Any = _ZERO.get(kind, _ABSENT)
        self.not_null = any((each.extra or {}).get("not_null") for each in meta)


def _struct(cls: Any) -> Converter:
    fields: dict[str, _Field] = {}
    smart: dict[str, _Field] = {}

    def find(key: str) -> _Field | None:
        field = fields.get(key)
        if field is None:
            spelling = key.translate(_NO_SPELLING).lower()
            field = smart.get(spelling)
            if field is None and spelling.startswith("is"):
                field = smart.get(spelling[2:])
                if field is not None and not field.boolean:
                    field = None
        return field

    def struct(value: Any) -> Any:
        if value is None or value in ([], ""):
            return None
        if not isinstance(value, dict):
            raise ConversionError(f"expected an object, got {_shown(value)}")
        found: dict[str, Any] = {}
        for key, item in value.items():
            field = find(key) if isinstance(key, str) else None
            if field is None or field.name in found:
                continue
            try:
                converted = field.convert(item)
            except ConversionError as error:
                raise error.within(field.encode_name) from None
            if converted is not None:
                found[field.name] = converted
            elif field.not_null:
                raise ConversionError("must not be null", field.encode_name)
        for field in fields.values():
            if field.required and field.name not in found:
                if field.not_null or field.absent is _ABSENT:
                    raise ConversionError("is missing", field.encode_name)
                found[field.name] = field.absent
        return cls(**found)

    _converters[cls] = struct
    for described in msgspec.structs.fields(cls):
        field = _Field(described)
        fields[field.encode_name] = field
        smart.setdefault(field.encode_name.translate(_NO_SPELLING).lower(), field)
    return struct


def _shown(value: Any) -> str:
    """`value` in a message: short, as JSON."""
    text = str(msgspec.json.encode(value), "utf-8", "replace") if not isinstance(value, dict | list) else ""
    return text[:60] or ("an object" if isinstance(value, dict) else "a list")
