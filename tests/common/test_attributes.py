"""The text of changes to attributes."""

from __future__ import annotations

from rocketmq_ops.common.attributes import join_attributes, split_attributes


def test_changes_are_split_and_joined() -> None:
    assert list(split_attributes("+a=b=c,-d,x")) == [("+a", "b=c"), ("-d", None), ("x", None)]
    assert join_attributes({"+a": "b=c", "-d": ""}) == "+a=b=c,-d"
    assert join_attributes({}) == ""
