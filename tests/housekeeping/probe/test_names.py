"""The prober's names: legal, of bounded length, and different for different brokers and probers."""

from __future__ import annotations

import pytest

from rocketmq_ops.common.topics import group_problem, is_system_topic, topic_problem
from rocketmq_ops.housekeeping.probe.names import Names, is_probers, own_names


@pytest.mark.parametrize("broker", ["broker-a", "broker.a", "x" * 300, "代理", "a b", "a|b"])
def test_any_broker_has_a_legal_topic(broker: str) -> None:
    topic = Names("mark").topic(broker)
    assert topic_problem(topic) is None and not is_system_topic(topic)
    assert is_probers(topic)


def test_names_differ() -> None:
    brokers = ["a.b", "a_b", "a b", "a-b", "x" * 200 + "1", "x" * 200 + "2"]
    assert len({Names("m").topic(broker) for broker in brokers}) == len(brokers)
    assert Names("m").topic("a") != Names("n").topic("a")
    assert own_names() == own_names()
    assert group_problem(own_names().group) is None
    assert not is_probers("orders")
