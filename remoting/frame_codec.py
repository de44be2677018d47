"""Frames to commands and back, without any I/O.

A frame is: total length (u32, of all that follows), serialise type (u8: 0 JSON, 1 ROCKETMQ) with header length (u24),
header, body. What lives here: cutting a byte stream into frames, the JSON header, and the typed fast path. The binary
header is in `binary_header`, sockets are in `channel`.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import Any, Final

import msgspec

from rocketmq_ops.common.fastjson import deeper_than
from rocketmq_ops.remoting.binary_header import decode_binary_header, encode_binary_header
from rocketmq_ops.remoting.codes import LanguageCode
from rocketmq_ops.remoting.command import JSON, ROCKETMQ, RemotingCommand, field_text
from rocketmq_ops.remoting.errors import FrameError
from rocketmq_ops.remoting.header_fields import ext_json, quote

#: Largest frame including its length word, as Apache's `com.rocketmq.remoting.frameMaxLength`.
MAX_FRAME_BYTES: Final = 16 * 1024 * 1024

#: Objects and arrays inside one another in a JSON header, those in unused fields too. Apache's parser
#: overflows its stack somewhere beyond 1,000; the fields of a real header are flat.
MAX_HEADER_DEPTH: Final = 512

#: A body smaller than this is joined to its header: cheaper than a buffer of its own.
COPY_BELOW_BYTES: Final = 2048

#: First four bytes after `{"code":` -> (decoder of a JSON header with its typed custom header, code).
TypedDecoders = dict[bytes | bytearray | memoryview, tuple[Callable[[Any], RemotingCommand], int]]

_MIN_LENGTH: Final = 4 + 2
#: A header of no more bytes cannot nest too deep.
_FLAT_BYTES: Final = 2 * MAX_HEADER_DEPTH
_words = struct.Struct(">II")
_unpack_words = _words.unpack_from
_pack_words = _words.pack
_generic_decode = msgspec.json.Decoder(RemotingCommand, strict=False).decode
_DECODE_ERRORS = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


def add_typed_decoder(decoders: TypedDecoders, code: int, header_cls: type) -> None:
    """Have JSON requests of `code` decoded in one go with their custom header as `header_cls`.

    Takes effect where the peer's writer puts the code first, as Java's and Go's do, for codes of one to three digits.
    """
    if not 0 <= code <= 999:
        return
    typed = msgspec.defstruct(
        "RemotingCommand",
        [("header", header_cls | None, msgspec.field(default=None, name="extFields"))],
        bases=(RemotingCommand,),
        kw_only=True,
        gc=False,
    )
    decode: Any = msgspec.json.Decoder(typed, strict=False).decode
    decoders[f'{code},"'.encode()[:4]] = (decode, code)


#: Handles requests of one connection that it recognises by their bytes. It is called with the undecoded JSON header and
#: the body, and returns the whole frame of the answer, `answer_frame.LATER`, or None to have the request decoded.
RawRequestHandler = Callable[[bytes, bytes | bytearray | memoryview], bytes | None]


class FrameDecoder:
    """Cuts one connection's bytes into commands; holds at most one unfinished frame."""

    __slots__ = ("_max_frame", "_need", "_pending", "_typed")

    def __init__(self, max_frame: int = MAX_FRAME_BYTES, typed: TypedDecoders | None = None) -> None:
        self._max_frame = max_frame
        self._typed: TypedDecoders = typed if typed is not None else {}
        self._pending: bytearray | None = None
        self._need = 0

    @property
    def has_begun(self) -> bool:
        """Whether bytes of an unfinished frame are held."""
        return self._pending is not None

    def let_go(self) -> None:
        """No more bytes come: forget the unfinished frame."""
        self._pending = None

    @property
    def buffered_bytes(self) -> int:
        """Bytes of the unfinished frame that are held."""
        return len(self._pending) if self._pending is not None else 0

    def sole_frame(self, data: bytes) -> tuple[bytes, bytes | memoryview] | None:
        """JSON header and body when `data` is just one frame with such a header and no other has begun, else None."""
        size = len(data)
        if self._pending is not None or not _MIN_LENGTH + 4 <= size <= self._max_frame:
            return None
        length, word = _unpack_words(data)
        if length != size - 4 or word > length - 4:
            return None
        # A small body is cheaper copied than seen through a view.
        return data[8 : 8 + word], (data if size < COPY_BELOW_BYTES else memoryview(data))[8 + word :]

    def typed_command(
        self, raw: bytes | bytearray | memoryview, body: bytes | bytearray | memoryview, most: int = _FLAT_BYTES
    ) -> RemotingCommand | None:
        """The command of a JSON header of `most` bytes that begins with a code whose fields are typed, mostly
        SEND_MESSAGE_V2; None when the generic decoder has to see it. One that is longer than usual may nest too deep.
        """
        typed = self._typed.get(raw[8:12])
        if typed is None or len(raw) > most:
            return None
        decode, code = typed
        try:
            command = decode(raw)
        except _DECODE_ERRORS:
            return None  # a bad field is the request's fault, not the frame's: the generic decoder decides
        if command.code != code:
            return None
        command.serialize_type = JSON
        command.ext_source = raw
        command.body = body
        return command

    def feed(
        self, data: bytes | bytearray | memoryview, raw_handler: RawRequestHandler | None = None
    ) -> Iterator[RemotingCommand | bytes]:
        """Yield the commands that `data` completes; big bodies are views of `data`, not copies. Raises FrameError.

        What `raw_handler` answers to a frame with a JSON header is yielded in the command's place. Run the iterator
        to its end before the next call.
        """
        if self._pending is not None:
            frame, data = self._finish_pending(data)
            if frame is None:
                return
            yield self._decode_whole(frame, raw_handler)
        elif type(data) is not bytes:
            data = memoryview(data)
        view = memoryview(data)
        at, end = 0, len(data)
        typed_command = self.typed_command
        max_length = self._max_frame - 4
        while end - at >= 8:
            length, word = _unpack_words(data, at)
            if not _MIN_LENGTH <= length <= max_length:
                self._check_length(length)
            stop = at + 4 + length
            if stop > end:
                break
            body_at = at + 8 + word
            if body_at <= stop:  # a JSON header: the serialise type in the top byte is 0
                raw = data[at + 8 : body_at]
                # A small body is cheaper copied than seen through a view.
                body = (data if stop - body_at < COPY_BELOW_BYTES else view)[body_at:stop]
                if raw_handler is not None and type(raw) is bytes and (answer := raw_handler(raw, body)) is not None:
                    yield answer
                    at = stop
                    continue
                command = typed_command(raw, body)
                if command is not None:
                    yield command
                    at = stop
                    continue
            yield self._decode(data, view, at, stop)
            at = stop
        if at < end:
            self._pending = bytearray(view[at:])
            self._need = self._needed(self._pending)

    def _decode_whole(self, frame: bytearray, raw_handler: RawRequestHandler | None) -> RemotingCommand | bytes:
        """What a frame that came in pieces is yielded as."""
        view = memoryview(frame)
        _, word = _unpack_words(frame, 0)
        if raw_handler is not None and 8 + word <= len(frame):
            answer = raw_handler(bytes(view[8 : 8 + word]), view[8 + word :])
            if answer is not None:
                return answer
        return self._decode(frame, view, 0, len(frame))

    def _finish_pending(
        self, data: bytes | bytearray | memoryview
    ) -> tuple[bytearray | None, bytes | bytearray | memoryview]:
        """Add to the unfinished frame what it lacks: (the frame if it is whole now, what is left of `data`)."""
        pending = self._pending
        assert pending is not None
        view = memoryview(data)
        at = 0
        if self._need == 0:
            at = 4 - len(pending)
            pending += view[:at]
            self._need = self._needed(pending)
            if self._need == 0:
                return None, b""
        lacking = self._need - len(pending)
        pending += view[at : at + lacking]
        if len(pending) < self._need:
            return None, b""
        # The frame's body is a view of this bytearray, so it is given away and never grown again.
        self._pending = None
        return pending, view[at + lacking :]

    def _needed(self, start: bytearray) -> int:
        """Bytes of the frame that begins so, 0 while its length is not known. Raises FrameError."""
        if len(start) < 4:
            return 0
        length = int.from_bytes(start[:4], "big")
        self._check_length(length)
        return 4 + length

    def _check_length(self, length: int) -> None:
        if length + 4 > self._max_frame:
            hint = " (TLS on a plain port?)" if length >> 24 == 0x16 else ""
            raise FrameError(f"a frame of {length} bytes, over the limit of {self._max_frame}{hint}")
        if length < _MIN_LENGTH:
            raise FrameError(f"a frame of {length} bytes, too short for a header")

    def _decode(self, data: bytes | bytearray | memoryview, view: memoryview, at: int, stop: int) -> RemotingCommand:
        """The command of the whole frame at [at, stop)."""
        _, word = _unpack_words(data, at)
        kind, header_length = word >> 24, word & 0xFFFFFF
        body_at = at + 8 + header_length
        if body_at > stop:
            raise FrameError(f"a header of {header_length} bytes in a frame of {stop - at - 4}")
        raw = bytes(view[at + 8 : body_at])
        if kind == JSON:
            command = self._decode_json(raw)
        elif kind == ROCKETMQ:
            command = decode_binary_header(raw)
        else:
            raise FrameError(f"unknown serialise type {kind}")
        command.body = view[body_at:stop] if body_at < stop else b""
        return command

    def _decode_json(self, raw: bytes) -> RemotingCommand:
        command = self.typed_command(raw, b"", most=len(raw))
        if command is None:
            return decode_json_header(raw)
        _check_depth(raw)
        return command


def decode_json_header(raw: bytes | memoryview) -> RemotingCommand:
    """A command without body, its custom header left as `ext_fields`. Raises FrameError."""
    try:
        command = _generic_decode(raw)
    except _DECODE_ERRORS:
        from rocketmq_ops.remoting.loose_header import decode_loose_header  # of peers that we hardly ever meet

        return decode_loose_header(raw)
    _check_depth(raw)
    fields = command.header
    if fields is not None and not isinstance(fields, dict):
        raise FrameError("invalid extFields: expected an object")
    command.header = None
    command.serialize_type = JSON
    if fields:
        fields = {k: v if type(v) is str else field_text(v) for k, v in fields.items() if v is not None}
    command.ext_source = fields
    return command


def _check_depth(raw: bytes | memoryview) -> None:
    """Refuse a decoded JSON header that nests too deep, whatever the interpreter's own limit is. Raises FrameError."""
    if len(raw) > _FLAT_BYTES and deeper_than(MAX_HEADER_DEPTH, raw):
        raise FrameError(f"a JSON header nested deeper than {MAX_HEADER_DEPTH}")


def encode_json_header(command: RemotingCommand) -> bytes:
    """The JSON header, its keys in the order of Apache's writer."""
    header = command.header
    if command.ext_source is None:
        ext = "" if header is None else f'"extFields":{ext_json(header, None)},'
    else:
        ext = f'"extFields":{ext_json(header, command.ext_fields) or "{}"},'
    language = command.language
    if language != "PYTHON":
        language = _language_name(language)
    remark = "" if command.remark is None else f'"remark":{quote(command.remark)},'
    # Half of a surrogate pair becomes `?`, as in Java.
    return (
        f'{{"code":{command.code},{ext}"flag":{command.flag},"language":"{language}","opaque":{command.opaque},'
        f'{remark}"serializeTypeCurrentRPC":"JSON","version":{command.version}}}'
    ).encode("utf-8", "replace")


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
        return [_pack_words(4 + len(header) + size, word) + header, *body]
    size = len(body)
    prefix = _pack_words(4 + len(header) + size, word)
    if not size:
        return [prefix + header]
    if size < COPY_BELOW_BYTES:
        return [b"".join((prefix, header, body))]
    return [prefix + header, body]


def _language_name(language: str) -> str:
    """The name of a language as Apache knows it."""
    return language if language in LanguageCode.__members__ else LanguageCode.OTHER.name
