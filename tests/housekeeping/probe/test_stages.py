"""Where the time of a message goes: by the broker's own times, or from outside."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest

from rocketmq_ops.client.api.send import SendResult, SendStatus
from rocketmq_ops.common.message import MessageQueue
from rocketmq_ops.common.message_codec import decode_messages, encode_record
from rocketmq_ops.common.stage_times import PROPERTY_STAGES, STAGES_OF_TOPIC, StageTimes
from rocketmq_ops.housekeeping.probe.delivery import Sent
from rocketmq_ops.housekeeping.probe.stages import bar_of_slowest
from rocketmq_ops.pytest_plugin import RocketMQBroker, rocketmq_server
from rocketmq_ops.remoting.bodies import KVTable
from rocketmq_ops.remoting.codes import RequestCode as Code
from rocketmq_ops.remoting.command import RemotingCommand
from tests.housekeeping.probe.faulty import CALM, Faulty, Forward, probed


@pytest.fixture(scope="module")
def pair() -> Iterator[RocketMQBroker]:
    with rocketmq_server() as server:
        yield server


def sent(offset: int, took_ms: float, *, store_ms: float = 0) -> Sent:
    queue = MessageQueue("T", "broker-a", 0)
    result = SendResult(status=SendStatus.SEND_OK, msg_id="", offset_msg_id="", queue=queue, queue_offset=offset)
    return Sent(
        queue_id=0,
        number=offset,
        sent_at=1.0,
        sent_wall_ms=1000,
        send_ms=1,
        result=result,
        arrivals=[1.0 + took_ms / 1000],
        store_ms=store_ms,
    )


def stages(bar: object) -> dict[str, float]:
    return {stage.name: stage.ms for stage in bar.stages}  # type: ignore[attr-defined]


def test_the_stages_of_the_slowest_message_add_up() -> None:
    times = {(0, 1): StageTimes(appended=1000, dispatched=1500, flushed=9000, woken=2500, answered=4000)}
    bar = bar_of_slowest([sent(0, 5), sent(1, 10)], times, sync_flush=False)
    assert bar is not None and bar.noted_by_broker and (bar.queue_offset, bar.total_ms) == (1, 10)
    assert stages(bar) == {"network": 6, "append": 1, "dispatch": 0.5, "wake": 1, "answer": 1.5}


def test_a_sync_is_on_the_way_only_where_it_is_waited_for() -> None:
    times = {(0, 0): StageTimes(appended=1000, dispatched=1500, flushed=7000, woken=7500, answered=8000)}
    bar = bar_of_slowest([sent(0, 10)], times, sync_flush=True)
    assert stages(bar) == {"network": 2, "append": 1, "dispatch": 0.5, "flush": 5.5, "wake": 0.5, "answer": 0.5}


def test_what_no_held_pull_was_woken_for_ends_with_its_dispatch() -> None:
    bar = bar_of_slowest([sent(0, 10)], {(0, 0): StageTimes(appended=1000, dispatched=1500)}, sync_flush=False)
    assert stages(bar) == {"network": 8.5, "append": 1, "dispatch": 0.5}


def test_an_answer_that_came_before_the_broker_noted_it_takes_no_longer_than_the_way() -> None:
    times = {(0, 0): StageTimes(appended=1000, dispatched=1500, woken=2000, answered=4000)}
    bar = bar_of_slowest([sent(0, 3)], times, sync_flush=False)
    assert stages(bar) == {"network": 0, "append": 1, "dispatch": 0.5, "wake": 0.5, "answer": 1}


def test_from_outside_the_store_time_divides_the_way() -> None:
    bar = bar_of_slowest([sent(0, 10, store_ms=4)], {}, sync_flush=False)
    assert bar is not None and not bar.noted_by_broker and stages(bar) == {"store": 4, "deliver": 6}
    early = bar_of_slowest([sent(0, 2, store_ms=3)], {}, sync_flush=False)
    assert stages(early) == {"store": 2, "deliver": 0}, "it arrived before the answer to its send"


def test_nothing_came() -> None:
    missing = sent(0, 1)
    missing.arrivals = []
    assert bar_of_slowest([missing], {}, sync_flush=False) is None


def test_our_broker_notes_the_stages_of_a_run(pair: RocketMQBroker) -> None:
    wanted = msgspec.structs.replace(CALM, queues=2, messages=3)
    [trip] = probed(Faulty(), pair.namesrv, wanted=wanted).brokers
    assert trip.stages is not None and trip.stages.noted_by_broker
    assert {"network", "append", "dispatch"} <= set(stages(trip.stages))
    assert sum(stages(trip.stages).values()) == pytest.approx(trip.stages.total_ms, abs=0.01)
    assert trip.stages.total_ms == max(trip.delivery_ms)
    assert len(trip.stage_times) == 6 and all(each.dispatched_ms is not None for each in trip.stage_times)


async def _as_apache(addr: str, command: RemotingCommand, forward: Forward) -> RemotingCommand:
    command.ext_fields = {}
    return await forward()


def test_of_another_broker_nothing_is_asked_that_it_does_not_know(pair: RocketMQBroker) -> None:
    transport = Faulty(GET_BROKER_RUNTIME_INFO=_as_apache)
    [trip] = probed(transport, pair.namesrv).brokers
    assert trip.stages is not None and not trip.stages.noted_by_broker and trip.stage_times == []
    assert not [
        c for _, c in transport.asked if c.code == Code.SEND_MESSAGE_V2 and PROPERTY_STAGES in c.ext_fields["i"]
    ]


def test_runtime_figures_have_no_stage_times_among_them(pair: RocketMQBroker) -> None:
    async def broken(addr: str, command: RemotingCommand, forward: Forward) -> RemotingCommand:
        answer = await forward()
        if STAGES_OF_TOPIC in command.ext_fields:
            table = dict(KVTable.decode(answer.body_bytes).table)
            answer.body = KVTable(table={**table, "stageTimes_0_0": "garbage"}).encode()
        return answer

    report = probed(Faulty(GET_BROKER_RUNTIME_INFO=broken), pair.namesrv)
    assert report.findings == [] and not [key for key in report.runtimes[0].figures if key.startswith("stage")]


@pytest.mark.parametrize("apart_ms", [-60_000, 60_000], ids=["behind", "ahead"])
def test_a_clock_apart_is_taken_off_the_store_time_and_the_bar_alike(pair: RocketMQBroker, apart_ms: int) -> None:
    async def stored_elsewhen(addr: str, command: RemotingCommand, forward: Forward) -> RemotingCommand:
        answer = await forward()
        messages = list(decode_messages(answer.body_bytes))
        for message in messages:
            message.store_timestamp += apart_ms
        answer.body = b"".join(map(encode_record, messages))
        return answer

    transport = Faulty(GET_BROKER_RUNTIME_INFO=_as_apache, PULL_MESSAGE=stored_elsewhen)
    wanted = msgspec.structs.replace(CALM, queues=1, messages=4)
    [trip] = probed(transport, pair.namesrv, wanted=wanted).brokers
    assert trip.clock_difference_ms == pytest.approx(apart_ms, abs=max(trip.send_ms) + 1)
    assert len(trip.store_ms) == 4
    assert all(0 <= stored <= sent for stored, sent in zip(trip.store_ms, trip.send_ms, strict=True))
    assert trip.stages is not None
    slowest = trip.delivery_ms.index(max(trip.delivery_ms))
    assert stages(trip.stages)["store"] == min(trip.store_ms[slowest], trip.stages.total_ms)
