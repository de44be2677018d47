"""Filter servers of 4.x: in the routes as Java's clients read them, and consumers that filter by a class of theirs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.interop.apache import Driver, wait_until
from tests.interop.ours import OurPair
from tests.interop.raw import Announced
from tests.interop.test_java_clients import Consumer, bodies, make_topic, send
from tests.interop.toolchain import VERSIONS

from rocketmq_ops.common import fastjson


@pytest.mark.parametrize("version", VERSIONS)
def test_java_pulls_through_a_filter_server(version: str, scratch: Path, drivers: Callable[[str], Driver]) -> None:
    """The broker announces itself as its own filter server: it refuses the class, and answers the pulls unfiltered.

    Without a filter server in the route a client pulls nothing for such a subscription.
    """
    driver = drivers(version)
    pair = OurPair(scratch / f"filter-servers-{version}", settings={"registerNameServerPeriod": "10000"})
    try:
        make_topic(driver, pair, "Classes", 1)
        send(driver, pair, [{"topic": "Classes", "body": f"m{i}"} for i in range(3)], group="classes_producer")

        def table() -> object:
            printed = driver.mqadmin("topicRoute", "-n", pair.namesrv_address, "-t", "Classes")
            return fastjson.loads(printed[printed.index("{") :].encode()).get("filterServerTable")

        assert not table()
        with Announced(pair.broker_address, pair.broker_address):
            wait_until(lambda: table() == {pair.broker_address: [pair.broker_address]}, "the route names it", 30)
            with Consumer(driver, pair, "classes", "classes_group", "Classes", filterClass="Chosen") as consumer:
                assert sorted(bodies(consumer.received(3))) == ["m0", "m1", "m2"]
        wait_until(lambda: not table(), "the route names it no more", 30)
    finally:
        driver.ask("producer.close", namesrv=pair.namesrv_address, group="classes_producer")
        pair.kill()
