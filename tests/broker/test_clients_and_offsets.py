"""Heartbeats, membership, queue locks, consumer offsets and lookups of messages."""

from __future__ import annotations

import asyncio
import json
import struct
from pathlib import Path

import pytest

from rocketmq_ops.broker.client.rebalance_lock_manager import RebalanceLockManager
from rocketmq_ops.broker.config import BrokerConfig
from rocketmq_ops.common import fastjson
from rocketmq_ops.common.clock import steady_ms
from rocketmq_ops.remoting.bodies import ConsumerConnection, GetConsumerListByGroupResponseBody
from rocketmq_ops.remoting.client import RemotingClient
from rocketmq_ops.remoting.codes import RequestCode, ResponseCode
from rocketmq_ops.remoting.config import NettyClientConfig
from rocketmq_ops.remoting.headers import NotifyConsumerIdsChangedRequestHeader
from tests.broker.support import Session, bodies, consumer, new_broker, producer, run, until

R = ResponseCode


async def members(session: Session, group: str) -> list[str]:
    answer = await session.ask(RequestCode.GET_CONSUMER_LIST_BY_GROUP, {"consumerGroup": group})
    return GetConsumerListByGroupResponseBody.decode(answer.body).consumer_id_list if answer.code == 0 else []


def test_heartbeat_registers_and_creates_the_retry_topic(tmp_path: Path) -> None:
    async def body(session: Session) -> None:
        broker = session.broker
        answer = await session.heartbeat(
            client_id="c1", consumer_data_set=[consumer("g", "T")], producer_data_set=[producer("p")]
        )
        assert answer.ext_fields == {"IS_SUPPORT_HEART_BEAT_V2": "true", "IS_SUB_CHANGE": "true"}
        assert broker.groups.contains("g") and broker.topics.table["%RETRY%g"].read_queue_nums == 1
        assert broker.producers.table.get("p") and await members(session, "g") == ["c1"]
        missing = await session.ask(RequestCode.GET_CONSUMER_LIST_BY_GROUP, {"consumerGroup": "h"})
        assert (missing.code, missing.remark) == (R.SYSTEM_ERROR, "no consumer for this group, h")
        fields = {"clientID": "c1", "consumerGroup": "g", "producerGroup": "p"}
        assert (await session.ask(RequestCode.UNREGISTER_CLIENT, fields)).code == 0
        assert not broker.producers.table.get("p") and await members(session, "g") == []

    run(tmp_path, body)


def test_a_subscription_without_a_version_replaces_the_one_before(tmp_path: Path) -> None:
    async def body(session: Session) -> None:
        for tags in ("a", "b"):
            subscription = {"topic": "T", "subString": tags, "tagsSet": [tags], "codeSet": [ord(tags)]}
            beat = {"clientID": "c", "consumerDataSet": [{"groupName": "g", "subscriptionDataSet": [subscription]}]}
            assert (await session.ask(RequestCode.HEART_BEAT, body=json.dumps(beat).encode())).code == 0
            await asyncio.sleep(0.002)
        found = session.broker.consumers.find_subscription("g", "T")
        assert found is not None and found.sub_string == "b"

    run(tmp_path, body)


@pytest.mark.parametrize(
    "beat",
    [
        b'{"clientID":"c","consumerDataSet":null}', b'{"clientID":"c","producerDataSet":null}',
        b'{"clientID":"c","consumerDataSet":[{"groupName":"g","subscriptionDataSet":null}]}',
        b'{"clientID":"c","consumerDataSet":[{}]}', b'{"clientID":"c","producerDataSet":[{"groupName":null}]}',
        b'{"clientID":"c","consumerDataSet":[{"groupName":"g","messageModel":2}]}', b"",
    ],
)  # fmt: skip
def test_heartbeats_that_apache_refuses(tmp_path: Path, beat: bytes) -> None:
    async def body(session: Session) -> None:
        assert (await session.ask(RequestCode.HEART_BEAT, body=beat)).code == R.SYSTEM_ERROR
        assert not session.broker.consumers.table and not session.broker.groups.contains("g")

    run(tmp_path, body)


@pytest.mark.parametrize("code", [RequestCode.LOCK_BATCH_MQ, RequestCode.UNLOCK_BATCH_MQ])
def test_locks_want_a_group_a_client_and_queues(tmp_path: Path, code: RequestCode) -> None:
    async def body(session: Session) -> None:
        queue = {"topic": "T", "queueId": "1"}  # a broker's name may be missing
        whole = {"consumerGroup": "g", "clientId": "c", "mqSet": queue}
        assert (await session.ask(code, body=json.dumps(whole).encode())).code == 0
        for name in whole:
            assert (await session.ask(code, body=json.dumps({**whole, name: None}).encode())).code == R.SYSTEM_ERROR

    run(tmp_path, body)


HEARTBEAT_OF_CPP = (
    b'{"clientID":"c","consumerDataSet":[{"consumeFromWhere":0,"consumeType":1,"groupName":"G","messageModel":1,'
    b'"subscriptionDataSet":[{"subString":"*","subVersion":"1","topic":"T"}]}]}\n'
)


def test_the_heartbeat_of_apaches_client_for_cpp(tmp_path: Path) -> None:
    """Its enums are positions; the Python, PHP and Node clients on it send the same."""

    async def body(session: Session) -> None:
        assert (await session.ask(RequestCode.HEART_BEAT, body=HEARTBEAT_OF_CPP)).code == 0
        assert await members(session, "G") == ["c"]
        answer = await session.ask(RequestCode.GET_CONSUMER_CONNECTION_LIST, {"consumerGroup": "G"})
        told = ConsumerConnection.decode(answer.body)
        assert (told.consume_from_where, told.consume_type, told.message_model) == (
            "CONSUME_FROM_LAST_OFFSET", "CONSUME_PASSIVELY", "CLUSTERING",
        )  # fmt: skip
        assert told.subscription_table["T"].sub_version == 1

    run(tmp_path, body)


def test_answers_with_a_header_of_apaches_hold_an_object_of_fields(tmp_path: Path) -> None:
    async def raw(session: Session, code: int, fields: str) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", session.broker.server_config.listenPort)
        header = f'{{"code":{code},"flag":0,"language":"JAVA","opaque":1,"version":0,"extFields":{fields}}}\0'.encode()
        writer.write(struct.pack(">II", len(header) + 4, len(header)) + header)
        (size,) = struct.unpack(">I", await reader.readexactly(4))
        answer = await reader.readexactly(size)
        writer.close()
        return answer

    async def body(session: Session) -> None:
        pull = (
            '{"consumerGroup":"g","topic":"none","queueId":"0","queueOffset":"0","maxMsgNums":"1","sysFlag":"0",'
            '"commitOffset":"0","suspendTimeoutMillis":"0","subVersion":"0"}'
        )
        assert b'{"code":17,"extFields":{},' in await raw(session, RequestCode.PULL_MESSAGE, pull)
        assert b'{"code":0,"extFields":{},' in await raw(session, RequestCode.GET_ALL_TOPIC_CONFIG, "{}")
        none = await raw(session, RequestCode.GET_CONSUMER_LIST_BY_GROUP, '{"consumerGroup":"h"}')
        assert b'{"code":1,"extFields":{},' in none
        assert b"extFields" not in await raw(session, RequestCode.GET_TOPIC_CONFIG, '{"topic":"none"}')

    run(tmp_path, body)


def test_heartbeat_v2_keeps_subscriptions(tmp_path: Path) -> None:
    async def body(session: Session) -> None:
        beat = {"client_id": "c", "heartbeat_fingerprint": 7}
        first = await session.heartbeat(**beat, consumer_data_set=[consumer("g", "T")])
        assert first.ext_fields["IS_SUB_CHANGE"] == "false"
        bare = consumer("g", "T")
        bare.subscription_data_set = []
        await session.heartbeat(**beat, without_sub=True, consumer_data_set=[bare])
        assert session.broker.consumers.find_subscription("g", "T") is not None
        other = await session.heartbeat(client_id="c", heartbeat_fingerprint=8, consumer_data_set=[consumer("g", "U")])
        assert other.ext_fields["IS_SUB_CHANGE"] == "true"
        assert session.broker.consumers.find_subscription("g", "T", compensate=False) is None

    run(tmp_path, body)


def test_members_are_told_of_changes(tmp_path: Path) -> None:
    async def body(session: Session) -> None:
        told: asyncio.Queue[str] = asyncio.Queue()
        session.client.register(
            RequestCode.NOTIFY_CONSUMER_IDS_CHANGED,
            NotifyConsumerIdsChangedRequestHeader,
            lambda channel, request, header: told.put_nowait(header.consumer_group),
        )
        await session.heartbeat(client_id="c1", consumer_data_set=[consumer("g", "T")])
        assert await asyncio.wait_for(told.get(), 5) == "g"
        await session.heartbeat(client_id="c1", consumer_data_set=[consumer("g", "T")])
        other_client = RemotingClient(NettyClientConfig())
        other = Session(session.broker, other_client)
        await other.heartbeat(client_id="c2", consumer_data_set=[consumer("g", "T")])
        assert await asyncio.wait_for(told.get(), 5) == "g"
        assert sorted(await members(session, "g")) == ["c1", "c2"]
        await other_client.close()
        assert await asyncio.wait_for(told.get(), 5) == "g"
        assert await members(session, "g") == ["c1"] and told.empty()

    run(tmp_path, body)


def test_silent_clients_are_dropped(tmp_path: Path) -> None:
    async def body(session: Session) -> None:
        await session.heartbeat(
            client_id="c", consumer_data_set=[consumer("g", "T")], producer_data_set=[producer("p")]
        )
        consumers, producers = session.broker.consumers, session.broker.producers
        later = steady_ms() + 121_000
        consumers._clock = producers._clock = lambda: later
        producers.scan_inactive()
        consumers.scan_inactive(120_000, 600_000)
        assert not consumers.table and not producers.table
        await until(lambda: not session.broker.server.channels)

    run(tmp_path, body)


def test_queue_locks(tmp_path: Path) -> None:
    async def body(session: Session) -> None:
        def request(client: str) -> bytes:
            queue = {"brokerName": "broker-a", "queueId": 0, "topic": "T"}
            return json.dumps({"clientId": client, "consumerGroup": "g", "mqSet": [queue]}).encode()

        async def lock(client: str) -> int:
            answer = await session.ask(RequestCode.LOCK_BATCH_MQ, {}, request(client))
            return len(json.loads(answer.body_bytes)["lockOKMQSet"])

        assert [await lock("a"), await lock("a"), await lock("b")] == [1, 1, 0]
        await session.ask(RequestCode.UNLOCK_BATCH_MQ, {}, request("b"))
        assert await lock("b") == 0
        await session.ask(RequestCode.UNLOCK_BATCH_MQ, {}, request("a"))
        assert await lock("b") == 1

    run(tmp_path, body)


def test_queue_locks_expire_after_a_minute() -> None:
    now = 1_000
    locks = RebalanceLockManager(lambda: now)
    queue = ("T", "broker-a", 0)
    assert locks.is_lock_all_expired("g")
    assert locks.try_lock_batch("g", [queue], "a") == [queue]
    now += 60_000
    assert not locks.is_lock_all_expired("g") and locks.try_lock_batch("g", [queue], "b") == []
    now += 1
    assert locks.is_lock_all_expired("g") and locks.try_lock_batch("g", [queue], "b") == [queue]


def test_offsets(tmp_path: Path) -> None:
    async def body(session: Session) -> None:
        fields = {"consumerGroup": "g", "topic": "T", "queueId": "0"}

        async def query(**more: str):  # type: ignore[no-untyped-def]
            return await session.ask(RequestCode.QUERY_CONSUMER_OFFSET, fields | more)

        async def update(**more: str):  # type: ignore[no-untyped-def]
            return await session.ask(RequestCode.UPDATE_CONSUMER_OFFSET, fields | {"commitOffset": "3"} | more)

        assert (await update()).code == R.SUBSCRIPTION_GROUP_NOT_EXIST
        session.broker.groups.find("g")
        assert (await update()).code == R.TOPIC_NOT_EXIST
        assert (await query()).code == R.QUERY_NOT_FOUND
        await session.send("T")
        assert (await query(setZeroIfNotFound="false")).code == R.QUERY_NOT_FOUND
        assert (await query()).ext_fields == {"offset": "0"}
        assert (await query(queueId="1")).code == R.QUERY_NOT_FOUND
        assert (await update()).code == 0
        assert (await query()).ext_fields == {"offset": "3"}
        session.broker.offsets.assign_reset("T", "g", 0, 1)
        refused = await update(commitOffset="9")
        assert (refused.code, refused.remark) == (0, "Offset has been previously reset")
        assert (await query()).ext_fields == {"offset": "1"}

    run(tmp_path, body)


def test_offsets_survive_a_restart_in_apaches_format(tmp_path: Path) -> None:
    async def body(session: Session) -> None:
        session.broker.offsets.commit("g", "T", 2, 5)
        session.broker.offsets.commit("g", "T", 0, 7)

    run(tmp_path, body)
    text = (tmp_path / "config" / "consumerOffset.json").read_text()
    assert '"T@g":{2:5,0:7\n\t\t}' in text and '"dataVersion"' in text
    again = new_broker(tmp_path)
    assert again.offsets.load()
    assert again.offsets.query_all("g", "T") == {0: 7, 2: 5}
    assert (again.offsets.topics_of_group("g"), again.offsets.groups_of_topic("T")) == ({"T"}, {"g"})
    again.offsets.clone("g", "h", "T")
    again.offsets.remove_group("g")
    assert again.offsets.query("g", "T", 0) == -1 and again.offsets.query("h", "T", 0) == 7
    again.offsets.remove_topics(["T"])
    assert not again.offsets.table


def test_unusable_file_falls_back_to_its_backup(tmp_path: Path) -> None:
    folder = tmp_path / "config"
    folder.mkdir(parents=True)
    (folder / "consumerOffset.json").write_text("")
    (folder / "consumerOffset.json.bak").write_text('{"offsetTable":{"T@g":{0:4}}}')
    broker = new_broker(tmp_path)
    assert broker.offsets.load() and broker.offsets.query("g", "T", 0) == 4


def test_lookups(tmp_path: Path) -> None:
    async def body(session: Session) -> None:
        sent = [
            await session.send("T", b"%d" % i, properties={"KEYS": f"k{i} all", "UNIQ_KEY": f"u{i}"}) for i in range(3)
        ]
        fields = {"topic": "T", "key": "all", "maxNum": "2", "beginTimestamp": "0", "endTimestamp": str(2**62)}
        answer = await session.ask(RequestCode.QUERY_MESSAGE, fields)
        assert answer.code == 0 and len(bodies(answer)) == 2
        assert int(answer.ext_fields["indexLastUpdatePhyoffset"]) > 0
        unique = fields | {"key": "u1", "_UNIQUE_KEY_QUERY": "true"}
        assert bodies(await session.ask(RequestCode.QUERY_MESSAGE, unique)) == [b"1"]
        none = await session.ask(RequestCode.QUERY_MESSAGE, fields | {"key": "nothing"})
        assert (none.code, none.remark) == (R.QUERY_NOT_FOUND, "can not find message, maybe time range not correct")
        offset = int(sent[2].ext_fields["msgId"][16:], 16)
        assert bodies(await session.ask(RequestCode.VIEW_MESSAGE_BY_ID, {"offset": str(offset)})) == [b"2"]
        missing = await session.ask(RequestCode.VIEW_MESSAGE_BY_ID, {"offset": "999999999"})
        assert (missing.code, missing.remark) == (R.SYSTEM_ERROR, "can not find message by the offset, 999999999")

    run(tmp_path, body)


def test_client_configuration_check(tmp_path: Path) -> None:
    async def body(session: Session) -> None:
        def request(kind: str) -> bytes:
            subscription = {"topic": "T", "expressionType": kind, "subString": "a"}
            return json.dumps({"clientId": "c", "group": "g", "subscriptionData": subscription}).encode()

        assert (await session.ask(RequestCode.CHECK_CLIENT_CONFIG, {}, request("TAG"))).code == 0
        refused = await session.ask(RequestCode.CHECK_CLIENT_CONFIG, {}, request("SQL92"))
        assert refused.remark == "The broker does not support consumer to filter message by SQL92"
        assert BrokerConfig().enablePropertyFilter is False

    run(tmp_path, body)


@pytest.mark.parametrize(
    "table", [{}, {"T@g": {}}, {"T@g": {2: 5, 0: 7}, 'é"@\n': {0: 1 << 62}, "U@g": {3: 0}, "no group": {0: 1}}]
)
def test_the_file_of_the_offsets_is_what_fastjson_writes(tmp_path: Path, table: dict[str, dict[int, int]]) -> None:
    offsets = new_broker(tmp_path).offsets
    offsets.table = table
    document = {
        "dataVersion": offsets.data_version,
        "groupTopicMap": {group: sorted(topics) for group, topics in offsets.group_topics().items()},
        "offsetTable": table,
    }
    assert offsets.encode(pretty=True) == fastjson.dumps(document, pretty=True)
