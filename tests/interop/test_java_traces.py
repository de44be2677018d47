"""Message traces that Java's producers and consumers write to our broker, as Java's mqadmin and ours show them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.interop.apache import Driver, wait_until
from tests.interop.ours import mqadmin
from tests.interop.test_java_clients import Consumer, make_topic, send

Name = Callable[[str], str]


def test_traces_of_javas_clients(driver: Driver, pair: Any, name: Name) -> None:
    topic, traces, group = name("Traced"), name("Traces"), name("traced_group")
    for each in (topic, traces):
        make_topic(driver, pair, each, 1)
    tracing = {"trace": True, "traceTopic": traces}
    producer = name("traced_producer")
    (sent,) = send(driver, pair, [{"topic": topic, "body": "x", "keys": "k1"}], group=producer, **tracing)
    line = ("queryMsgTraceById", "-i", sent["msgId"], "-t", traces)

    def shown() -> Any:
        ran = mqadmin(*line, namesrv=pair.namesrv_address, output="json")
        found = json.loads(ran.out)["data"] if ran.code == 0 else None
        return found if found and len([c for c in found["consumed"] if c["success"] is not None]) == 2 else None

    with Consumer(driver, pair, name("c"), group, topic, rejectFirst=1, **tracing) as consumer:
        assert len(consumer.received(2)) == 2
        # A client sends its traces every 5 s.
        found = wait_until(shown, "the traces of the send and of both times it was consumed", 60)
    driver.ask("producer.close", namesrv=pair.namesrv_address, group=producer)
    (pub,) = found["sent"]
    assert (pub["group"], pub["topic"], pub["keys"], pub["success"]) == (producer, topic, "k1", True)
    assert [(c["group"], c["success"], c["retryTimes"]) for c in found["consumed"]] == [
        (group, False, 0),
        (group, True, 1),
    ]
    rows = [row.split() for row in driver.mqadmin(*line, "-n", pair.namesrv_address).splitlines()]
    ends = [(row[0], row[1], row[-1]) for row in rows if row[:1] in (["Pub"], ["Sub"])]
    assert sorted(ends) == [("Pub", producer, "success"), ("Sub", group, "failed"), ("Sub", group, "success")]
