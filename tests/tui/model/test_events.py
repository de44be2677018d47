"""What changed between two moments, as a sentence."""

import re
from typing import Any

from rocketmq_ops.common.errors import Failure
from rocketmq_ops.mqadmin.lang.catalogue import chinese
from rocketmq_ops.tui.model.events import Events
from rocketmq_ops.tui.model.moment import BrokerSeen, Moment, NameServerSeen, TopicQueues, TopicSeen


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


def test_a_server_that_was_never_heard_is_not_said_to_have_fallen_silent():
    """It may have been so for days when the dashboard was started."""
    silent = Failure("x:1", "it did not answer", "look at it")

    def said(before: int | None, *, dead: bool) -> list[str]:
        def at(time_ms: int, **answer: Any) -> Moment:
            broker = BrokerSeen(address="x:1", cluster="c", broker_name="b", broker_id=0, **answer)
            return Moment(
                time_ms=time_ms, brokers={"x:1": broker}, name_servers={"x:1": NameServerSeen(address="x:1", **answer)}
            )

        failing: dict[str, Any] = {"failure": silent, "failing_since" if dead else "refusing_since": 2}
        events = Events()
        fallen = events.note(at(1, answered_ms=before), at(2, answered_ms=before, **failing))
        back = events.note(at(2, answered_ms=before, **failing), at(3, answered_ms=3))
        assert [event.text for event in back[: len(back) - len(fallen)]] == ["answers again"] * 2
        return [event.text for event in fallen]

    assert said(None, dead=True) == said(None, dead=False) == []
    assert said(1, dead=True) == ["does not answer any more"] * 2
    assert len(said(1, dead=False)) == 2
