"""Frames to commands and back, without any I/O.

A frame is: total length (u32, of all that follows), serialise type (u8: 0 JSON, 1 ROCKETMQ) with header length (u24),
header, body. What lives here: cutting a byte stream into frames, the JSON header, and the typed fast path. The binary
header is in `binary_header`, sockets are in `channel`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

import msgspec

from .binary_header import decode_binary_header, encode_binary_header
from .command import JSON, ROCKETMQ, RemotingCommand, field_text
from .errors import FrameError
from .header_fields import ext_json, quote

MAX_FRAME_BYTES: Final = 16 * 1024 * 1024
"""Largest frame including its length word, as Apache's `com.rocketmq.remoting.frameMaxLength`."""

COPY_BELOW_BYTES: Final = 2048
"""A body smaller than this is joined to its header: cheaper than a buffer of its own."""

TypedDecoders = dict[bytes, tuple[Callable[[bytes | memoryview], RemotingCommand], int]]
"""First four bytes after `{"code":` -> (decoder of a JSON header with its typed custom header, code)."""

_MIN_HEADER_BYTES: Final = 2
_generic_decode = msgspec.json.Decoder(RemotingCommand, strict=False).decode
_DECODE_ERRORS = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


def add_typed_decoder(decoders: TypedDecoders, code: int, header_cls: type) -> None:
    """Have JSON requests of `code` decoded in one go with their custom header as `header_cls`.

    Takes effect where the peer's writer puts the code first, as Java's and Go's do, for codes of one to three digits.
    """
    key = f'{code},"'.encode()[:4]
    if not 0 <= code <= 999:
        return
    typed = msgspec.defstruct(
        "RemotingCommand",
        [("header", header_cls | None, msgspec.field(default=None, name="extFields"))],
        bases=(RemotingCommand,),
        kw_only=True,
        gc=False,
    )
    decoders[key] = (msgspec.json.Decoder(typed, strict=False).decode, code)


class FrameDecoder:
    """Cuts one connection's bytes into commands; holds at most one unfinished frame."""

    __slots__ = ("_max_frame", "_need", "_pending", "_typed")

    def __init__(self, max_frame: int = MAX_FRAME_BYTES, typed: TypedDecoders | None = None) -> None:
        self._max_frame = max_frame
        self._typed: TypedDecoders = typed if typed is not None else {}
        self._pending: bytearray | None = None
        self._need = 0

    @property
    def buffered_bytes(self) -> int:
        """Bytes of the unfinished frame that are held."""
        return len(self._pending) if self._pending is not None else 0

    def feed(self, data: bytes | bytearray | memoryview) -> Iterator[RemotingCommand]:
        """Yield the commands that `data` completes. Bodies are views of `data`, not copies. Raises FrameError.

        Run the iterator to its end before the next call.
        """
        if self._pending is not None:
            rest = yield from self._finish_pending(data)
            if rest is None:
                return
            data = rest
        view = memoryview(data)
        at, end = 0, len(data)
        while end - at >= 4:
            length = int.from_bytes(view[at : at + 4], "big")
            self._check_length(length)
            stop = at + 4 + length
            if stop > end:
                break
            yield self._decode(view, at, stop)
            at = stop
        if at < end:
            self._pending = bytearray(view[at:])
            self._need = 0
            if end - at >= 4:
                self._need = 4 + length

    def _finish_pending(
        self, data: bytes | bytearray | memoryview
    ) -> Iterator[RemotingCommand] | Any:  # a generator: returns what is left of data, or None
        """Add to the unfinished frame what it lacks; yield it when it is whole."""
        pending = self._pending
        assert pending is not None
        view = memoryview(data)
        at = 0
        if self._need == 0:
            at = 4 - len(pending)
            pending += view[:at]
            if len(pending) < 4:
                return None
            length = int.from_bytes(pending, "big")
            self._check_length(length)
            self._need = 4 + length
        lacking = self._need - len(pending)
        pending += view[at : at + lacking]
        if len(pending) < self._need:
            return None
        # The frame's body is a view of this bytearray, so it is given away and never grown again.
        self._pending = None
        yield self._decode(memoryview(pending), 0, len(pending))
        return view[at + lacking :]

    def _check_length(self, length: int) -> None:
        if length + 4 > self._max_frame:
            hint = " (TLS on a plain port?)" if length >> 24 == 0x16 else ""
            raise FrameError(f"a frame of {length} bytes, over the limit of {self._max_frame}{hint}")
        if length < 4 + _MIN_HEADER_BYTES:
            raise FrameError(f"a frame of {length} bytes, too short for a header")

    def _decode(self, view: memoryview, at: int, stop: int) -> RemotingCommand:
        """The command of the whole frame at [at, stop)."""
        word = int.from_bytes(view[at + 4 : at + 8], "big")
        start = at + 8
        body_at = start + (word & 0xFFFFFF)
        if body_at > stop:
            raise FrameError(f"a header of {word & 0xFFFFFF} bytes in a frame of {stop - at - 4}")
        raw = bytes(view[start:body_at])
        kind = word >> 24
        if kind == JSON:
            command = self._decode_json(raw)
        elif kind == ROCKETMQ:
            command = decode_binary_header(raw)
        else:
            raise FrameError(f"unknown serialise type {kind}")
        command.body = view[body_at:stop] if body_at < stop else b""
        return command

    def _decode_json(self, raw: bytes) -> RemotingCommand:
        typed = self._typed.get(raw[8:12])
        if typed is not None:
            decode, code = typed
            try:
                command = decode(raw)
                if command.code == code:
                    command.serialize_type = JSON
                    command.ext_source = raw
                    return command
            except _DECODE_ERRORS:
                pass  # a bad field is the request's fault, not the frame's: the generic decoder tells
        return decode_json_header(raw)


def decode_json_header(raw: bytes | memoryview) -> RemotingCommand:
    """A command without body, its custom header left as `ext_fields`. Raises FrameError."""
    try:
        command = _generic_decode(raw)
    except _DECODE_ERRORS as error:
        raise FrameError(f"broken JSON header: {error}") from None
    fields = command.header
    if fields is not None and not isinstance(fields, dict):
        raise FrameError("extFields that are no object")
    command.header = None
    command.serialize_type = JSON
    if fields:
        fields = {k: v if type(v) is str else field_text(v) for k, v in fields.items() if v is not None}
    command.ext_source = fields
    return command


def encode_json_header(command: RemotingCommand) -> bytes:
    """The JSON header, its keys in the order of Apache's writer."""
    ext = ext_json(command.header, command.ext_fields if command.ext_source is not None else None)
    remark = command.remark
    language = command.language
    if type(language) is not str:
        from .binary_header import _LANGUAGE_NAMES

        language = _LANGUAGE_NAMES.get(language, "OTHER")
    text = (
        f'{{"code":{command.code:d},'
        f'{f""""extFields":{ext},""" if ext else ""}'
        f'"flag":{command.flag},"language":"{language}","opaque":{command.opaque},'
        f'{"" if remark is None else f""""remark":{quote(remark)},"""}'
        f'"serializeTypeCurrentRPC":"JSON","version":{command.version}}}'
    )
    return text.encode()


def encode(command: RemotingCommand) -> list[bytes | memoryview]:
    """The frame as parts to write one after the other; a big body is passed on, not copied."""
    if command.serialize_type == JSON:
        header = encode_json_header(command)
        word = len(header)
    else:
        header = encode_binary_header(command)
        word = len(header) | ROCKETMQ << 24
    body = command.body
    if type(body) is list:
        size = sum(map(len, body))
        prefix = (4 + len(header) + size).to_bytes(4, "big") + word.to_bytes(4, "big")
        return [prefix + header, *body]
    size = len(body)
    prefix = (4 + len(header) + size).to_bytes(4, "big") + word.to_bytes(4, "big")
    if not size:
        return [prefix + header]
    if size < COPY_BELOW_BYTES:
        return [b"".join((prefix, header, body))]
    return [prefix + header, body]
