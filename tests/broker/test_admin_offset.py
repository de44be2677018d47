"""Offsets over the wire: of queues, by time, reset by the broker and by clients, copied, corrected."""

import asyncio
import json

import pytest

from rocketmq_ops.common import fastjson
from rocketmq_ops.common.javatypes import LONG_MAX
from rocketmq_ops.remoting.bodies import ResetOffsetBody
from rocketmq_ops.remoting.codes import RequestCode, ResponseCode
from tests.broker.admin_broker import with_broker
from tests.broker.consuming_client import consuming
from tests.golden_data import unpack_store

RESET = RequestCode.INVOKE_BROKER_TO_RESET_OFFSET
DAY_MS = 86_400_000


async def filled(broker, count=5, topic="T"):
    for _ in range(count):
        assert (await broker.send(topic)).code == 0
    broker.controller.groups.find("g")
    broker.controller.offsets.commit("g", topic, 0, 3)


def offsets_of(answer):
    return {mq.queue_id: offset for mq, offset in ResetOffsetBody.decode(answer.body_bytes).offset_table.items()}


def test_offsets_of_a_queue(tmp_path):
    async def scenario(broker):
        await filled(broker)
        assert (await broker.ask(30, topic="T", queueId="0")).ext_fields == {"offset": "5"}
        assert (await broker.ask(31, topic="T", queueId="0")).ext_fields == {"offset": "0"}
        assert (await broker.ask(30, topic="None", queueId="7")).ext_fields == {"offset": "0"}
        stored = int((await broker.ask(32, topic="T", queueId="0")).ext_fields["timestamp"])
        assert 0 <= broker.controller.clock() - stored < DAY_MS
        early = await broker.ask(29, topic="T", queueId="0", timestamp=str(stored - DAY_MS))
        late = await broker.ask(29, topic="T", queueId="0", timestamp=str(stored + DAY_MS))
        assert (early.ext_fields, late.ext_fields) == ({"offset": "0"}, {"offset": "5"})

    with_broker(tmp_path, scenario)


def test_offset_tables_are_the_files_content(tmp_path):
    async def scenario(broker):
        await filled(broker)
        table = fastjson.loads((await broker.ask(RequestCode.GET_ALL_CONSUMER_OFFSET)).body_bytes)
        assert table["offsetTable"] == {"T@g": {0: 3}}
        delay = fastjson.loads((await broker.ask(RequestCode.GET_ALL_DELAY_OFFSET)).body_bytes)
        assert set(delay) == {"dataVersion", "offsetTable"}

    with_broker(tmp_path, scenario)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"timestamp": "-1"}, {0: 5, 1: 0, 2: 0, 3: 0}),
        ({"timestamp": "-2"}, {0: 5, 1: 0, 2: 0, 3: 0}),
        ({"timestamp": "0"}, {0: 0, 1: 0, 2: 0, 3: 0}),
        ({"timestamp": "-1", "queueId": "0"}, {0: 5}),
        ({"timestamp": "-1", "queueId": "0", "offset": "2"}, {0: 2}),
        ({"timestamp": "-1", "queueId": "0", "offset": "-1"}, {0: 5}),
    ],
)
def test_the_broker_resets_a_group_that_is_offline(tmp_path, fields, expected):
    async def scenario(broker):
        await filled(broker)
        answer = await broker.ask(RESET, topic="T", group="g", isForce="true", **fields)
        assert answer.code == 0
        assert offsets_of(answer) == expected
        assert broker.controller.offsets.query("g", "T", 0) == expected[0]
        assert broker.controller.offsets.has_reset("T", "g", 0)

    with_broker(tmp_path, scenario)


@pytest.mark.parametrize(
    ("fields", "code", "why"),
    [
        ({"topic": "None"}, ResponseCode.TOPIC_NOT_EXIST, "None does not exist"),
        ({"group": "none"}, ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST, "none does not exist"),
        ({"queueId": "0", "offset": "99"}, ResponseCode.SYSTEM_ERROR, "not in consume queue range [0-5]"),
    ],
)
def test_a_reset_that_makes_no_sense_is_refused(tmp_path, fields, code, why):
    async def scenario(broker):
        await filled(broker)
        answer = await broker.ask(
            RESET, **({"topic": "T", "group": "g", "isForce": "true", "timestamp": "-1"} | fields)
        )
        assert (answer.code, why in answer.remark) == (code, True)
        assert broker.controller.offsets.query("g", "T", 0) == 3

    with_broker(tmp_path, scenario)


def test_connected_clients_reset_themselves_when_the_broker_may_not(tmp_path):
    told: asyncio.Queue = asyncio.Queue()

    def reset(_channel, request, _header):
        told.put_nowait((dict(request.ext_fields), offsets_of(request)))

    async def scenario(broker):
        await filled(broker)
        for queue_id in range(1, 4):
            broker.controller.offsets.commit("g", "T", queue_id, 0)
        offline = await broker.ask(RESET, topic="T", group="g", isForce="true", timestamp="-1")
        assert offline.code == ResponseCode.CONSUMER_NOT_ONLINE
        async with consuming(broker, "g", "T", {RequestCode.RESET_CONSUMER_CLIENT_OFFSET: reset}):
            answer = await broker.ask(RESET, topic="T", group="g", isForce="true", timestamp="-1")
            assert offsets_of(answer) == {0: 5, 1: 0, 2: 0, 3: 0}
            fields, offsets = await asyncio.wait_for(told.get(), 5)
            assert offsets == offsets_of(answer)
            assert (fields["topic"], fields["group"]) == ("T", "g")
            # Without force a group is only moved back.
            answer = await broker.ask(RESET, topic="T", group="g", isForce="false", timestamp="-1")
            assert offsets_of(answer)[0] == 3
            unknown = await broker.ask(RESET, topic="T", group="never", isForce="true", timestamp="-1")
            assert (unknown.code, "not exist" in unknown.remark) == (ResponseCode.SYSTEM_ERROR, True)

    with_broker(tmp_path, scenario, useServerSideResetOffset=False)


def test_clients_written_in_cpp_get_a_list(tmp_path):
    told: asyncio.Queue = asyncio.Queue()

    def reset(_channel, request, _header):
        told.put_nowait(json.loads(request.body_bytes))

    async def scenario(broker):
        await filled(broker)
        for queue_id in range(1, 4):
            broker.controller.offsets.commit("g", "T", queue_id, 0)
        from rocketmq_ops.remoting.command import RemotingCommand

        async with consuming(broker, "g", "T", {RequestCode.RESET_CONSUMER_CLIENT_OFFSET: reset}):
            fields = {"topic": "T", "group": "g", "isForce": "true", "timestamp": "-1"}
            command = RemotingCommand.request(RESET, None, b"", fields)
            command.language = "CPP"
            await broker.client.invoke(broker.controller.address, command, 5000)
            body = await asyncio.wait_for(told.get(), 5)
        assert body["offsetTable"][0] == {"brokerName": "broker-a", "offset": 5, "queueId": 0, "topic": "T"}

    with_broker(tmp_path, scenario, useServerSideResetOffset=False)


def test_offsets_are_copied_to_another_group(tmp_path):
    async def scenario(broker):
        await filled(broker)
        await filled(broker, topic="U")
        broker.controller.offsets.commit("g", "Gone", 0, 9)
        assert (await broker.ask(314, srcGroup="g", destGroup="one", topic="T", offline="true")).code == 0
        assert broker.controller.offsets.topics_of_group("one") == {"T"}
        assert (await broker.ask(314, srcGroup="g", destGroup="all", topic="", offline="true")).code == 0
        assert broker.controller.offsets.topics_of_group("all") == {"T", "U"}
        assert broker.controller.offsets.query("all", "U", 0) == 3

    with_broker(tmp_path, scenario)


def test_offsets_of_a_topic_that_is_no_longer_subscribed_are_not_copied(tmp_path):
    async def scenario(broker):
        await filled(broker)
        await filled(broker, topic="U")
        async with consuming(broker, "g", "U"):
            await broker.ask(314, srcGroup="g", destGroup="copy", topic="", offline="false")
        assert broker.controller.offsets.topics_of_group("copy") == {"U"}

    with_broker(tmp_path, scenario)


def test_correction_offsets_are_the_least_of_the_other_groups(tmp_path):
    async def scenario(broker):
        await filled(broker)
        offsets = broker.controller.offsets
        for group, at in (("a", 4), ("b", 2), ("left", 1)):
            offsets.commit(group, "T", 0, at)
        offsets.commit("a", "T", 1, 7)
        answer = await broker.ask(308, topic="T", compareGroup="a", filterGroups="left")
        assert fastjson.loads(answer.body_bytes) == {"correctionOffsets": {0: 2, 1: 7}}
        answer = await broker.ask(308, topic="T", compareGroup="left", filterGroups="left")
        assert fastjson.loads(answer.body_bytes)["correctionOffsets"][0] == LONG_MAX
        assert offsets.query("left", "T", 0) == 1  # asking changes nothing

    with_broker(tmp_path, scenario)


def test_a_golden_store_is_searched_by_time(tmp_path):
    async def scenario(broker):
        store = broker.controller.store
        for queue_id in range(4):
            middle = store.store_time("GoldOrders", queue_id, 40)
            answer = await broker.ask(29, topic="GoldOrders", queueId=str(queue_id), timestamp=str(middle))
            found = int(answer.ext_fields["offset"])
            assert found <= 40
            assert store.store_time("GoldOrders", queue_id, found) == middle
            assert found == 0 or store.store_time("GoldOrders", queue_id, found - 1) < middle

    with_broker(unpack_store("5.3.3-clean", tmp_path), scenario)
