"""Until when certificates are valid."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from rocketmq_ops.common.errors import CorruptDataError
from rocketmq_ops.remoting.certificates import file_valid_until_ms, valid_until_ms

FILES = Path(__file__).parent / "files" / "tls"
#: By `openssl req -x509 -days 20`; openssl says: notAfter=Dec 17 04:28:11 2026 GMT.
SHORT = base64.b64decode(
    "MIIBbDCCAROgAwIBAgIUcfjMbC4/0FfSUF482kjdOz4zSBYwCgYIKoZIzj0EAwIwDDEKMAgGA1UEAwwBeDAeFw0yNjExMjcwNDI4"
    "MTFaFw0yNjEyMTcwNDI4MTFaMAwxCjAIBgNVBAMMAXgwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAS3DQEHXspv/EKQ2ALdSSgk"
    "Kojczh8dERA5ObQJu8hoCr9A1CfWTBgsIYvcjz7AqnfcmQIRnKFV2qcKK9pLVxKKo1MwUTAdBgNVHQ4EFgQUIdj7qP0b4s6gMADg"
    "JoIyuCiLgKgwHwYDVR0jBBgwFoAUIdj7qP0b4s6gMADgJoIyuCiLgKgwDwYDVR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNHADBE"
    "AiBhX8yXjSA6L0zGG/tjBTT6TlH6zf46RQ2loPLyIPMP2AIgEGHrT/Mei+jFRHGGNFZlqnbAlPg9B6MRZJbHYS60Kio="
)
SHORT_ENDS, SERVER_ENDS = 1_797_481_691_000, 4_949_329_620_000


def test_a_time_with_two_digits_of_the_year() -> None:
    assert valid_until_ms(SHORT) == SHORT_ENDS


def test_a_file_ends_with_its_first_certificate(tmp_path: Path) -> None:
    """Those of the tests end in 2126, which only the longer form of a time has."""
    assert file_valid_until_ms(str(FILES / "server.pem")) == SERVER_ENDS
    chain = tmp_path / "chain.pem"
    encoded = base64.encodebytes(SHORT).decode()
    chain.write_text(
        (FILES / "server.pem").read_text() + f"-----BEGIN CERTIFICATE-----\n{encoded}-----END CERTIFICATE-----\n"
    )
    assert file_valid_until_ms(str(chain)) == SHORT_ENDS
    assert file_valid_until_ms(str(FILES / "server.key")) is None


@pytest.mark.parametrize("size", range(0, 125, 7))
def test_what_is_cut_off_is_said(size: int) -> None:
    with pytest.raises(CorruptDataError, match="not a certificate"):
        valid_until_ms(SHORT[:size])


def test_what_is_no_certificate(tmp_path: Path) -> None:
    with pytest.raises(CorruptDataError, match="tag 0x31 in place of 0x30"):
        valid_until_ms(b"\x31" + SHORT[1:])
    broken = tmp_path / "broken.pem"
    broken.write_text("-----BEGIN CERTIFICATE-----\nA\n-----END CERTIFICATE-----\n")
    with pytest.raises(CorruptDataError):
        file_valid_until_ms(str(broken))
