"""Moves the half-queue offsets that stand in messages: transaction op messages name the halves that are done by their
offset.

When halves were lost the others moved up, and an op message that still named the old offset would end another
transaction. The new numbers are written with leading zeros, which a broker reads as the same number, so that no length
changes; a half that is gone becomes `x`, which a broker passes over as no offset."""

from __future__ import annotations

import re
from typing import Final

from rocketmq_ops.store.inspect.salvage.numbering import Numbering

_NUMBER: Final = re.compile(rb"\d+")


def moved_numbers(body: bytes, half: Numbering) -> bytes:
    """The body of an op message (offsets, comma-separated) with the new offsets, of the same length."""

    def replace(match: re.Match[bytes]) -> bytes:
        text = match.group()
        new = half.exact(int(text))
        if new is None or len(str(new)) > len(text):
            return b"x" * len(text)
        return text if new == int(text) else str(new).zfill(len(text)).encode()

    return _NUMBER.sub(replace, body) if re.fullmatch(rb"[\d,]*", body) else body


def moved_property(properties: bytes, name: bytes, half: Numbering) -> bytes:
    """The properties with the half-queue offset in `name` moved, of the same length."""

    def replace(match: re.Match[bytes]) -> bytes:
        return match.group(1) + moved_numbers(match.group(2), half)

    return re.sub(rb"((?:\A|\x02)" + re.escape(name) + rb"\x01)(\d+)", replace, properties)
