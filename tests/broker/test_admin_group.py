"""Consumer groups, message units and modes over the wire."""

import json

import pytest

from rocketmq_ops.broker.processors.query_assignment import allocate_averagely, allocate_by_circle
from rocketmq_ops.remoting.bodies import (
    QueryAssignmentRequestBody,
    SetMessageRequestModeRequestBody,
    SubscriptionGroupConfig,
    SubscriptionGroupList,
)
from rocketmq_ops.remoting.codes import RequestCode, ResponseCode
from tests.broker.admin_broker import with_broker
from tests.golden_data import unpack_store


def test_a_group_is_created_changed_shown_and_deleted(tmp_path):
    async def scenario(broker):
        body = SubscriptionGroupConfig(group_name="g", retry_max_times=3, consume_broadcast_enable=False).encode()
        assert (await broker.ask(200, body=body)).code == 0
        shown = json.loads((await broker.ask(352, group="g")).body_bytes)
        assert (shown["retryMaxTimes"], shown["consumeBroadcastEnable"]) == (3, False)
        assert "g" in json.loads((await broker.ask(201)).body_bytes)["subscriptionGroupTable"]
        broker.controller.offsets.commit("g", "T", 0, 5)
        assert (await broker.ask(207, groupName="g", cleanOffset="false")).code == 0
        assert broker.controller.offsets.query("g", "T", 0) == 5
        await broker.ask(200, body=body)
        await broker.ask(207, groupName="g", cleanOffset="true")
        assert broker.controller.offsets.query("g", "T", 0) == -1
        assert not broker.controller.groups.contains("g")

    with_broker(tmp_path, scenario)


def test_several_groups_at_once_or_none(tmp_path):
    def body(*names):
        return SubscriptionGroupList(group_config_list=[SubscriptionGroupConfig(group_name=n) for n in names]).encode()

    async def scenario(broker):
        refused = await broker.ask(225, body=body("a", "bad name"))
        assert (refused.code, "bad name" in refused.remark) == (ResponseCode.INVALID_PARAMETER, True)
        assert not broker.controller.groups.contains("a")
        assert (await broker.ask(225, body=body("a", "b"))).code == 0
        assert broker.controller.groups.contains("b")
        broken = await broker.ask(200, body=b"{not json")
        assert broken.code == ResponseCode.SYSTEM_ERROR

    with_broker(tmp_path, scenario)


def test_a_group_that_may_not_be_created_does_not_exist(tmp_path):
    async def scenario(broker):
        answer = await broker.ask(352, group="g")
        assert answer.code == ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST

    with_broker(tmp_path, scenario, autoCreateSubscriptionGroup=False)


def test_reading_a_topic_is_forbidden_to_a_group_and_allowed_again(tmp_path):
    async def scenario(broker):
        async def state(**fields):
            return json.loads((await broker.ask(353, group="g", topic="T", **fields)).body_bytes)["readable"]

        assert await state() is True
        assert await state(readable="false") is False
        assert await state() is False
        assert await state(readable="true") is True

    with_broker(tmp_path, scenario)


def test_units_of_a_queue(tmp_path):
    async def scenario(broker):
        fields = {"topic": "GoldOrders", "queueId": "0"}
        first = json.loads((await broker.ask(321, index="0", count="2", **fields)).body_bytes)
        assert [unit["physicOffset"] for unit in first["queueData"]] == [0, 1162]
        last = json.loads((await broker.ask(321, index="74", count="100", **fields)).body_bytes)
        assert last["maxQueueIndex"] == 75 + (len(last["queueData"]) - 1)
        group = json.loads(
            (await broker.ask(321, index="0", count="1", consumerGroup="Gold_group", **fields)).body_bytes
        )
        assert group["filterData"] == "Gold_group@GoldOrders is not online!"
        beyond = await broker.ask(321, index="9999", count="1", **fields)
        assert (beyond.code, beyond.remark) == (0, "Index 9999 of 0@GoldOrders is not exist!")
        nothing = await broker.ask(321, index="0", count="1", topic="GoldOrders", queueId="77")
        assert (nothing.code, nothing.remark) == (1, "77@GoldOrders is not exist!")

    with_broker(unpack_store("5.3.3-clean", tmp_path), scenario)


def test_a_half_message_is_put_back_for_another_check(tmp_path):
    async def scenario(broker):
        sent = await broker.send("T", b"half", properties="TRAN_MSG\x01true\x02PGROUP\x01p\x02UNIQ_KEY\x01u1\x02")
        before = broker.controller.store.max_offset("RMQ_SYS_TRANS_HALF_TOPIC", 0)
        assert (before, sent.code) == (1, 0)
        answer = await broker.ask(RequestCode.RESUME_CHECK_HALF_MESSAGE, msgId=sent.ext_fields["msgId"])
        assert answer.code == 0
        assert broker.controller.store.max_offset("RMQ_SYS_TRANS_HALF_TOPIC", 0) == 2
        bad = await broker.ask(RequestCode.RESUME_CHECK_HALF_MESSAGE, msgId="nonsense")
        assert bad.code == ResponseCode.SYSTEM_ERROR

    with_broker(tmp_path, scenario)


def test_modes_are_kept_and_pop_is_refused(tmp_path):
    async def scenario(broker):
        await broker.send("T")
        pull = SetMessageRequestModeRequestBody(topic="T", consumer_group="g", mode="PULL")
        assert (await broker.ask(401, body=pull.encode())).code == 0
        modes = json.loads((await broker.ask(402)).body_bytes)["messageRequestModeMap"]
        assert modes["T"]["g"]["mode"] == "PULL"
        written = json.loads((tmp_path / "config" / "messageRequestMode.json").read_text())
        assert written["messageRequestModeMap"] == modes
        for body, code in (
            (SetMessageRequestModeRequestBody(topic="T", consumer_group="g", mode="POP"), 29),
            (SetMessageRequestModeRequestBody(topic="%RETRY%g", consumer_group="g"), ResponseCode.NO_PERMISSION),
            (SetMessageRequestModeRequestBody(topic="None", consumer_group="g"), ResponseCode.TOPIC_NOT_EXIST),
        ):
            assert (await broker.ask(401, body=body.encode())).code == code

    with_broker(tmp_path, scenario)


def test_without_a_route_an_assignment_is_null(tmp_path):
    async def scenario(broker):
        body = QueryAssignmentRequestBody(topic="T", consumer_group="g", client_id="c", strategy_name="AVG")
        answer = await broker.ask(400, body=body.encode())
        assert (answer.code, answer.body_bytes) == (0, b"{}")

    with_broker(tmp_path, scenario)


@pytest.mark.parametrize("clients", range(1, 8))
def test_every_queue_is_allocated_once(clients):
    names = [f"c{i}" for i in range(clients)]
    queues = list(range(5))
    for strategy in (allocate_averagely, allocate_by_circle):
        shares = [strategy(queues, names, name) for name in names]
        assert sorted(queue for share in shares for queue in share) == queues
        assert max(map(len, shares)) - min(map(len, shares)) <= 1
        assert strategy(queues, names, "stranger") == []
