"""What changed between two moments, as a sentence."""

import re

from rocketmq_ops.mqadmin.lang.catalogue import chinese
from rocketmq_ops.tui.model.events import Events
from rocketmq_ops.tui.model.moment import Moment, TopicQueues, TopicSeen


def test_an_event_says_what_a_topic_had_and_has():
    def seen(**on):
        return Moment(time_ms=1, topics_ms=on.pop("at"), topics={"orders": TopicSeen(topic="orders", on=on)})

    def said(before, after):
        return [event.text for event in Events().note(seen(at=1, **before), seen(at=2, **after))]

    one, closed, wider = TopicQueues(8, 8, 6), TopicQueues(8, 8, 4), TopicQueues(16, 12, 6)
    assert said({"a": one}, {"a": closed}) == ["perm: 6 -> 4"]
    assert said({"a": closed}, {"a": one}) == ["perm: 4 -> 6"]
    assert said({"a": one, "b": one}, {"a": wider, "b": wider}) == ["write queues: 8 -> 12, read queues: 8 -> 16"]
    assert said({"a": one, "b": one}, {"a": one, "b": closed}) == ["perm: 6 -> 4 on broker b"]
    parts = said({"a": one, "b": one, "c": one}, {"a": closed, "b": closed, "c": one})
    assert parts == ["perm: 6 -> 4 on 2 of 3 brokers"]
    assert said({"a": one}, {"a": one, "b": closed}) == [], "a broker that had it not before has not changed it"
    for text in ("perm: 6 -> 4, read queues: 8 -> 16", "perm: 6 -> 4 on broker b", *parts):
        assert not re.search("queues|on|of|brokers", chinese().message(text)), text
