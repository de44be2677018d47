"""Our sendMessage with a time of delivery and properties against Apache's broker, and the scan that finds it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from tests.interop.apache import Pair, wait_until

from rocketmq_ops.mqadmin import main as mqadmin


def test_a_message_is_delivered_at_its_time(
    apache_pairs: Callable[[str], Pair], name: Callable[[str], str], capsys: pytest.CaptureFixture[str]
) -> None:
    pair = apache_pairs("5.3.3")
    topic = name("Deliver")

    def run(*arguments: str) -> Any:
        capsys.readouterr()
        assert mqadmin.run([*arguments, "-n", pair.namesrv_address, "--output", "json"]) == 0
        return json.loads(capsys.readouterr().out)["data"]

    run("updateTopic", "-b", pair.broker_address, "-t", topic)
    due = int(time.time() * 1000) + 8000
    run("sendMessage", "-t", topic, "-p", '{"n": 5}', "--deliverTime", str(due), "--properties", "a=1")
    run("sendMessage", "-t", topic, "-p", '{"n": 6}')
    assert [found["body"] for found in run("printMsg", "-t", topic)["messages"]] == ['{"n": 6}']

    def delivered() -> list[Any]:
        return list(run("printMsg", "-t", topic, "--where", "a = 1 and body.n = 5")["messages"])

    found = wait_until(delivered, "the message is delivered", timeout=60)
    assert len(found) == 1
    assert found[0]["storeTimestamp"] >= due - 1000  # TimerMessageStore counts in timerPrecisionMs
