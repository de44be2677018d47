"""Answers written straight as a frame, for handlers that answer too often for a command each.

A handler may return such bytes instead of a RemotingCommand and vouches for valid JSON in the fields; it may send them
later, too. Everything else goes through `frame_codec.encode`.
"""

from __future__ import annotations

import struct
from typing import Final

from rocketmq_ops.remoting.command import MQ_VERSION

_TAIL: Final = f',"serializeTypeCurrentRPC":"JSON","version":{MQ_VERSION}}}'.encode()
_prefix = struct.Struct(">II").pack
_SUCCESS: Final = b'{"code":0,'
#: In place of a frame: the answer is sent later (`Channel.send`).
LATER: Final = b""


def success_template(fields: bytes) -> bytes:
    """The header of a SUCCESS response without a body, to be filled with `%`: the fields' values, then the opaque.

    `fields` is the inside of the JSON object extFields with `%d` and `%b` where values go.
    """
    return _SUCCESS + b'"extFields":{' + fields + b'},"flag":1,"language":"PYTHON","opaque":%d' + _TAIL


def header_frame(header: bytes) -> bytes:
    """The frame of a JSON header without a body."""
    size = len(header)
    return _prefix(size + 4, size) + header


def with_code(frame: bytes, code: int) -> bytes:
    """The frame of a SUCCESS response with another code, and all else as it is."""
    return header_frame(b'{"code":%d,' % code + frame[8 + len(_SUCCESS) :])
