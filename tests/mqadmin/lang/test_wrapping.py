"""Lines of Chinese are as wide as they may be, and end where Chinese lines may."""

from __future__ import annotations

import pytest
from wcwidth import wcswidth

from rocketmq_ops.mqadmin.lang.wrapping import wrapped


@pytest.mark.parametrize(
    ("text", "width", "lines"),
    [
        ("", 10, []),
        ("  ", 10, []),
        ("消费组的位点", 20, ["消费组的位点"]),
        ("消费组的位点", 8, ["消费组的", "位点"]),
        ("消费组的位点", 9, ["消费组的", "位点"]),
        ("把位点设置到末尾。", 16, ["把位点设置到末", "尾。"]),  # a full stop begins no line
        ("默认（新建）", 6, ["默认", "（新", "建）"]),  # an opening bracket ends none
        ("用 --topic 指定", 9, ["用", "--topic", "指定"]),
        ("用 storePathRootDir", 10, ["用", "storePathRootDir"]),  # a word stays whole
        ("Topic 名称  [必填]", 12, ["Topic 名称", "[必填]"]),
        ("a b\n c", 9, ["a b c"]),
    ],
)
def test_where_lines_end(text: str, width: int, lines: list[str]) -> None:
    assert wrapped(text, width) == lines


@pytest.mark.parametrize("width", [20, 33, 78])
def test_no_line_is_wider_and_nothing_is_lost(width: int) -> None:
    text = (
        "未给出的配置项在每个 Broker 上保持原值；Apache 的工具会把它们改回默认值（带 -o true 时除外），并逐个回读确认。"
        * 3
    )
    lines = wrapped(text, width)
    assert max(map(wcswidth, lines)) <= width
    assert min(map(wcswidth, lines[:-1])) > width - 16
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
