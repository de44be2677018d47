"""Until when certificates are valid (RFC 5280, 4.1): of a server, as its handshake gave it, or in a PEM file."""

from __future__ import annotations

import re
import ssl
from datetime import UTC, datetime

from rocketmq_ops.common.errors import CorruptDataError
from rocketmq_ops.common.properties import read_text

_SEQUENCE, _VERSION, _UTC_TIME, _GENERALIZED_TIME = 0x30, 0xA0, 0x17, 0x18
_PEM = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)


def valid_until_ms(certificate: bytes) -> int:
    """The end of validity of a certificate in DER, ms since 1970. Raises CorruptDataError."""
    try:
        inner, _ = _content(certificate, 0, _SEQUENCE)
        at, _ = _content(certificate, inner, _SEQUENCE)
        if certificate[at] == _VERSION:
            at = _end(certificate, at)
        for _ in range(3):  # serial number, signature algorithm, issuer
            at = _end(certificate, at)
        begins, _ = _content(certificate, at, _SEQUENCE)
        return _moment_ms(certificate, _end(certificate, begins))
    except (IndexError, ValueError) as error:
        raise CorruptDataError(f"not a certificate: {error}") from None


def file_valid_until_ms(path: str) -> int | None:
    """The earliest end of the certificates in a PEM file; None when it has none.

    Raises CorruptDataError, PropertiesError.
    """
    try:
        return min(
            (valid_until_ms(ssl.PEM_cert_to_DER_cert(text)) for text in _PEM.findall(read_text(path))), default=None
        )
    except ValueError as error:  # what stands between its marks is not base64
        raise CorruptDataError(f"not a certificate: {error}") from None


def _bounds(data: bytes, at: int) -> tuple[int, int]:
    """Where the content of the item at a place begins and ends."""
    length, begins = data[at + 1], at + 2
    if length & 0x80:
        more = length & 0x7F
        begins, length = begins + more, int.from_bytes(data[begins : begins + more])
    if begins + length > len(data):
        raise ValueError("it is cut off")
    return begins, begins + length


def _content(data: bytes, at: int, tag: int) -> tuple[int, int]:
    if data[at] != tag:
        raise ValueError(f"tag {data[at]:#x} in place of {tag:#x}")
    return _bounds(data, at)


def _end(data: bytes, at: int) -> int:
    return _bounds(data, at)[1]


def _moment_ms(data: bytes, at: int) -> int:
    begins, ends = _bounds(data, at)
    text = data[begins:ends].decode("ascii")
    if data[at] == _UTC_TIME:  # two digits of the year: from 50 on of the last century
        text = ("19" if text[:2] >= "50" else "20") + text
    elif data[at] != _GENERALIZED_TIME:
        raise ValueError(f"tag {data[at]:#x} in place of a time")
    return int(datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC).timestamp()) * 1000
