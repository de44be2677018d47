"""Statistics over the wire: offsets of topics, lag of groups, counters, runtime information."""

import json

from rocketmq_ops.common.clock import steady_ms
from rocketmq_ops.remoting.bodies import ConsumeStats, ConsumeStatsList, TopicStatsTable
from rocketmq_ops.remoting.codes import ResponseCode
from tests.broker.admin_broker import with_broker
from tests.broker.consuming_client import consuming
from tests.golden_data import facts, unpack_store


async def filled(broker, topic="T", count=5):
    for _ in range(count):
        assert (await broker.send(topic)).code == 0
    broker.controller.groups.find("g")
    broker.controller.offsets.commit("g", topic, 0, 3)


def lag_of(answer):
    stats = ConsumeStats.decode(answer.body_bytes)
    return {
        (mq.topic, mq.queue_id): (w.broker_offset, w.consumer_offset, w.pull_offset)
        for mq, w in stats.offset_table.items()
        if w.broker_offset
    }


def test_topic_offsets_with_the_time_of_the_last_message(tmp_path):
    async def scenario(broker):
        await filled(broker)
        table = TopicStatsTable.decode((await broker.ask(202, topic="T")).body_bytes).offset_table
        by_queue = {mq.queue_id: offset for mq, offset in table.items()}
        assert set(by_queue) == {0, 1, 2, 3}
        assert (by_queue[0].min_offset, by_queue[0].max_offset) == (0, 5)
        assert by_queue[0].last_update_timestamp == broker.controller.store.store_time("T", 0, 4)
        assert (by_queue[1].max_offset, by_queue[1].last_update_timestamp) == (0, 0)
        missing = await broker.ask(202, topic="None")
        assert (missing.code, missing.remark) == (ResponseCode.TOPIC_NOT_EXIST, "topic[None] not exist")

    with_broker(tmp_path, scenario)


def test_progress_of_a_group_on_all_its_topics_or_the_given_ones(tmp_path):
    async def scenario(broker):
        await filled(broker)
        await filled(broker, "U", 4)
        broker.controller.offsets.commit_pull("g", "T", 0, 4)
        everything = await broker.ask(208, consumerGroup="g")
        assert lag_of(everything) == {("T", 0): (5, 3, 4), ("U", 0): (4, 3, 3)}
        consumed = ConsumeStats.decode(everything.body_bytes).offset_table
        times = {mq.topic: w.last_timestamp for mq, w in consumed.items() if w.broker_offset}
        assert times["T"] == broker.controller.store.store_time("T", 0, 2)
        assert lag_of(await broker.ask(208, consumerGroup="g", topic="U")) == {("U", 0): (4, 3, 3)}
        assert set(lag_of(await broker.ask(208, consumerGroup="g", topicList="T;U;"))) == {("T", 0), ("U", 0)}
        assert lag_of(await broker.ask(208, consumerGroup="stranger")) == {}

    with_broker(tmp_path, scenario)


def test_topics_that_a_connected_group_no_longer_subscribes_are_left_out(tmp_path):
    async def scenario(broker):
        await filled(broker)
        await filled(broker, "U")
        async with consuming(broker, "g", "U"):
            assert set(lag_of(await broker.ask(208, consumerGroup="g"))) == {("U", 0)}
            assert set(lag_of(await broker.ask(208, consumerGroup="g", topicList="T"))) == {("T", 0)}

    with_broker(tmp_path, scenario)


def test_progress_of_every_group_of_the_broker(tmp_path):
    async def scenario(broker):
        await filled(broker)
        answer = await broker.ask(317, isOrder="false")
        body = ConsumeStatsList.decode(answer.body_bytes)
        assert body.total_diff == 2 and body.broker_addr == broker.controller.address
        groups = {group: stats for entry in body.consume_stats_list for group, stats in entry.items()}
        assert len(groups["g"]) == 1 and groups["TOOLS_CONSUMER"] == []
        ordered = ConsumeStatsList.decode((await broker.ask(317, isOrder="true")).body_bytes)
        assert ordered.total_diff == 0

    with_broker(tmp_path, scenario)


def test_time_span_of_a_group(tmp_path):
    async def scenario(broker):
        await filled(broker)
        spans = json.loads((await broker.ask(303, topic="T", group="g")).body_bytes)["consumeTimeSpanSet"]
        store = broker.controller.store
        first = spans[0]
        assert first["messageQueue"]["queueId"] == 0
        assert first["minTimeStamp"] == store.store_time("T", 0, 0)
        assert first["maxTimeStamp"] == store.store_time("T", 0, 4)
        assert first["consumeTimeStamp"] == store.store_time("T", 0, 2)
        assert first["delayTime"] >= 0
        assert spans[1]["maxTimeStamp"] == -1

    with_broker(tmp_path, scenario)


def test_counters_within_minute_hour_and_day(tmp_path):
    async def scenario(broker):
        await filled(broker)
        broker.controller.stats.sample(steady_ms() + 10_000, broker.controller.clock())
        shown = json.loads((await broker.ask(315, statsName="TOPIC_PUT_NUMS", statsKey="T")).body_bytes)
        assert set(shown) == {"statsMinute", "statsHour", "statsDay"}
        assert shown["statsMinute"]["sum"] == 5 and shown["statsMinute"]["avgpt"] == 1.0
        unknown = await broker.ask(315, statsName="TOPIC_PUT_NUMS", statsKey="None")
        assert (unknown.code, unknown.remark) == (1, "The stats <TOPIC_PUT_NUMS> <None> not exist")

    with_broker(tmp_path, scenario)


def test_runtime_information_counts_what_was_put(tmp_path):
    async def scenario(broker):
        await filled(broker)
        table = json.loads((await broker.ask(28)).body_bytes)["table"]
        assert table["msgPutTotalTodayNow"] == "5"
        assert table["putMessageTimesTotal"] == "5"
        assert int(table["commitLogMaxOffset"]) > 0
        assert table["brokerVersionDesc"] == "V5_3_3"
        assert 0 < float(table["commitLogDiskRatio"]) < 1
        assert all(isinstance(value, str) for value in table.values())
        assert "remainHowManyDataToCommit" not in table
        broker.controller.store_config.transientStorePoolEnable = True
        table = json.loads((await broker.ask(28)).body_bytes)["table"]
        assert table["remainHowManyDataToCommit"] == "0 B"

    with_broker(tmp_path, scenario)


def test_runtime_information_on_a_golden_store(tmp_path):
    async def scenario(broker):
        table = json.loads((await broker.ask(28)).body_bytes)["table"]
        delivered, stored = table["scheduleMessageOffset_1"].split(",")
        assert (int(delivered), int(stored)) == (5, 5)
        assert table["earliestMessageTimeStamp"] == "1795246590784"

    with_broker(unpack_store("5.3.3-clean", tmp_path), scenario)


def test_ha_status_of_a_master_alone(tmp_path):
    async def scenario(broker):
        await broker.send("T")
        status = json.loads((await broker.ask(907)).body_bytes)
        assert status["master"] is True and status["haConnectionInfo"] == []
        assert status["masterCommitLogMaxOffset"] == broker.controller.store.max_phy_offset

    with_broker(tmp_path, scenario)


def test_unknown_codes_are_answered_as_such(tmp_path):
    known = set(facts("5.3.3", "request-codes").values())

    async def scenario(broker):
        for code in (200050, 3001, 1005, 99_999):
            answer = await broker.ask(code)
            assert answer.code == ResponseCode.REQUEST_CODE_NOT_SUPPORTED, code
        assert 200050 in known

    with_broker(tmp_path, scenario)
