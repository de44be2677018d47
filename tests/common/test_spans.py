"""Spans of time as people read them."""

from __future__ import annotations

import pytest

from rocketmq_ops.common.spans import human_span


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [
        (0, "0ms"),
        (999, "999ms"),
        (1000, "1s"),
        (59_999, "59s"),
        (60_000, "1m"),
        (185_000, "3m5s"),
        (7_200_000, "2h"),
        (9_659_000, "2h40m"),
        (86_400_000 + 5_000, "1d"),
        (5 * 86_400_000 + 3_600_000, "5d1h"),
        (12.5, "12.5ms"),
        (-185_000.0, "-3m5s"),
    ],
)
def test_spans_of_time(milliseconds: float, text: str) -> None:
    assert human_span(milliseconds) == text
