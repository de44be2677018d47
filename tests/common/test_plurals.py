"""Numbers of things as people read them."""

from __future__ import annotations

import pytest

from rocketmq_ops.common.plurals import plural


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 messages wait"), (1, "1 message waits"), (2, "2 messages wait"), (1000, "1000 messages wait")],
)
def test_one_and_many(count: int, text: str) -> None:
    assert plural(count, "message waits", "messages wait") == text


def test_grouped() -> None:
    assert plural(12_345, "range", "ranges", grouped=True) == "12,345 ranges"
