"""Counts of bytes as brokers write and readers read them."""

from __future__ import annotations

import pytest

from rocketmq_ops.common.sizes import bytes_of, capacity_of, capacity_text, readable_bytes


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (1536, "1.5 KiB"),
        (254942892032, "237.4 GiB"),
        (1 << 63, "8.0 EiB"),
    ],
)
def test_sizes_read_as_apaches(count: int, text: str) -> None:
    assert readable_bytes(count) == text
    assert bytes_of(text) == pytest.approx(count, rel=0.001)


def test_a_disk_is_read_as_it_is_written() -> None:
    assert capacity_of(capacity_text(3 << 40, 3 << 29)) == (3 << 40, 3 << 29)
    assert capacity_of("Total : 1,5 KiB, Free : 2 B.") == (1536, 2), "of a broker whose language has a decimal comma"


@pytest.mark.parametrize("text", ["", "null", "12", "12 XB", "Total : 1 B, Free : ?."])
def test_what_is_no_size_is_unknown(text: str) -> None:
    assert bytes_of(text) is None and capacity_of(text) is None
