"""SQL92 filters: our evaluator beside Apache's own, Apache's consumers on our broker, a store's filters moved both ways."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from tests.interop.apache import Driver
from tests.interop.sql_pairs import Pairs

from rocketmq_ops.common.filter.bloom import BloomFilter
from rocketmq_ops.common.filter.parser import parse

PAIRS = 4_000
SEED = 20261127


def ours(pair: dict[str, Any]) -> str:
    try:
        expression = parse(pair["sql"])
    except ValueError:
        return "refused"
    try:
        return {True: "true", False: "false", None: "null"}[expression.evaluate(pair["properties"])]
    except ValueError:
        return "raises"


def test_expressions_mean_what_apache_s_evaluator_says(drivers: Callable[[str], Driver]) -> None:
    source = Pairs(SEED)
    pairs = [source.pair() for _ in range(PAIRS)]
    theirs = drivers("5.3.3").ask("sql", pairs=pairs)
    different = [(pair, java, found) for pair, java in zip(pairs, theirs, strict=True) if java != (found := ours(pair))]
    assert not different
    # Each kind of answer is there in earnest.
    assert min(Counter(theirs)[kind] for kind in ("true", "false", "null", "raises", "refused")) > PAIRS // 25


def test_bits_of_the_bloom_filter_are_apache_s(drivers: Callable[[str], Driver]) -> None:
    texts = [f"{'group' * (each % 9)}{each}#主题{'t' * each}" for each in range(64)]
    for rate, consumers in ((20, 32), (1, 1), (10, 128), (99, 7)):
        bloom = BloomFilter(rate, consumers)
        theirs = drivers("5.3.3").ask("bloom", errorRate=rate, consumers=consumers, texts=texts)
        assert theirs == [{"bitNum": bloom.bits, "bitPos": bloom.positions(text)} for text in texts]
