"""Our mqadmin against Apache's pair of one version: runs, their JSON, and what Apache's own mqadmin and client say."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from tests.interop.apache import Driver, Pair, wait_until
from tests.interop.ours import Ran, mqadmin
from tests.interop.raw import call

from rocketmq_ops.remoting.codes import RequestCode


class Cluster(NamedTuple):
    """Apache's pair of one version, with Apache's client of that version."""

    pair: Pair
    driver: Driver

    def run(self, *args: str) -> Ran:
        return mqadmin(*args, namesrv=self.pair.namesrv_address, output="json")

    def data(self, *args: str) -> Any:
        ran = self.run(*args)
        document = ran.json
        assert document["command"] == args[0]
        assert document["errors"] == []
        return document["data"]

    def failure(self, code: int, *args: str) -> Any:
        """The errors of a command that must end with this exit code, and say why on stderr."""
        ran = self.run(*args)
        assert ran.code == code, ran
        assert ran.err.startswith(f"mqadmin {args[0]}: "), ran
        assert "Traceback" not in ran.err
        document = json.loads(ran.out)
        assert document["status"] != "ok"
        return document["errors"]

    def java(self, *args: str) -> str:
        return self.driver.mqadmin(*args, "-n", self.pair.namesrv_address)

    def send(self, messages: list[dict[str, Any]], **options: Any) -> list[dict[str, Any]]:
        """Sends, and waits until the queues have it: Apache's broker answers first, and dispatches in another thread."""
        options = {"group": "their_producer", **options}
        results: list[dict[str, Any]] = self.driver.ask(
            "send", namesrv=self.pair.namesrv_address, messages=messages, **options
        )
        ends = {(m["topic"], r["queueId"]): r["queueOffset"] + 1 for m, r in zip(messages, results, strict=True)}
        for (topic, queue), end in ends.items():
            wait_until(lambda at=(topic, queue), end=end: self._end(*at) >= end, f"{topic} {queue} ends at {end}")
        return results

    def _end(self, topic: str, queue: int) -> int:
        asked = call(self.pair.broker_address, RequestCode.GET_MAX_OFFSET, {"topic": topic, "queueId": str(queue)})
        return int(asked.ext_fields["offset"])

    def pull(self, topic: str) -> list[dict[str, Any]]:
        messages: list[dict[str, Any]] = self.driver.ask("pull", namesrv=self.pair.namesrv_address, topic=topic)
        return messages

    def topic(self, topic: str, queues: int = 4) -> str:
        self.data("updateTopic", "-c", self.pair.cluster, "-t", topic, "-r", str(queues), "-w", str(queues))
        return topic
