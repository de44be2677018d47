"""Statistics that are asked for by name (VIEW_BROKER_STATS_DATA), and the protection from groups far behind."""

import json

from rocketmq_ops.broker.stats import fall_behind
from rocketmq_ops.broker.stats.fall_behind import PROTECT_INTERVAL_MS, protect
from rocketmq_ops.common.clock import steady_ms
from rocketmq_ops.remoting.client import RemotingClient
from rocketmq_ops.remoting.codes import RequestCode, ResponseCode
from rocketmq_ops.remoting.command import RemotingCommand
from rocketmq_ops.remoting.config import NettyClientConfig
from tests.broker.support import Session, consumer, producer, run, until


def sampled(session: Session) -> None:
    session.broker.stats.sample(steady_ms(), session.broker.clock())


async def view(session: Session, name: str, key: str) -> float | None:
    """The sum of the last minute; None when the broker has no such statistic."""
    fields = {"statsName": name, "statsKey": key}
    answer = await session.ask(RequestCode.VIEW_BROKER_STATS_DATA, fields)
    if answer.code != ResponseCode.SUCCESS:
        assert answer.remark == f"The stats <{name}> <{key}> not exist"
        return None
    total: float = json.loads(answer.body_bytes)["statsMinute"]["sum"]
    return total


async def pulled(session: Session, offset: int = 0, **more: str) -> int:
    return (await session.pull("T", "g", offset=offset, **more)).code


def test_how_far_a_group_is_behind_in_bytes_and_ms(tmp_path):
    async def body(session):
        broker = session.broker
        for _ in range(5):
            await session.send("T")
        assert await view(session, "GROUP_GET_FALL_SIZE", "0@T@g") is None
        await pulled(session, maxMsgNums="2")
        second = broker.store.consume_queue("T", 0).unit(1)
        behind = broker.store.max_phy_offset - second[0]
        assert await view(session, "GROUP_GET_FALL_SIZE", "0@T@g") == behind > 0
        broker.clock = lambda: broker.store.store_time("T", 0, 1) + 5_000
        assert await view(session, "GROUP_GET_FALL_TIME", "0@T@g") == 5_000
        await pulled(session, 2)
        assert await view(session, "GROUP_GET_FALL_SIZE", "0@T@g") == 0
        assert await view(session, "GROUP_GET_FALL_TIME", "0@T@g") == 0
        assert await view(session, "GROUP_GET_FALL_SIZE", "x@T@g") is None
        broker.store_config.diskFallRecorded = False
        assert await view(session, "GROUP_GET_FALL_SIZE", "0@T@g") is None

    run(tmp_path, body)


def test_a_group_that_reads_from_too_far_back_is_refused_until_it_is_allowed_again(tmp_path):
    async def body(session):
        broker = session.broker
        for _ in range(5):
            await session.send("T")
        await pulled(session, maxMsgNums="1")
        sampled(session)
        assert protect(broker) == []
        broker.config.disableConsumeIfConsumerReadSlowly = True
        assert protect(broker) == []
        broker.config.consumerFallbehindThreshold = 10
        assert protect(broker) == ["g"]
        assert await pulled(session, 1) == ResponseCode.NO_PERMISSION
        await broker.files.wait()
        saved = json.loads((tmp_path / "config" / "subscriptionGroup.json").read_bytes())
        assert saved["subscriptionGroupTable"]["g"]["consumeEnable"] is False
        assert protect(broker) == []

    run(tmp_path, body)


def test_a_group_that_pulls_no_more_is_left_alone(tmp_path, monkeypatch):
    async def body(session):
        broker = session.broker
        for _ in range(5):
            await session.send("T")
        await pulled(session, maxMsgNums="1")
        sampled(session)
        broker.config.disableConsumeIfConsumerReadSlowly = True
        broker.config.consumerFallbehindThreshold = 10
        late = steady_ms() + PROTECT_INTERVAL_MS + 1
        with monkeypatch.context() as patched:
            patched.setattr(fall_behind, "steady_ms", lambda: late)
            assert protect(broker) == []
        day_later = broker.clock() + 86_400_000
        broker.clock = lambda: day_later  # it was set
        assert protect(broker) == ["g"]

    run(tmp_path, body)


def test_delayed_messages_by_level(tmp_path):
    async def body(session):
        broker = session.broker
        await session.send("T", properties={"DELAY": "2"})
        sampled(session)
        size = await view(session, "QUEUE_PUT_SIZE", "SCHEDULE_TOPIC_XXXX@1")
        assert await view(session, "QUEUE_PUT_NUMS", "SCHEDULE_TOPIC_XXXX@1") == 1 and size > 0
        assert await view(session, "QUEUE_GET_NUMS", "SCHEDULE_TOPIC_XXXX@1@SCHEDULE_CONSUMER") is None
        assert broker.delay.deliver_due(broker.clock() + 10**7) == 1
        sampled(session)
        assert await view(session, "QUEUE_GET_NUMS", "SCHEDULE_TOPIC_XXXX@1@SCHEDULE_CONSUMER") == 1
        assert await view(session, "GROUP_GET_NUMS", "SCHEDULE_TOPIC_XXXX@SCHEDULE_CONSUMER") == 1
        assert await view(session, "GROUP_GET_SIZE", "SCHEDULE_TOPIC_XXXX@SCHEDULE_CONSUMER") > 0
        assert await view(session, "TOPIC_PUT_NUMS", "T") == 1
        assert await view(session, "BROKER_GET_NUMS", "DefaultCluster") == 0
        await session.ask(RequestCode.DELETE_TOPIC_IN_BROKER, {"topic": "SCHEDULE_TOPIC_XXXX"})

    run(tmp_path, body)


def test_waits_for_the_disk_are_latencies_and_what_takes_no_time_is_zero(tmp_path):
    async def body(session):
        await session.send("T")
        sampled(session)
        item, _ = session.broker.stats.find("TOPIC_PUT_LATENCY", "0@T")
        assert item.times == 1
        assert await view(session, "TOPIC_PUT_LATENCY", "0@T") >= 0
        assert await view(session, "GROUP_GET_LATENCY", "0@T@g") is None
        assert await pulled(session) == 0
        assert await view(session, "GROUP_GET_LATENCY", "0@T@g") == 0
        assert await view(session, "TOPIC_PUT_LATENCY", "0@None") is None

    run(tmp_path, body, flushDiskType="SYNC_FLUSH")


def test_registrations_and_connections(tmp_path):
    async def body(session):
        broker = session.broker
        await session.heartbeat(
            client_id="c", consumer_data_set=[consumer("g", "T")], producer_data_set=[producer("p")]
        )
        other = RemotingClient(NettyClientConfig())
        await other.invoke(session.address, RemotingCommand.request(RequestCode.GET_BROKER_CONFIG), 5000)
        await other.close()
        await until(lambda: len(broker.server.channels) == 1)
        sampled(session)
        assert await view(session, "CHANNEL_ACTIVITY", "CONNECT") == 2
        assert await view(session, "CHANNEL_ACTIVITY", "CLOSE") == 1
        assert await view(session, "CHANNEL_ACTIVITY", "IDLE") is None
        assert await view(session, "CONSUMER_REGISTER_TIME", "DefaultCluster") >= 0
        assert await view(session, "PRODUCER_REGISTER_TIME", "DefaultCluster") >= 0
        assert broker.stats.events.find("CONSUMER_REGISTER_TIME", "DefaultCluster").times == 1

    run(tmp_path, body)


def test_messages_sent_back_into_the_dead_letter_topic(tmp_path):
    async def body(session):
        await session.send("T")
        record = {"offset": "0", "group": "g", "delayLevel": "-1", "originTopic": "T", "originMsgId": "x"}
        assert (await session.ask(RequestCode.CONSUMER_SEND_MSG_BACK, record)).code == 0
        sampled(session)
        assert await view(session, "SNDBCK2DLQ_TIMES", "null@T@g@SEND_BACK_TO_DLQ") == 1
        session.broker.stats.on_group_deleted("g")
        assert await view(session, "SNDBCK2DLQ_TIMES", "null@T@g@SEND_BACK_TO_DLQ") is None

    run(tmp_path, body)
