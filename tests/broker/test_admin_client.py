"""Connected clients over the wire: lists of them, and questions that the broker passes on to them."""

import asyncio
import json

from rocketmq_ops.common import fastjson
from rocketmq_ops.common.message import MessageQueue
from rocketmq_ops.common.message_codec import decode_message
from rocketmq_ops.remoting.bodies import GetConsumerStatusBody
from rocketmq_ops.remoting.codes import RequestCode, ResponseCode
from rocketmq_ops.remoting.command import MQ_VERSION
from rocketmq_ops.remoting.headers import SendMessageRequestHeaderV2
from tests.broker.admin_broker import with_broker
from tests.broker.consuming_client import CLIENT_ID, consuming


def test_consumers_and_producers_are_listed_while_connected(tmp_path):
    async def scenario(broker):
        await broker.send("T")
        left = asyncio.Event()
        broker.controller.server.on_close(lambda _channel: left.set())
        async with consuming(broker, "g", "T", producer_group="pg"):
            connection = json.loads((await broker.ask(203, consumerGroup="g")).body_bytes)
            (client,) = connection["connectionSet"]
            assert (client["clientId"], client["language"], client["version"]) == (CLIENT_ID, "PYTHON", MQ_VERSION)
            assert client["clientAddr"].startswith("127.0.0.1:")
            assert connection["subscriptionTable"]["T"]["subString"] == "*"
            assert (connection["consumeType"], connection["messageModel"]) == ("CONSUME_PASSIVELY", "CLUSTERING")
            producers = json.loads((await broker.ask(204, producerGroup="pg")).body_bytes)
            assert producers["connectionSet"][0]["clientId"] == CLIENT_ID
            everybody = json.loads((await broker.ask(328)).body_bytes)["data"]
            assert everybody["pg"][0]["remoteIP"] == producers["connectionSet"][0]["clientAddr"]
            assert everybody["pg"][0]["lastUpdateTimestamp"] > 0
            by_topic = json.loads((await broker.ask(300, topic="T")).body_bytes)
            assert by_topic["groupList"] == ["g"]
            subscription = json.loads((await broker.ask(345, group="g", topic="T")).body_bytes)
            assert subscription["subscriptionData"]["topic"] == "T"
        await asyncio.wait_for(left.wait(), 5)
        gone = await broker.ask(203, consumerGroup="g")
        assert (gone.code, gone.remark) == (ResponseCode.CONSUMER_NOT_ONLINE, "the consumer group[g] not online")
        assert (await broker.ask(204, producerGroup="pg")).code == ResponseCode.SYSTEM_ERROR
        nothing = json.loads((await broker.ask(345, group="g", topic="T")).body_bytes)
        assert nothing == {"group": "g", "topic": "T"}

    with_broker(tmp_path, scenario)


def test_topics_of_a_group_are_those_with_offsets(tmp_path):
    async def scenario(broker):
        broker.controller.offsets.commit("g", "A", 0, 1)
        broker.controller.offsets.commit("g", "B", 0, 1)
        broker.controller.offsets.commit("h", "A", 0, 1)
        topics = json.loads((await broker.ask(343, group="g")).body_bytes)
        assert topics == {"brokerAddr": broker.controller.address, "topicList": ["A", "B"]}
        assert json.loads((await broker.ask(300, topic="A")).body_bytes) == {"groupList": ["g", "h"]}

    with_broker(tmp_path, scenario)


def test_running_info_is_asked_of_the_client_and_its_answer_handed_back(tmp_path):
    asked = []

    def running_info(_channel, request, _header):
        asked.append(dict(request.ext_fields))
        return request.reply(body=b'{"properties":{"k":"v"}}')

    async def scenario(broker):
        async with consuming(broker, "g", "T", {RequestCode.GET_CONSUMER_RUNNING_INFO: running_info}):
            answer = await broker.ask(307, consumerGroup="g", clientId=CLIENT_ID, jstackEnable="true")
            assert (answer.code, answer.body_bytes) == (0, b'{"properties":{"k":"v"}}')
            assert asked[0]["jstackEnable"] == "true"
            missing = await broker.ask(307, consumerGroup="g", clientId="nobody")
            assert (missing.code, missing.remark) == (1, "The Consumer <g> <nobody> not online")

    with_broker(tmp_path, scenario)


def test_a_client_that_goes_away_before_it_answers_is_an_error_to_the_asker(tmp_path):
    async def scenario(broker):
        def leave(channel, _request, _header):
            channel.abort()

        async with consuming(broker, "g", "T", {RequestCode.GET_CONSUMER_RUNNING_INFO: leave}):
            answer = await broker.ask(307, consumerGroup="g", clientId=CLIENT_ID)
            assert answer.code == ResponseCode.SYSTEM_ERROR
            assert "invoke consumer <g>" in answer.remark

    with_broker(tmp_path, scenario)


def test_a_stored_message_is_consumed_directly(tmp_path):
    got = []

    def consume(_channel, request, _header):
        got.append((dict(request.ext_fields), decode_message(request.body)))
        return request.reply(body=b'{"consumeResult":"CR_SUCCESS"}')

    async def scenario(broker):
        sent = await broker.send("T", b"again", properties="KEYS\x01k1\x02")
        async with consuming(broker, "g", "T", {RequestCode.CONSUME_MESSAGE_DIRECTLY: consume}):
            fields = {"consumerGroup": "g", "clientId": CLIENT_ID, "msgId": sent.ext_fields["msgId"], "topic": "T"}
            answer = await broker.ask(309, **fields)
            assert json.loads(answer.body_bytes) == {"consumeResult": "CR_SUCCESS"}
            ((header, message),) = got
            assert (message.topic, message.body, message.properties["KEYS"]) == ("T", b"again", "k1")
            assert (header["brokerName"], header["topicSysFlag"], header["groupSysFlag"]) == ("broker-a", "0", "0")
            bad = await broker.ask(309, **(fields | {"msgId": "xyz"}))
            assert (bad.code, "xyz" in bad.remark) == (ResponseCode.SYSTEM_ERROR, True)

    with_broker(tmp_path, scenario)


def test_status_is_collected_from_the_clients(tmp_path):
    queue = MessageQueue(topic="T", broker_name="broker-a", queue_id=0)

    def status(_channel, request, _header):
        assert request.ext_fields["topic"] == "T"
        return request.reply(body=GetConsumerStatusBody(message_queue_table={queue: 42}).encode())

    async def scenario(broker):
        nobody = await broker.ask(223, topic="T", group="g")
        assert (nobody.code, "No Any Consumer online" in nobody.remark) == (1, True)
        async with consuming(broker, "g", "T", {RequestCode.GET_CONSUMER_STATUS_FROM_CLIENT: status}):
            body = fastjson.loads((await broker.ask(223, topic="T", group="g")).body_bytes)
            ((key, offset),) = body["consumerTable"][CLIENT_ID].items()
            assert (dict(key)["queueId"], offset) == (0, 42)
            other = await broker.ask(223, topic="T", group="g", clientAddr="someone-else")
            assert fastjson.loads(other.body_bytes)["consumerTable"] == {}

    with_broker(tmp_path, scenario)


def reply_header(topic, client_id):
    return SendMessageRequestHeaderV2(
        producer_group="p",
        topic=topic,
        default_topic="TBW102",
        default_topic_queue_nums=4,
        queue_id=0,
        sys_flag=0,
        born_timestamp=1,
        flag=0,
        properties=f"REPLY_TO_CLIENT\x01{client_id}\x02CORRELATION_ID\x01c1\x02",
    )


def test_a_reply_reaches_the_producer_that_asked_and_is_stored(tmp_path):
    got = []

    def take_reply(_channel, request, _header):
        got.append((dict(request.ext_fields), request.body_bytes))
        return request.reply()

    async def scenario(broker):
        topic = "DefaultCluster_REPLY_TOPIC"
        handlers = {RequestCode.PUSH_REPLY_MESSAGE_TO_CLIENT: take_reply}
        async with consuming(broker, "g", "T", handlers, producer_group="pg"):
            answer = await broker.ask(325, reply_header(topic, CLIENT_ID), b"pong")
            assert answer.code == 0
            ((fields, body),) = got
            assert body == b"pong" and "CORRELATION_ID\x01c1" in fields["properties"]
            assert fields["storeHost"] == broker.controller.address
            assert broker.controller.store.max_offset(topic, 0) == 1
            lost = await broker.ask(325, reply_header(topic, "gone"), b"pong")
            assert (lost.code, "channel of <gone> not found" in lost.remark) == (1, True)
            broker.controller.config.autoCreateTopicEnable = False
            unknown = await broker.ask(325, reply_header("Nope", CLIENT_ID), b"pong")
            assert unknown.code == ResponseCode.TOPIC_NOT_EXIST

    with_broker(tmp_path, scenario)
