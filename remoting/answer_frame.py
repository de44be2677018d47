"""Successful answers written straight as a frame, for handlers that answer too often for a command each.

A handler may return such bytes instead of a RemotingCommand and vouches for valid JSON in the fields. Everything else
goes through `frame_codec.encode`.
"""

from __future__ import annotations

from typing import Final

from .command import MQ_VERSION

_TAIL: Final = f',"serializeTypeCurrentRPC":"JSON","version":{MQ_VERSION}}}'


def success_frame(opaque: int, fields: str) -> bytes:
    """The frame of a SUCCESS response without a body; `fields` is the inside of the JSON object extFields."""
    header = f'{{"code":0,"extFields":{{{fields}}},"flag":1,"language":"PYTHON","opaque":{opaque}{_TAIL}'.encode()
    size = len(header)
    return (size + 4).to_bytes(4, "big") + size.to_bytes(4, "big") + header
