"""What all bodies have in common: reading and writing JSON as Apache's RemotingSerializable does.

Standard JSON is read and written by msgspec in one go; fastjson's dialect (numbers and objects as keys) and all that
fastjson takes for a field's type beside the type itself go the slower way through `common/fastjson` and
`common/fastjson_types`. So do texts with an unknown key: it may be a known one in another spelling.
"""

from __future__ import annotations

import re
from typing import Any, ClassVar, Final, TypeVar

import msgspec

from rocketmq_ops.common import fastjson
from rocketmq_ops.common.errors import CorruptDataError
from rocketmq_ops.remoting.errors import RemotingProtocolError

T = TypeVar("T", bound="RemotingSerializable")

_encode = msgspec.json.Encoder().encode
_decoders: dict[type, msgspec.json.Decoder[Any]] = {}
#: `most_bytes` of what clients send of themselves. A body of Apache's client takes some 550 bytes a group: of Apache's
#: dialect, which takes longest, so many bytes are read in 0.2 s.
CLIENT_BODY_BYTES: Final = 512 * 1024
_NUMBER_KEY = rb'[{,]"-?[0-9]+":'


class RemotingSerializable(msgspec.Struct, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A body. A field that is None is not written; a field that the peer left out has its default."""

    #: A longer text is refused unread, if not 0: bodies of requests that anybody may send to a server, whose loop does
    #: nothing else while it reads one.
    most_bytes: ClassVar[int] = 0

    def encode(self, *, standard_json: bool = False) -> bytes:
        """JSON as Apache writes it; with `standard_json` every key is a quoted string."""
        try:
            text = _encode(self)
            if b":null" not in text and (standard_json or re.search(_NUMBER_KEY, text) is None):
                return text
        except TypeError:
            pass  # objects as keys
        return _encode(_plain(self)) if standard_json else _dialect(self)

    @classmethod
    def decode(cls: type[T], data: bytes | bytearray | memoryview) -> T:
        """The body of a command. Raises RemotingProtocolError for text that is not JSON, or other JSON than this, and
        for more than `most_bytes`."""
        if cls.most_bytes and len(data) > cls.most_bytes:
            raise RemotingProtocolError(
                f"a body of {len(data)} bytes is more than the limit of {cls.most_bytes} for {cls.__name__}",
                "send what it is about in several, from several clients if they are groups of one",
            )
        decoder = _decoder(cls)
        try:
            try:
                body: T = decoder.decode(data)
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
                pass  # other than Apache's own writers write it
            else:
                fastjson.check_depth(data)
                return body
            from rocketmq_ops.common.fastjson_types import convert

            return convert(fastjson.loads(data), cls)
        except CorruptDataError as error:
            raise RemotingProtocolError(f"invalid body, expected {cls.__name__}: {error}") from None

    @classmethod
    def decode_list(cls: type[T], data: bytes | bytearray | memoryview) -> list[T]:
        """A body that is a list of these; none at all is an empty list. Raises RemotingProtocolError."""
        from rocketmq_ops.common.fastjson_types import convert

        try:
            items = fastjson.loads(data) if data else []
            if not isinstance(items, list):
                raise CorruptDataError("it is not a list")
            return [convert(item, cls) for item in items]
        except CorruptDataError as error:
            raise RemotingProtocolError(f"body is not a list of {cls.__name__}: {error}") from None


def _decoder(cls: type) -> msgspec.json.Decoder[Any]:
    """The decoder of a class, made once; it reads standard JSON alone."""
    decoder = _decoders.get(cls)
    if decoder is None:
        decoder = _decoders[cls] = msgspec.json.Decoder(cls, strict=False)
    return decoder


def _dialect(value: Any) -> bytes:
    """The text of a value in fastjson's dialect, by msgspec where that says the same: as `fastjson.dumps(_plain(...))`.

    Tables with objects as keys may have thousands of entries, so nothing is copied.
    """
    try:
        text = _encode(value)
        if b":null" not in text and re.search(_NUMBER_KEY, text) is None:
            return text
    except TypeError:
        pass  # objects as keys
    if isinstance(value, msgspec.Struct):
        names = zip(value.__struct_fields__, value.__struct_encode_fields__, strict=True)
        items = [
            b'"%b":%b' % (name.encode(), _dialect(item))
            for attribute, name in names
            if (item := getattr(value, attribute)) is not None
        ]
        return b"{" + b",".join(items) + b"}"
    if isinstance(value, dict):
        return _table(value)
    if isinstance(value, list | tuple | set | frozenset):
        return b"[" + b",".join([_dialect(item) for item in value]) + b"]"
    return _encode(value)


def _table(value: dict[Any, Any]) -> bytes:
    try:
        keys = [b"%d" % key if type(key) is int else _encode(key) for key in value]
        # One look at all of it: mostly there is nothing that msgspec would say otherwise.
        text = (
            b"{" + b",".join([b"%b:%b" % pair for pair in zip(keys, map(_encode, value.values()), strict=True)]) + b"}"
        )
        if b":null" not in text and re.search(_NUMBER_KEY, text) is None:
            return text
    except TypeError:
        pass  # tables of objects in a key or a value
    return b"{" + b",".join([_dialect_key(key) + b":" + _dialect(item) for key, item in value.items()]) + b"}"


def _dialect_key(key: Any) -> bytes:
    return b"%d" % key if isinstance(key, int) and not isinstance(key, bool) else _dialect(key)


def _plain(value: Any) -> Any:
    """Structs as dicts by wire name without the fields that are None; struct keys stay as they are."""
    if isinstance(value, msgspec.Struct):
        return {
            name: _plain(item)
            for attribute, name in zip(value.__struct_fields__, value.__struct_encode_fields__, strict=True)
            if (item := getattr(value, attribute)) is not None
        }
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    return value
