"""Answers of a server newer than this product: fields, states, codes and languages that nobody has heard of."""

from __future__ import annotations

import json
import types
import typing
from typing import Annotated, Any, Literal, get_args, get_origin

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rocketmq_ops.common.fastjson import ObjectKey, dumps
from rocketmq_ops.remoting import bodies
from rocketmq_ops.remoting.bodies.base import RemotingSerializable
from rocketmq_ops.remoting.frame_codec import FrameDecoder

BODIES = [name for name in bodies.body_class_names() if name != "RemotingSerializable"]
MADE_UP = st.text("ABCDEFXYZ_", min_size=1).map(lambda text: f"MADE_UP_{text}")
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-(1 << 62), 1 << 62) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)


def newer(kind: Any, draw: Any, depth: int = 0) -> Any:
    """A value of a type as a newer server writes it: states made up, fields added to every object."""
    if get_origin(kind) is Annotated:
        return newer(get_args(kind)[0], draw, depth)
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (typing.Union, types.UnionType):
        return newer(next(each for each in arguments if each is not type(None)), draw, depth)
    if origin is Literal:
        return draw(MADE_UP)
    if origin in (list, set):
        return [newer(arguments[0], draw, depth + 1)]
    if origin is dict:
        key = newer(arguments[0], draw, depth + 1)
        return {ObjectKey(key) if isinstance(key, dict) else key: newer(arguments[1], draw, depth + 1)}
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        fields = (
            {} if depth > 4 else {f.encode_name: newer(f.type, draw, depth + 1) for f in msgspec.structs.fields(kind)}
        )
        return fields | {draw(MADE_UP): draw(ANYTHING)}
    return {int: 1, str: "1", bool: True, float: 1.5}.get(kind)


@pytest.mark.parametrize("name", BODIES)
@settings(max_examples=3)
@given(data=st.data())
def test_a_body_with_unknown_fields_and_states(name: str, data: st.DataObject) -> None:
    cls: type[RemotingSerializable] = getattr(bodies, name)
    plain = newer(cls, data.draw)
    body = cls.decode(dumps(plain))
    for field in msgspec.structs.fields(cls):
        if isinstance(plain[field.encode_name], str | int | float) and get_origin(field.type) is None:
            assert getattr(body, field.name) == plain[field.encode_name], "what is known is read all the same"


@given(code=st.integers(20_000, 1 << 30), version=st.integers(612, 32_000), language=MADE_UP, extra=ANYTHING)
def test_an_answer_with_an_unknown_code_language_and_field(
    code: int, version: int, language: str, extra: object
) -> None:
    header = {
        "code": code, "flag": 1, "language": language, "opaque": 7, "remark": "because",
        "serializeTypeCurrentRPC": "JSON", "version": version, "madeUp": extra, "extFields": {"madeUp": "x", "a": "1"},
    }  # fmt: skip
    raw = json.dumps(header).encode()
    (command,) = FrameDecoder().feed((4 + len(raw)).to_bytes(4) + len(raw).to_bytes(4) + raw)
    assert (command.code, command.version, command.opaque, command.remark) == (code, version, 7, "because")
    assert command.ext_fields["a"] == "1"
