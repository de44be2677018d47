"""PULL_MESSAGE: reading, filtering, waiting, and every kind of refusal."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest

from rocketmq_ops.common.java_hash import tags_hash
from rocketmq_ops.remoting.bodies import SubscriptionGroupConfig, TopicConfig
from rocketmq_ops.remoting.codes import RequestCode, ResponseCode
from rocketmq_ops.remoting.command import RemotingCommand
from tests.broker.support import Session, bodies, consumer, pull_fields, run, sweep_all, until

R = ResponseCode
SUSPEND = "6"
COMMIT = "5"


async def hold(session: Session, topic: str, offset: int = 0, **more: str) -> asyncio.Task[RemotingCommand]:
    """A pull that waits on the broker."""
    fields = pull_fields(topic, "g", 0, offset) | {"sysFlag": SUSPEND} | more
    before = len(session.broker.held_pulls)
    task = asyncio.ensure_future(session.ask(RequestCode.PULL_MESSAGE, fields, timeout_ms=20_000))
    await until(lambda: len(session.broker.held_pulls) == before + 1)
    return task


def test_found_and_offsets(tmp_path: Path) -> None:
    async def body(session: Session) -> None:
        for i in range(5):
            await session.send("T", b"m%d" % i)
        answer = await session.pull("T", offset=1)
        assert answer.code == R.SUCCESS and answer.remark == "FOUND"
        assert answer.ext_fields == {
            "suggestWhichBrokerId": "0", "nextBeginOffset": "5", "minOffset": "0", "maxOffset": "5",
            "topicSysFlag": "0", "groupSysFlag": "0",
        }  # fmt: skip
        assert bodies(answer) == [b"m1", b"m2", b"m3", b"m4"]
        assert bodies(await session.pull("T", maxMsgNums="2")) == [b"m0", b"m1"]
        counters = session.broker.stats.group_counters("g", "T")
        assert (counters.get_nums, counters.get_times) == (6, 2)
        assert session.broker.offsets.query_pull("g", "T", 0) == 2
        assert session.broker.offsets.query("g", "T", 0) == -1
        await session.pull("T", sysFlag=COMMIT, commitOffset="3")
        assert session.broker.offsets.query("g", "T", 0) == 3
        lite = await session.ask(RequestCode.LITE_PULL_MESSAGE, pull_fields("T", "g", 0, 0))
        assert lite.code == 0 and len(bodies(lite)) == 5

    run(tmp_path, body)


def test_nothing_found(tmp_path: Path) -> None:
    async def body(session: Session) -> None:
        await session.send("T")
        cases = [
            (0, 1, R.PULL_NOT_FOUND, "OFFSET_OVERFLOW_ONE", "1"),
            (0, 9, R.PULL_OFFSET_MOVED, "OFFSET_OVERFLOW_BADLY", "1"),
            (3, 0, R.PULL_NOT_FOUND, "NO_MESSAGE_IN_QUEUE", "0"),
            (3, 7, R.PULL_OFFSET_MOVED, "NO_MESSAGE_IN_QUEUE", "0"),
        ]
        for queue_id, offset, code, remark, following in cases:
            answer = await session.pull("T", queue_id=queue_id, offset=offset)
            assert (answer.code, answer.remark, answer.ext_fields["nextBeginOffset"]) == (code, remark, following)

    run(tmp_path, body)


def test_tags_of_the_request_and_of_the_heartbeat(tmp_path: Path) -> None:
    async def body(session: Session) -> None:
        for i in range(6):
            await session.send("T", b"%d" % i, properties={"TAGS": "abc"[i % 3]})
        assert bodies(await session.pull("T", subscription="a || c")) == [b"0", b"2", b"3", b"5"]
        nothing = await session.pull("T", subscription="x")
        assert (nothing.code, nothing.remark) == (R.PULL_RETRY_IMMEDIATELY, "NO_MATCHED_MESSAGE")
        assert nothing.ext_fields["nextBeginOffset"] == "6"
        for expression in (" || ", "  ", "|| ", " * ", "a\u3000"):
            assert (await session.pull("T", subscription=expression)).remark == "NO_MATCHED_MESSAGE"
        assert bodies(await session.pull("T", subscription="||a||")) == [b"0", b"3"]
        assert (await session.pull("T", subscription="||")).code == R.SUBSCRIPTION_PARSE_FAILED
        beat = consumer("g", "T", version=5, sub_string="b", tags_set=["b"], code_set=[tags_hash("b")])
        await session.heartbeat(client_id="c", consumer_data_set=[beat])
        assert bodies(await session.pull("T", sysFlag="0", subVersion="5")) == [b"1", b"4"]
        beat = consumer("g", "T", version=6)
        await session.heartbeat(client_id="c", consumer_data_set=[beat])
        assert len(bodies(await session.pull("T", sysFlag="0", subVersion="6"))) == 6
        assert session.broker.consumers.find_subscription("g", "T").sub_version == 6  # type: ignore[union-attr]

    run(tmp_path, body)


def test_refusals(tmp_path: Path) -> None:
    async def body(session: Session) -> None:
        broker = session.broker
        await session.send("T")

        async def refused(code: int, remark: str, forbidden: str | None = None, **more: str) -> None:
            answer = await session.pull(more.pop("topic", "T"), **more)
            assert answer.code == code and remark in (answer.remark or ""), answer
            assert answer.ext_fields.get("forbiddenType") == forbidden

        await refused(R.TOPIC_NOT_EXIST, "topic[No] not exist, apply first please!", topic="No")
        await refused(R.INVALID_PARAMETER, "queueId[4] is illegal, topic:[T]", queueId="4")
        await refused(R.SUBSCRIPTION_NOT_EXIST, "the consumer's group info not exist", sysFlag="0")
        await refused(R.SYSTEM_ERROR, "does not support consumer to filter message by SQL92", expressionType="SQL92")
        await session.heartbeat(client_id="c", consumer_data_set=[consumer("g", "Other", version=3)])
        await refused(R.SUBSCRIPTION_NOT_EXIST, "the consumer's subscription not exist", sysFlag="0")
        await session.heartbeat(client_id="c", consumer_data_set=[consumer("g", "T", version=3)])
        await refused(R.SUBSCRIPTION_NOT_LATEST, "the consumer's subscription not latest", sysFlag="0", subVersion="4")
        broker.groups.set_forbidden("g", "T", 2, True)
        await refused(R.NO_PERMISSION, "is forbidden for topic[T]", "5", sysFlag="0")
        broker.groups.set_forbidden("g", "T", 2, False)
        group = SubscriptionGroupConfig(group_name="g", consume_broadcast_enable=False)
        broker.groups.table["g"] = group
        await session.heartbeat(client_id="c", consumer_data_set=[consumer("g", "T", version=3, model="BROADCASTING")])
        await refused(R.NO_PERMISSION, "can not consume by broadcast way", "4", sysFlag="0")
        broker.groups.table["g"] = msgspec.structs.replace(group, consume_enable=False)
        await refused(R.NO_PERMISSION, "subscription group no permission, g", "2")
        broker.groups.table["g"] = SubscriptionGroupConfig(group_name="g")
        broker.topics.table["W"] = TopicConfig(topic_name="W", read_queue_nums=1, write_queue_nums=1, perm=2)
        await refused(R.NO_PERMISSION, "the topic[W] pulling message is forbidden", "3", topic="W")
        broker.config.autoCreateSubscriptionGroup = False
        await refused(R.SUBSCRIPTION_GROUP_NOT_EXIST, "subscription group [h] does not exist", consumerGroup="h")
        broker.config.brokerPermission = 2
        await refused(R.NO_PERMISSION, "pulling message is forbidden", "1")

    run(tmp_path, body)


def test_tools_pull_where_consumers_that_pull_by_themselves_are_rejected(tmp_path: Path) -> None:
    async def body(session: Session) -> None:
        await session.send("T", b"x")
        session.broker.config.rejectPullConsumerEnable = True
        assert (await session.pull("T")).code == R.SUBSCRIPTION_NOT_EXIST
        for group in ("TOOLS_CONSUMER", "CID_RMQ_SYS_any"):
            answer = await session.ask(RequestCode.PULL_MESSAGE, pull_fields("T", group, 0, 0))
            assert bodies(answer) == [b"x"]

    run(tmp_path, body)


def test_held_pull_is_answered_when_its_message_comes(tmp_path: Path) -> None:
    async def body(session: Session) -> None:
        await session.send("T", b"first")
        held = await hold(session, "T", 1)
        await session.send("T", b"other queue", 1)
        assert len(session.broker.held_pulls) == 1
        await session.send("T", b"second")
        answer = await held
        assert answer.code == 0 and bodies(answer) == [b"second"]
        assert answer.ext_fields["nextBeginOffset"] == "2"
        assert len(session.broker.held_pulls) == 0 and not session.broker.held_pulls.table

    run(tmp_path, body)


def test_held_pull_waits_for_its_tags(tmp_path: Path) -> None:
    async def body(session: Session) -> None:
        await session.send("T", b"0", properties={"TAGS": "a"})
        held = await hold(session, "T", 1, subscription="b")
        await session.send("T", b"1", properties={"TAGS": "a"})
        assert len(session.broker.held_pulls) == 1
        await session.send("T", b"2", properties={"TAGS": "b"})
        answer = await held
        assert bodies(answer) == [b"2"] and answer.ext_fields["nextBeginOffset"] == "3"
        waiting = await hold(session, "T", 3, subscription="b")
        await session.send("T", b"3", properties={"TAGS": "a"})
        now = session.broker.held_pulls.clock()
        session.broker.held_pulls.clock = lambda: now + 6_000
        sweep_all(session.broker.held_pulls)
        moved = await waiting
        assert (moved.code, moved.ext_fields["nextBeginOffset"]) == (R.PULL_RETRY_IMMEDIATELY, "4")

    run(tmp_path, body)


def test_several_held_pulls_of_one_queue(tmp_path: Path) -> None:
    async def body(session: Session) -> None:
        await session.send("T")
        held = [await hold(session, "T", 1, consumerGroup=f"g{i}") for i in range(3)]
        await asyncio.gather(*(session.send("T", b"x") for _ in range(4)))
        for answer in await asyncio.gather(*held):
            assert answer.code == 0 and b"x" in bodies(answer)

    run(tmp_path, body)


@pytest.mark.parametrize("settings", [{}, {"longPollingEnable": False, "shortPollingTimeMills": 50}])
def test_held_pull_ends_with_its_time(tmp_path: Path, settings: dict[str, object]) -> None:
    async def body(session: Session) -> None:
        await session.send("T")
        suspend = "20000" if settings else "50"
        answer = await (await hold(session, "T", 1, suspendTimeoutMillis=suspend))
        assert (answer.code, answer.remark) == (R.PULL_NOT_FOUND, "OFFSET_OVERFLOW_ONE")

    run(tmp_path, body, **settings)


def test_failure_of_a_held_pull_is_answered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def body(session: Session) -> None:
        await session.send("T")
        held = await hold(session, "T", 1)

        def fail(*arguments: object) -> None:
            raise ValueError("broken")

        monkeypatch.setattr(session.broker.store, "get_message", fail)
        await session.send("T")
        answer = await held
        assert (answer.code, answer.remark) == (R.SYSTEM_ERROR, "ValueError: broken")

    run(tmp_path, body)


def test_held_pulls_are_answered_when_the_broker_stops(tmp_path: Path) -> None:
    async def body(session: Session) -> None:
        await session.send("T")
        task, other = await hold(session, "T", 1), await hold(session, "T", 1, subscription="a")
        await session.broker.stop()
        for answer in (await task, await other):
            assert (answer.code, answer.remark) == (R.PULL_NOT_FOUND, "OFFSET_OVERFLOW_ONE")
            assert answer.ext_fields["nextBeginOffset"] == "1"
        assert len(session.broker.held_pulls) == 0

    run(tmp_path, body)


def test_held_pulls_of_a_closed_connection_are_forgotten(tmp_path: Path) -> None:
    async def body(session: Session) -> None:
        await session.send("T")
        held = await hold(session, "T", 1)
        await session.client.close()
        await until(lambda: not session.broker.server.channels)
        sweep_all(session.broker.held_pulls)
        assert len(session.broker.held_pulls) == 0
        await asyncio.wait([held])
        assert held.exception() is not None

    run(tmp_path, body)


def test_pull_after_a_server_side_reset(tmp_path: Path) -> None:
    async def body(session: Session) -> None:
        for _ in range(4):
            await session.send("T")
        session.broker.offsets.assign_reset("T", "g", 0, 1)
        answer = await session.pull("T", offset=3)
        assert (answer.code, answer.remark) == (R.PULL_OFFSET_MOVED, "OFFSET_RESET")
        assert answer.ext_fields["nextBeginOffset"] == "1" and answer.ext_fields["maxOffset"] == "4"
        assert (await session.pull("T", offset=3)).code == 0

    run(tmp_path, body)
