"""The binary header, serialise type ROCKETMQ: mirrors RocketMQSerializable. Big-endian; lengths are bytes.

Layout: code i16, language i8, version i16, opaque i32, flag i32, remark (i32 length + UTF-8), then the i32 length of
the extFields that follow, each a key (i16 length + UTF-8) and a value (i32 length + UTF-8).
"""

from __future__ import annotations

import struct

from rocketmq_ops.remoting.codes import LanguageCode
from rocketmq_ops.remoting.command import ROCKETMQ, RemotingCommand
from rocketmq_ops.remoting.errors import FrameError
from rocketmq_ops.remoting.header_fields import to_ext_fields

_FIXED = struct.Struct(">hbhiii")
_I16 = struct.Struct(">h")
_I32 = struct.Struct(">i")
_LANGUAGE_CODES = {language.name: int(language) for language in LanguageCode}
_LANGUAGE_NAMES = {int(language): language.name for language in LanguageCode}


def encode_binary_header(command: RemotingCommand) -> bytes:
    """The header's bytes, without the frame's two length words."""
    language = command.language
    language_code = _LANGUAGE_CODES.get(language, LanguageCode.OTHER)
    remark = (command.remark or "").encode("utf-8", "replace")
    fields = {} if command.header is None else to_ext_fields(command.header)
    if command.ext_source is not None:
        fields |= command.ext_fields
    parts: list[bytes] = []
    for key, value in fields.items():
        raw_key = key.encode("utf-8", "replace")
        raw_value = value.encode("utf-8", "replace")
        parts += (_I16.pack(len(raw_key)), raw_key, _I32.pack(len(raw_value)), raw_value)
    ext = b"".join(parts)
    fixed = _FIXED.pack(
        _wrap16(command.code), language_code, _wrap16(command.version), command.opaque, command.flag, len(remark)
    )
    return b"".join((fixed, remark, _I32.pack(len(ext)), ext))


def _wrap16(value: int) -> int:
    """The low 16 bits as a signed short: what Java's writer keeps of a code above 32767."""
    value &= 0xFFFF
    return value - 0x10000 if value & 0x8000 else value


def decode_binary_header(raw: bytes) -> RemotingCommand:
    """A command without body. An empty string counts as missing, as in Apache's reader. Raises FrameError."""
    try:
        code, language, version, opaque, flag, remark_length = _FIXED.unpack_from(raw)
        remark, at = _text(raw, _FIXED.size, remark_length)
        (ext_length,) = _I32.unpack_from(raw, at)
        at += 4
        if ext_length < 0 or at + ext_length > len(raw):
            raise FrameError(f"extFields of {ext_length} bytes in a header of {len(raw)}")
        fields = _decode_fields(raw, at, at + ext_length)
    except struct.error:
        raise FrameError("a binary header that ends too early") from None
    except UnicodeDecodeError:
        raise FrameError("text in a binary header that is not UTF-8") from None
    return RemotingCommand(
        code=code,
        flag=flag,
        language=_LANGUAGE_NAMES.get(language, LanguageCode.OTHER.name),
        opaque=opaque,
        remark=remark or None,
        version=version,
        serialize_type=ROCKETMQ,
        ext_source=fields,
    )


def _decode_fields(raw: bytes, at: int, end: int) -> dict[str, str]:
    fields: dict[str, str] = {}
    while at < end:
        (length,) = _I16.unpack_from(raw, at)
        key, at = _text(raw, at + 2, length)
        (length,) = _I32.unpack_from(raw, at)
        value, at = _text(raw, at + 4, length)
        if key and value:
            fields[key] = value
    if at > end:
        raise FrameError("an extField that is longer than the extFields")
    return fields


def _text(raw: bytes, at: int, length: int) -> tuple[str, int]:
    end = at + length
    if length < 0 or end > len(raw):
        raise FrameError(f"a text of {length} bytes in a header of {len(raw)}")
    return str(raw[at:end], "utf-8"), end
