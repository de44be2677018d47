"""The CRC over a whole record, its last property where `enabledAppendPropCRC` is on.

Ten decimal digits, the lowest first, that cover the record up to this property. Source: MessageExtEncoder and
CommitLog.checkMessageAndReturnSize of 5.x.
"""

from __future__ import annotations

import zlib
from typing import Final

from rocketmq_ops.common.message import PROPERTY_CRC32

#: How the property begins, as it is stored.
CRC_PROPERTY: Final = f"{PROPERTY_CRC32}\x01".encode()
_DIGITS: Final = 10
#: Bytes of the whole property: name and separator, the digits, and the separator of properties.
CRC_LENGTH: Final = len(CRC_PROPERTY) + _DIGITS + 1


def crc_property(covered: bytes) -> bytes:
    """The property to put behind so much of a record."""
    return CRC_PROPERTY + f"{str(_crc(covered))[::-1]:0<{_DIGITS}}\x02".encode()


def has_record_crc(properties: bytes) -> bool:
    """True when a record with these properties was written with enabledAppendPropCRC."""
    return properties[-CRC_LENGTH : len(CRC_PROPERTY) - CRC_LENGTH] == CRC_PROPERTY


def record_crc_of(record: bytes) -> int:
    """The CRC over a record that ends with this property."""
    return _crc(memoryview(record)[:-CRC_LENGTH])


def record_crc_ok(record: bytes) -> bool:
    """True when the CRC that the last property of a record holds is right."""
    digits = record[-_DIGITS - 1 : -1]
    return digits.isdigit() and int(digits[::-1]) == record_crc_of(record)


def _crc(covered: bytes | memoryview) -> int:
    return zlib.crc32(covered) & 0x7FFFFFFF
