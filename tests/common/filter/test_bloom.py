"""The bloom filter's sizes and bits, as Apache's broker has written them."""

from __future__ import annotations

import pytest

from rocketmq_ops.common.filter.bloom import BloomFilter, murmur3_64


def test_sizes_and_bits_are_apache_s() -> None:
    found = BloomFilter(20, 32)
    assert (found.hashes, found.bits) == (3, 112)
    # Out of the consumerFilter.json of Apache's broker.
    assert found.positions("Gold_sql#GoldOrders") == [12, 26, 78]


@pytest.mark.parametrize(("rate", "consumers"), [(0, 32), (100, 32), (20, 0)])
def test_sizes_that_there_are_not(rate: int, consumers: int) -> None:
    with pytest.raises(ValueError, match="no bloom filter"):
        BloomFilter(rate, consumers)


@pytest.mark.parametrize("length", range(34))
def test_every_length_has_its_own_hash(length: int) -> None:
    assert murmur3_64(b"a" * length) != murmur3_64(b"a" * (length + 1))
    assert murmur3_64(b"") == 0
