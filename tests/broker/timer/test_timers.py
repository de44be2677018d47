"""Messages with a time of delivery: when they come, what is refused, and what is recalled."""

from __future__ import annotations

import math
import struct
from pathlib import Path
from typing import Any

import pytest

from rocketmq_ops.broker.send.put_answers import put_answer
from rocketmq_ops.broker.turns import Turn
from rocketmq_ops.remoting.codes import ResponseCode
from rocketmq_ops.store.files.timer_files import TIMER_TOPIC
from rocketmq_ops.store.inner_message import PutStatus
from tests.broker.timer.support import START, Timers

DAY_MS = 86_400_000


@pytest.mark.parametrize(
    ("properties", "due"),
    [
        ({"TIMER_DELIVER_MS": START + 5_000}, 5_000), ({"TIMER_DELAY_MS": 5_000}, 5_000), ({"TIMER_DELAY_SEC": 5}, 5_000),
        ({"TIMER_DELAY_MS": 5_001}, 6_000), ({"TIMER_DELAY_MS": 4_999}, 5_000), ({"TIMER_DELAY_MS": 1}, 1_000),
        ({"TIMER_DELAY_SEC": 5, "TIMER_DELAY_MS": 1, "TIMER_DELIVER_MS": 1}, 5_000),
        ({"TIMER_DELAY_MS": 5_000, "TIMER_DELIVER_MS": 1}, 5_000), ({"TIMER_DELIVER_MS": START}, 0),
        ({"TIMER_DELIVER_MS": START - 1}, 0), ({"TIMER_DELAY_MS": -5}, 0),
    ],
)  # fmt: skip
def test_a_message_comes_when_the_moment_of_its_time_is_over(
    tmp_path: Path, properties: dict[str, int], due: int
) -> None:
    timers = Timers(tmp_path)
    assert timers.send(b"a", **properties) is PutStatus.PUT_OK
    if due:
        timers.run()
        timers.pass_time(due - 1)
        assert timers.got() == []
        timers.pass_time(1)
    assert timers.got() == [b"a"]
    timers.stop()


def test_with_a_finer_precision_it_comes_sooner(tmp_path: Path) -> None:
    timers = Timers(tmp_path, timerPrecisionMs=150)  # counts as 100
    timers.send(b"a", TIMER_DELAY_MS=1_234)
    timers.pass_time(1_299, step=7)
    assert timers.got() == []
    timers.pass_time(1)
    assert timers.got() == [b"a"]
    timers.stop()


def test_what_a_delivered_message_says(tmp_path: Path) -> None:
    timers = Timers(tmp_path)
    timers.send(b"a", queue_id=3, TIMER_DELAY_MS=2_500, TAGS="x", KEYS="k")
    timers.pass_time(3_000)
    (message,) = timers.messages(queue_id=3)
    assert message.born_timestamp == START and message.tags == "x" and message.keys == ["k"]
    properties = message.properties
    assert (properties["TIMER_OUT_MS"], properties["TIMER_ENQUEUE_MS"]) == (str(START + 2_000), str(START))
    assert properties["TIMER_DEQUEUE_MS"] == str(START + 3_000)
    assert (properties["REAL_TOPIC"], properties["REAL_QID"]) == ("T", "3")
    # One that is sent on as it is does not wait again.
    assert timers.send(b"b", queue_id=3, **dict.fromkeys(properties, "5")) is PutStatus.PUT_OK
    assert len(timers.messages(queue_id=3)) == 2
    timers.stop()


def test_a_broker_without_timers_has_no_files(tmp_path: Path) -> None:
    timers = Timers(tmp_path)
    timers.send(b"a")
    timers.pass_time(3_000)
    timers.stop()
    assert not [path for path in tmp_path.rglob("*") if "timer" in path.name]


@pytest.mark.parametrize(
    ("settings", "properties", "status", "code", "remark"),
    [
        ({"timerWheelEnable": False}, {"TIMER_DELAY_MS": 5}, PutStatus.WHEEL_TIMER_NOT_ENABLE, ResponseCode.SYSTEM_ERROR,
         "accurate timer message is not enabled, timerWheelEnable is false"),
        ({}, {"TIMER_DELAY_MS": "soon"}, PutStatus.WHEEL_TIMER_MSG_ILLEGAL, ResponseCode.MESSAGE_ILLEGAL, ""),
        ({"timerMaxDelaySec": 10}, {"TIMER_DELAY_MS": 10_001}, PutStatus.WHEEL_TIMER_MSG_ILLEGAL,
         ResponseCode.MESSAGE_ILLEGAL,
         "timer message illegal, the delay time should not be bigger than the max delay 10000ms; or if set del msg, the "
         "delay time should be bigger than the current time"),
        ({}, {"TIMER_DELIVER_MS": START, "TIMER_DEL_UNIQKEY": "T+a"}, PutStatus.WHEEL_TIMER_MSG_ILLEGAL,
         ResponseCode.MESSAGE_ILLEGAL, ""),
        ({"timerCongestNumEachSlot": 0}, {"TIMER_DELAY_MS": 1_000}, PutStatus.WHEEL_TIMER_FLOW_CONTROL,
         ResponseCode.SYSTEM_ERROR,
         "timer message is under flow control, max num limit is 0 or the current value is greater than 0 and less than "
         "0, trigger random flow control"),
    ],
)  # fmt: skip
def test_refusals(
    tmp_path: Path, settings: dict[str, Any], properties: dict[str, Any], status: PutStatus, code: int, remark: str
) -> None:
    timers = Timers(tmp_path, **settings)
    if "timerCongestNumEachSlot" in settings:
        timers.send(b"first", **properties)
        timers.run()
    before = timers.store.max_phy_offset
    assert timers.send(b"a", **properties) is status
    assert timers.store.max_phy_offset == before
    answer = put_answer(status, timers.broker.store_config)
    assert answer[0] == code and (answer[1] or "").startswith(remark)
    timers.stop()


def test_what_waits_comes_also_when_timers_are_switched_off(tmp_path: Path) -> None:
    """As by Apache's broker, which asks for the switch at its start and for new messages."""
    timers = Timers(tmp_path)
    timers.send(b"a", TIMER_DELAY_SEC=2)
    timers.service._take_turn(Turn(math.inf))
    timers.broker.store_config.timerWheelEnable = False
    assert timers.send(b"b", TIMER_DELAY_SEC=2) is PutStatus.WHEEL_TIMER_NOT_ENABLE
    for _ in range(40):
        timers.clock.now += 100
        timers.service._take_turn(Turn(math.inf))
    assert timers.got() == [b"a"]
    timers.stop()


def test_flow_control_is_by_chance_up_to_twice_the_limit(tmp_path: Path) -> None:
    timers = Timers(tmp_path, timerCongestNumEachSlot=20)
    for number in range(400):
        timers.send(b"%d" % number, TIMER_DELAY_SEC=9)
        timers.run()
        if timers.files.waiting <= 20:
            assert timers.files.waiting == number + 1
    assert timers.files.waiting == 40
    assert timers.send(b"later", TIMER_DELAY_SEC=11) is PutStatus.PUT_OK
    timers.stop()


def test_a_delay_level_counts_more(tmp_path: Path) -> None:
    timers = Timers(tmp_path)
    timers.send(b"a", DELAY="1", TIMER_DELAY_SEC=9)
    assert timers.store.max_offset("SCHEDULE_TOPIC_XXXX", 0) == 1
    assert timers.store.max_offset(TIMER_TOPIC, 0) == 0
    timers.stop()


@pytest.mark.parametrize("delay_ms", [9_000, 10_000, 12_500, 13_000, 14_000, 29_999, 61_000])
def test_long_delays_roll(tmp_path: Path, delay_ms: int) -> None:
    """Ten slots ahead at most; neither early nor late, however often it has to wait on."""
    timers = Timers(tmp_path, timerRollWindowSlot=10)
    timers.send(b"a", TIMER_DELAY_MS=delay_ms)
    rest = -delay_ms % 1_000
    timers.pass_time(delay_ms + rest - 1)
    assert timers.got() == []
    assert timers.files.waiting == timers.service.metrics.count("T") == 1
    timers.pass_time(1)
    (message,) = timers.messages()
    assert (int(message.properties.get("TIMER_ROLL_TIMES", "0")) > 0) == (delay_ms > 10_000)
    assert timers.files.waiting == timers.service.metrics.count("T") == 0
    timers.stop()


def test_the_window_that_a_roll_may_take(tmp_path: Path) -> None:
    timers = Timers(tmp_path)
    for given, used in ((172_800, 172_800), (1, 604_740), (604_740, 604_740), (604_741, 604_740), (2, 2)):
        timers.broker.store_config.timerRollWindowSlot = given
        assert timers.files.roll_window == used


@pytest.mark.parametrize("window", [172_800, 4])
def test_what_is_recalled_does_not_come(tmp_path: Path, window: int) -> None:
    timers = Timers(tmp_path, timerRollWindowSlot=window)
    due = START + 20_000
    for body in (b"a", b"b", b"c"):
        timers.send(body, TIMER_DELIVER_MS=due)
    timers.pass_time(1_000)
    assert timers.recall(b"b", due) is PutStatus.PUT_OK
    assert timers.recall(b"nobody", due) is PutStatus.PUT_OK
    assert timers.recall(b"a", due, topic="Other") is PutStatus.PUT_OK
    timers.pass_time(30_000)
    assert timers.got() == [b"a", b"c"]
    assert timers.files.waiting == 0
    assert {topic: count for topic, (count, _) in timers.service.metrics.table.items()} == {"T": 0, "Other": 0}
    assert timers.recall(b"b", due) is PutStatus.WHEEL_TIMER_MSG_ILLEGAL
    timers.stop()


def test_a_recall_of_apache_s_5_5_has_the_unique_key_alone(tmp_path: Path) -> None:
    timers = Timers(tmp_path)
    for body in (b"one", b"two"):
        timers.send(body, TIMER_DELIVER_MS=START + 5_000)
    timers.send(b"0", TIMER_DEL_UNIQKEY="one", TIMER_DELIVER_MS=START + 5_000, UNIQ_KEY="one")
    timers.pass_time(10_000)
    assert timers.got() == [b"two"]
    timers.stop()


def test_many_at_once_come_in_their_order_and_in_turns(tmp_path: Path) -> None:
    timers = Timers(tmp_path, mappedFileSizeTimerLog=1 << 20, mappedFileSizeCommitLog=1 << 20)
    bodies = [b"%d" % number for number in range(1_000)]
    for body in bodies:
        timers.send(body, TIMER_DELAY_SEC=2)
    timers.clock.now += 60_000
    for turn in range(1, 11):
        assert timers.service.run(timers.clock.now, Turn(0)) == 1
        assert timers.files.queue_offset == turn
    timers.run()
    assert timers.got() == bodies
    timers.stop()


def test_enqueuing_and_delivering_can_be_stopped(tmp_path: Path) -> None:
    timers = Timers(tmp_path, timerStopEnqueue=True)
    config, info = timers.broker.store_config, timers.service.runtime_info
    timers.send(b"a", TIMER_DELAY_SEC=1)
    timers.pass_time(5_000)
    assert timers.got() == [] and info()["timerOffsetBehind"] == "1"
    config.timerStopEnqueue, config.timerStopDequeue = False, True
    timers.send(b"b", TIMER_DELAY_SEC=1)
    timers.pass_time(5_000)
    assert timers.got() == [b"a"] and timers.files.waiting == 1
    assert (info()["timerOffsetBehind"], info()["timerCongestNum"]) == ("0", "1")
    assert int(info()["timerReadBehind"]) >= 4
    config.timerStopDequeue = False
    timers.run()
    assert timers.got() == [b"a", b"b"] and info()["timerReadBehind"] == "0"
    timers.stop()


def test_a_message_that_can_never_be_delivered_holds_up_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    timers = Timers(tmp_path)
    timers.send(b"no time", topic=TIMER_TOPIC)
    timers.send(b"no queue", topic=TIMER_TOPIC, TIMER_OUT_MS=START, REAL_TOPIC="T")
    timers.send(b"a", TIMER_DELAY_SEC=1)
    timers.pass_time(2_000)
    assert timers.got() == [b"a"]
    assert caplog.text.count("cannot be delivered and is skipped") == 2
    timers.stop()


def test_what_cannot_be_delivered_now_is_delivered_later(tmp_path: Path) -> None:
    timers = Timers(tmp_path)
    timers.send(b"a", TIMER_DELAY_SEC=1)
    timers.send(b"late", topic=TIMER_TOPIC, TIMER_OUT_MS=START - 5_000, REAL_TOPIC="T", REAL_QID="0")
    timers.store.flags.set(1)
    timers.pass_time(3_000)
    assert timers.got() == []
    timers.store.flags.clear(1)
    timers.run()
    assert sorted(timers.got()) == [b"a", b"late"]
    timers.stop()


def test_a_clock_that_is_put_back(tmp_path: Path) -> None:
    timers = Timers(tmp_path)
    timers.send(b"a", TIMER_DELAY_SEC=2)
    timers.pass_time(1_500)
    timers.clock.now -= 3_600_000
    timers.send(b"b", TIMER_DELAY_SEC=1)
    timers.run()
    assert timers.got() in ([], [b"b"])
    timers.pass_time(3_602_000, step=10_000)
    assert sorted(timers.got()) == [b"a", b"b"]
    timers.stop()


def test_files_of_the_log_go_with_the_messages(tmp_path: Path) -> None:
    timers = Timers(tmp_path)
    for number in range(200):
        timers.send(b"%d" % number, TIMER_DELAY_SEC=1)
    timers.pass_time(3_000)
    files = len(timers.files.log.file_queue.files)
    assert files == 6  # 38 units of 52 bytes each
    assert timers.files.delete_expired(0) == 0
    offset = timers.files.log.unit(2048 * 2)
    assert offset is not None
    assert timers.files.delete_expired(offset.physical_offset) == 2
    assert timers.files.delete_expired(1 << 40) == 3
    timers.send(b"more", TIMER_DELAY_SEC=1)
    timers.pass_time(3_000)
    assert timers.got()[-1] == b"more"
    timers.stop()


def test_the_bytes_are_apache_s(tmp_path: Path) -> None:
    timers = Timers(tmp_path)
    timers.send(b"a", TIMER_DELAY_SEC=5)
    timers.send(b"b", TIMER_DELAY_SEC=5)
    timers.run()
    timers.stop()
    first, second = timers_of_queue(tmp_path)
    wheel = (tmp_path / "timerwheel").read_bytes()
    assert len(wheel) == 38_707_200
    seconds = START // 1_000 + 4
    slot = struct.pack(">qqqii", seconds, 0, 52, 2, 0)
    assert wheel[seconds % 1_209_600 * 32 :][:32] == slot and wheel.count(0) >= len(wheel) - 32
    log = (tmp_path / "timerlog" / f"{0:020d}").read_bytes()
    assert log[:52] == struct.pack(">iqiqiqiiq", 52, -1, 1, START, 4_000, *first, 84, 0)
    assert log[52:104] == struct.pack(">iqiqiqiiq", 52, 0, 1, START, 4_000, *second, 84, 0)
    assert not any(log[104:])
    check = (tmp_path / "config" / "timercheck").read_bytes()
    assert len(check) == 4_096 and struct.unpack_from(">qqqq", check) == (START, 104, 2, 2)


def timers_of_queue(root: Path) -> list[tuple[int, int]]:
    """Commitlog offset and size of the messages in the timer topic."""
    units = (root / "consumequeue" / TIMER_TOPIC / "0" / f"{0:020d}").read_bytes()
    return [(offset, size) for offset, size, _ in struct.iter_unpack(">qiq", units) if size]
