"""Timers and recalls that a broker does not take: what clients are answered, by Apache's brokers and by ours."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest
from tests.interop.apache import Driver, DriverError, wait_until
from tests.interop.cluster import Cluster
from tests.interop.raw import call
from tests.interop.test_java_clients import make_topic, send

from rocketmq_ops.common.recall_handle import RecallHandle
from rocketmq_ops.remoting.codes import RequestCode

Name = Callable[[str], str]

WHEEL_OFF = "CODE: 1 DESC: accurate timer message is not enabled, timerWheelEnable is false"
CONGESTED = (
    "CODE: 1 DESC: timer message is under flow control, max num limit is 0 or the current value is greater than 0 "
    "and less than 0, trigger random flow control"
)
#: What Java's client is answered while the wheel is off: for a time of delivery, a delay, one that is over, a level.
SENT_WITHOUT_WHEEL = {
    "TIMER_DELIVER_MS": WHEEL_OFF, "TIMER_DELAY_SEC": WHEEL_OFF, "TIMER_DELAY_MS": WHEEL_OFF, "past": WHEEL_OFF,
    "no number": WHEEL_OFF, "with a delay level": "SEND_OK", "none": "SEND_OK",
}  # fmt: skip
#: Code and remark of recalls: switched off, then switched on for a broker without a wheel and with one.
FORBIDDEN = (16, "recall failed, operation is forbidden")
NOT_DONE = (1, "recall failed, execute error")

BY_DEFAULT = {"recallMessageEnable": "false", "timerWheelEnable": "true", "timerCongestNumEachSlot": "2147483647"}


def an_hour_away() -> int:
    """Ms since the epoch."""
    return int(time.time() * 1000) + 3_600_000


@contextmanager
def changed(pair: Any, **settings: str) -> Iterator[None]:
    """The running broker with these settings; then by default."""

    def change(values: dict[str, str]) -> None:
        lines = "".join(f"{key}={value}\n" for key, value in values.items())
        told = call(pair.broker_address, RequestCode.UPDATE_BROKER_CONFIG, body=lines.encode())
        assert told.code == 0, told

    change(settings)
    try:
        yield
    finally:
        change({key: BY_DEFAULT[key] for key in settings})


def answer(driver: Driver, pair: Any, topic: str, **timer: Any) -> str:
    """The status of a send, or code and text of what the client was answered."""
    try:
        (sent,) = send(driver, pair, [{"topic": topic, "queue": 0, "body": "m", **timer}], group="timer_switches")
    except DriverError as error:
        _, _, told = str(error).partition("CODE: ")
        assert told, error
        return "CODE: " + " ".join(told.partition("BROKER:")[0].split())
    return str(sent["status"])


def recalled(pair: Any, topic: str) -> tuple[int, str | None]:
    """Code and remark of a recall of what would wait for an hour."""
    handle = RecallHandle.of(topic, pair.broker_name, an_hour_away(), "0A0B0C0D0E0F00112233445566778899").encode()
    fields = {"producerGroup": "timer_switches", "topic": topic, "recallHandle": handle, "bname": pair.broker_name}
    told = call(pair.broker_address, RequestCode.RECALL_MESSAGE, fields)
    return told.code, told.remark


def sent_without_wheel(driver: Driver, pair: Any, topic: str) -> dict[str, str]:
    kinds: dict[str, dict[str, Any]] = {
        "TIMER_DELIVER_MS": {"TIMER_DELIVER_MS": an_hour_away()}, "TIMER_DELAY_SEC": {"TIMER_DELAY_SEC": 3_600},
        "TIMER_DELAY_MS": {"TIMER_DELAY_MS": 3_600_000}, "past": {"TIMER_DELIVER_MS": 1},
        "no number": {"TIMER_DELAY_MS": "soon"}, "with a delay level": {"TIMER_DELAY_SEC": 3_600, "delay": 1},
        "none": {},
    }  # fmt: skip
    return {kind: answer(driver, pair, topic, **timer) for kind, timer in kinds.items()}


def refusal(driver: Driver, pair: Any, topic: str, due: int) -> str | None:
    """What the client is answered if one more for that moment is refused."""
    told = answer(driver, pair, topic, TIMER_DELIVER_MS=due)
    return told if told != "SEND_OK" else None


def test_clients_are_answered_as_by_apache_s_broker(cluster: Cluster, pair: Any, name: Name) -> None:
    """4.9.7's client by our broker as those of 5.x by theirs: its broker knows no timers (see below)."""
    driver, topic = cluster.driver, name("TimerSwitches")
    of_5 = [] if cluster.pair.version == "4.9.7" else [cluster.pair]
    for each in (*of_5, pair):
        make_topic(driver, each, topic, 1)
        try:
            assert recalled(each, topic) == FORBIDDEN
            with changed(each, recallMessageEnable="true"):
                assert recalled(each, topic)[0] == 0
                with changed(each, timerWheelEnable="false"):
                    assert sent_without_wheel(driver, each, topic) == SENT_WITHOUT_WHEEL
                    assert recalled(each, topic) == NOT_DONE
            due = an_hour_away() // 1000 * 1000 + 500
            assert answer(driver, each, topic, TIMER_DELIVER_MS=due) == "SEND_OK"
            with changed(each, timerCongestNumEachSlot="0"):
                # The first waits in the wheel a moment after it was answered.
                refused = wait_until(partial(refusal, driver, each, topic, due), "more for one moment are refused")
                assert refused == CONGESTED
                assert answer(driver, each, topic, TIMER_DELIVER_MS=due + 60_000) == "SEND_OK"
        finally:
            driver.ask("producer.close", namesrv=each.namesrv_address, group="timer_switches")


@pytest.mark.parametrize("cluster", ["4.9.7"], indirect=True)
def test_a_broker_of_4_9_delivers_at_once_and_knows_no_recall(cluster: Cluster, name: Name) -> None:
    """Which is why the test above has nothing of 4.9.7's broker beside ours."""
    topic = cluster.topic(name("NoTimers"), 1)
    cluster.send([{"topic": topic, "body": "m", "TIMER_DELIVER_MS": an_hour_away()}])
    assert [one["body"] for one in cluster.pull(topic)] == ["m"]
    code, remark = recalled(cluster.pair, topic)
    assert (code, remark) == (3, " request type 370 not supported")
