"""Java's hashCode: of a String, by which consumequeues hold tags, and indexes keys; of numbers, which choose queues."""

from __future__ import annotations

from functools import lru_cache
from itertools import accumulate
from typing import Final

# A polynomial at 31 modulo 2**32 is what `int(digits, 31)` computes in C, if only the characters were digits. A byte is
# 31 * q + r with both q and r digits; and the characters 0..9 A..N, of which unique keys consist, are '0' + a digit.
_DIGITS: Final = b"0123456789abcdefghijklmnopqrstu"
_NO_DIGIT: Final = b"~"
_REMAINDERS: Final = bytes(_DIGITS[i % 31] for i in range(256))
_QUOTIENTS: Final = bytes(_DIGITS[i // 31] for i in range(256))
_ABOVE_ZERO: Final = bytes((_DIGITS[i - 48] if 48 <= i < 79 else _NO_DIGIT[0]) for i in range(256))
#: Longer strings are hashed in pieces: int() takes quadratic time and refuses more than 4300 digits.
_PIECE: Final = 512
POWERS_OF_31: Final[tuple[int, ...]] = tuple(pow(31, i, 1 << 32) for i in range(_PIECE + 1))
#: What the '0' in each of i characters adds to the hash: 48 * (31 ** 0 + ... + 31 ** (i - 1)).
_ZEROS: Final[tuple[int, ...]] = tuple(
    accumulate(range(_PIECE), lambda zeros, _: (zeros * 31 + 48) & 0xFFFFFFFF, initial=0)
)


def _bytes_hash(raw: bytes) -> int:
    """Sum of raw[i] * 31 ** (n - 1 - i), not wrapped; at most _PIECE bytes, at least one."""
    return int(raw.translate(_REMAINDERS), 31) + 31 * int(raw.translate(_QUOTIENTS), 31)


def _long_hash(text: str, start: int) -> int:
    """`hash_onto` for any string: other than ASCII, empty, or long."""
    value = start
    raw = text.encode("utf-16-be", "surrogatepass")
    for i in range(0, len(raw), 2 * _PIECE):
        piece = raw[i : i + 2 * _PIECE]
        units = _bytes_hash(piece[1::2]) + 256 * _bytes_hash(piece[::2])
        value = value * POWERS_OF_31[len(piece) // 2] + units
    return value & 0xFFFFFFFF


def hash_onto(text: str, start: int = 0) -> int:
    """String.hashCode of a string that begins with one whose hash is `start` and goes on with `text`.

    As an unsigned 32-bit int; `start` may be of either sign.
    """
    length = len(text)
    if 0 < length <= _PIECE and text.isascii():
        raw = text.encode()
        units = int(raw.translate(_REMAINDERS), 31) + 31 * int(raw.translate(_QUOTIENTS), 31)
        return (start * POWERS_OF_31[length] + units) & 0xFFFFFFFF
    return _long_hash(text, start)


def unique_key_hash_onto(text: str, start: int = 0) -> int:
    """The same as `hash_onto`, twice as fast for the unique keys that clients make (upper-case hex digits)."""
    length = len(text)
    if length <= _PIECE:
        try:
            units = int(text.encode().translate(_ABOVE_ZERO), 31)
        except ValueError:
            return hash_onto(text, start)
        return (start * POWERS_OF_31[length] + units + _ZEROS[length]) & 0xFFFFFFFF
    return _long_hash(text, start)


def string_hash(text: str) -> int:
    """Java's String.hashCode: over UTF-16 code units, a signed 32-bit int."""
    value = hash_onto(text)
    return value - 0x100000000 if value & 0x80000000 else value


def object_hash(value: object) -> int:
    """Java's hashCode of what `value` is there, a signed 32-bit int: Boolean, Integer, beyond it Long, else String."""
    if isinstance(value, bool):
        return 1231 if value else 1237
    if isinstance(value, int):
        if -(1 << 31) <= value < 1 << 31:
            return value
        if -(1 << 63) <= value < 1 << 63:
            folded = (value ^ value >> 32) & 0xFFFFFFFF  # the lower half does not see which shift of the sign it is
            return folded - 0x100000000 if folded & 0x80000000 else folded
    return string_hash(str(value))


@lru_cache(maxsize=4096)
def tags_hash(tags: str) -> int:
    """Hash of a tag as a consumequeue unit holds it (String.hashCode; few distinct tags, hence cached)."""
    return string_hash(tags)
