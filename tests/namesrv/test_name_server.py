"""A name server over the wire: every code it serves, as brokers, clients and tools send them."""

import asyncio
import gzip
import json
import threading
import zlib
from pathlib import Path

import msgspec
import pytest
from tests.namesrv.support import (
    ADDRESS,
    BROKER,
    CLUSTER,
    name_server,
    register_request,
    topics,
    with_name_server,
)

from rocketmq_ops.common import fastjson
from rocketmq_ops.common.data_version import DataVersion
from rocketmq_ops.common.properties import parse_properties
from rocketmq_ops.namesrv import kv_config_manager
from rocketmq_ops.remoting.bodies import (
    ClusterInfo,
    GetBrokerMemberGroupResponseBody,
    KVTable,
    QueueData,
    TopicList,
    TopicRouteData,
)
from rocketmq_ops.remoting.client import RemotingClient
from rocketmq_ops.remoting.codes import RequestCode, ResponseCode
from rocketmq_ops.remoting.command import RemotingCommand
from rocketmq_ops.remoting.headers import (
    AddWritePermOfBrokerRequestHeader,
    AddWritePermOfBrokerResponseHeader,
    BrokerHeartbeatRequestHeader,
    DeleteKVConfigRequestHeader,
    DeleteTopicFromNamesrvRequestHeader,
    GetBrokerMemberGroupRequestHeader,
    GetKVConfigRequestHeader,
    GetKVConfigResponseHeader,
    GetKVListByNamespaceRequestHeader,
    GetRouteInfoRequestHeader,
    GetTopicsByClusterRequestHeader,
    PutKVConfigRequestHeader,
    QueryDataVersionRequestHeader,
    QueryDataVersionResponseHeader,
    RegisterTopicRequestHeader,
    UnRegisterBrokerRequestHeader,
    WipeWritePermOfBrokerRequestHeader,
    WipeWritePermOfBrokerResponseHeader,
)

FRAMES = Path(__file__).parents[1] / "golden" / "session" / "frames.jsonl.gz"
NAME_SERVER_LINK = "23876"


async def ask(client: RemotingClient, code: int, header: object = None, body: bytes = b"") -> RemotingCommand:
    return await client.invoke_namesrv(RemotingCommand.request(code, header, body))


async def route(client: RemotingClient, topic: str) -> RemotingCommand:
    return await ask(client, RequestCode.GET_ROUTEINFO_BY_TOPIC, GetRouteInfoRequestHeader(topic=topic))


@pytest.mark.parametrize(("compressed", "said"), [(False, False), (True, True), (True, False)])
def test_register_route_and_unregister(tmp_path, compressed, said):
    async def body(controller, client):
        request = register_request(topics("TopicA", "TopicB"), compressed=compressed)
        request.header.compressed = said
        request.header.body_crc32 = zlib.crc32(request.body) & 0x7FFFFFFF
        answer = await client.invoke_namesrv(request)
        assert (answer.code, answer.body_bytes) == (0, b"")
        found = TopicRouteData.decode((await route(client, "TopicA")).body)
        assert found.broker_datas[0].broker_addrs == {0: ADDRESS}
        header = UnRegisterBrokerRequestHeader(
            broker_name=BROKER, broker_addr=ADDRESS, cluster_name=CLUSTER, broker_id=0
        )
        assert (await ask(client, RequestCode.UNREGISTER_BROKER, header)).code == 0
        gone = await route(client, "TopicA")
        assert gone.code == ResponseCode.TOPIC_NOT_EXIST
        assert gone.remark.startswith("No topic route info in name server for the topic: TopicA")

    with_name_server(tmp_path, body)


def test_refused_registrations(tmp_path):
    async def body(controller, client):
        wrong_crc = await client.invoke_namesrv(register_request(topics("A", "B"), crc=1))
        assert (wrong_crc.code, wrong_crc.remark) == (ResponseCode.SYSTEM_ERROR, "crc32 not match")
        for compressed in (False, True):
            broken = register_request(topics("A", "B"), compressed=compressed)
            broken.body = b"[broken"
            answer = await client.invoke_namesrv(broken)
            assert answer.code == ResponseCode.SYSTEM_ERROR
            assert "RegisterBrokerBody" in answer.remark
        single = await client.invoke_namesrv(register_request(topics("A")))
        assert (single.code, single.remark) == (ResponseCode.SYSTEM_ERROR, "register broker failed")
        assert controller.routes.brokers == {}

    with_name_server(tmp_path, body)


def test_a_closed_broker_connection_removes_its_routes(tmp_path):
    async def body(controller, client):
        gone = asyncio.Event()
        controller.server.on_close(lambda channel: gone.set())
        async with RemotingClient() as broker:
            answer = await broker.invoke(controller.address, register_request(topics("TopicA", "TopicB")))
            assert answer.code == 0
            assert (await route(client, "TopicA")).code == 0
        await asyncio.wait_for(gone.wait(), 5)
        assert (await route(client, "TopicA")).code == ResponseCode.TOPIC_NOT_EXIST

    with_name_server(tmp_path, body)


def test_a_restarted_name_server_is_full_after_one_registration(tmp_path):
    async def run():
        for _ in range(2):
            async with name_server(tmp_path) as (_, client):
                assert (await route(client, "TopicA")).code == ResponseCode.TOPIC_NOT_EXIST
                await client.invoke_namesrv(register_request(topics("TopicA", "TopicB")))
                assert (await route(client, "TopicA")).code == 0

    asyncio.run(run())


def test_the_scan_drops_a_broker_that_is_silent(tmp_path):
    async def body(controller, client):
        dropped = asyncio.Event()
        controller.server.on_close(lambda channel: dropped.set())
        async with RemotingClient() as broker:
            request = register_request(topics("TopicA", "TopicB"))
            request.header.heartbeat_timeout_millis = 1
            await broker.invoke(controller.address, request)
            await asyncio.wait_for(dropped.wait(), 5)
        assert controller.routes.live == {}

    with_name_server(tmp_path, body, scanNotActiveBrokerInterval=20)


def test_data_version_and_heartbeat(tmp_path):
    async def body(controller, client):
        identity = {"broker_name": BROKER, "broker_addr": ADDRESS, "cluster_name": CLUSTER, "broker_id": 0}
        header = QueryDataVersionRequestHeader(**identity)
        ours = b'{"counter":1,"stateVersion":0,"timestamp":1}'
        unknown = await ask(client, RequestCode.QUERY_DATA_VERSION, header, ours)
        assert unknown.decode_header(QueryDataVersionResponseHeader).changed
        assert unknown.body_bytes == b""
        for broken in (b"", b"[1]", b"{broken"):
            refused = await ask(client, RequestCode.QUERY_DATA_VERSION, header, broken)
            assert refused.code == ResponseCode.SYSTEM_ERROR
            assert "DataVersion" in refused.remark
        await client.invoke_namesrv(register_request(topics("TopicA", "TopicB")))
        same = await ask(client, RequestCode.QUERY_DATA_VERSION, header, ours)
        assert not same.decode_header(QueryDataVersionResponseHeader).changed
        assert msgspec.json.decode(same.body_bytes, type=DataVersion) == DataVersion(timestamp=1, counter=1)
        beat = await ask(client, RequestCode.BROKER_HEARTBEAT, BrokerHeartbeatRequestHeader(**identity))
        assert beat.code == 0
        group_header = GetBrokerMemberGroupRequestHeader(cluster_name=CLUSTER, broker_name=BROKER)
        group = await ask(client, RequestCode.GET_BROKER_MEMBER_GROUP, group_header)
        members = GetBrokerMemberGroupResponseBody.decode(group.body).broker_member_group
        assert members.broker_addrs == {0: ADDRESS}

    with_name_server(tmp_path, body)


def test_kv_configuration_survives_a_restart(tmp_path):
    async def first(controller, client):
        header = PutKVConfigRequestHeader(namespace="ORDER_TOPIC_CONFIG", key="T", value="broker-a:4")
        assert (await ask(client, RequestCode.PUT_KV_CONFIG, header)).code == 0
        header = PutKVConfigRequestHeader(namespace="ORDER_TOPIC_CONFIG", key="U", value="x")
        await ask(client, RequestCode.PUT_KV_CONFIG, header)
        await ask(
            client, RequestCode.DELETE_KV_CONFIG, DeleteKVConfigRequestHeader(namespace="ORDER_TOPIC_CONFIG", key="U")
        )

    async def second(controller, client):
        get = await ask(
            client, RequestCode.GET_KV_CONFIG, GetKVConfigRequestHeader(namespace="ORDER_TOPIC_CONFIG", key="T")
        )
        assert get.decode_header(GetKVConfigResponseHeader).value == "broker-a:4"
        missing = await ask(client, RequestCode.GET_KV_CONFIG, GetKVConfigRequestHeader(namespace="N", key="k"))
        assert (missing.code, missing.remark) == (22, "No config item, Namespace: N Key: k")
        listed = await ask(
            client,
            RequestCode.GET_KVLIST_BY_NAMESPACE,
            GetKVListByNamespaceRequestHeader(namespace="ORDER_TOPIC_CONFIG"),
        )
        assert KVTable.decode(listed.body).table == {"T": "broker-a:4"}
        none = await ask(client, RequestCode.GET_KVLIST_BY_NAMESPACE, GetKVListByNamespaceRequestHeader(namespace="N"))
        assert none.code == ResponseCode.QUERY_NOT_FOUND
        registered = await client.invoke_namesrv(register_request(topics("T", "U")))
        assert KVTable.decode(registered.body).table == {"T": "broker-a:4"}
        assert TopicRouteData.decode((await route(client, "T")).body).order_topic_conf == "broker-a:4"
        assert TopicRouteData.decode((await route(client, "U")).body).order_topic_conf is None

    with_name_server(tmp_path, first)
    stored = json.loads((tmp_path / "kvConfig.json").read_text())
    assert stored == {"configTable": {"ORDER_TOPIC_CONFIG": {"T": "broker-a:4"}}}
    with_name_server(tmp_path, second, orderMessageEnable=True)
    (tmp_path / "kvConfig.json").write_text("")
    with_name_server(tmp_path, lambda controller, client: asyncio.sleep(0))


def test_a_kv_change_that_cannot_be_saved_is_not_made(tmp_path):
    async def body(controller, client):
        (tmp_path / "kvConfig.json.tmp").mkdir()
        header = PutKVConfigRequestHeader(namespace="N", key="k", value="v")
        refused = await ask(client, RequestCode.PUT_KV_CONFIG, header)
        assert refused.code == ResponseCode.SYSTEM_ERROR
        assert "kvConfig.json" in refused.remark
        assert controller.kv_config.namespace("N") is None
        assert controller.server.handlers.handler_failures == 0

    with_name_server(tmp_path, body)


def test_kv_changes_that_come_together_are_one_write_and_nobody_waits_for_it(tmp_path, monkeypatch):
    save, may_write, written = kv_config_manager.save_with_backup, threading.Event(), []

    def slow(path, data):
        written.append(data)
        assert may_write.wait(10)
        save(path, data)

    monkeypatch.setattr(kv_config_manager, "save_with_backup", slow)

    async def body(controller, client):
        async def put(n):
            return await ask(
                client, RequestCode.PUT_KV_CONFIG, PutKVConfigRequestHeader(namespace="N", key=f"k{n}", value=str(n))
            )

        puts = [asyncio.create_task(put(n)) for n in range(20)]
        async with asyncio.timeout(20):
            while not written:  # noqa: ASYNC110 - a thread begins to write
                await asyncio.sleep(0.01)
        get = await ask(client, RequestCode.GET_KV_CONFIG, GetKVConfigRequestHeader(namespace="N", key="k0"))
        assert get.code == ResponseCode.QUERY_NOT_FOUND, "a change is made when it is saved"
        assert not any(task.done() for task in puts)
        may_write.set()
        assert [answer.code for answer in await asyncio.gather(*puts)] == [0] * 20
        assert len(written) <= 3
        assert controller.kv_config.namespace("N") == {f"k{n}": str(n) for n in range(20)}

    with_name_server(tmp_path, body)
    assert len(json.loads((tmp_path / "kvConfig.json").read_text())["configTable"]["N"]) == 20


def test_topic_administration(tmp_path):
    async def body(controller, client):
        await client.invoke_namesrv(register_request(topics("TopicA", "TopicB")))
        wiped = await ask(
            client, RequestCode.WIPE_WRITE_PERM_OF_BROKER, WipeWritePermOfBrokerRequestHeader(broker_name=BROKER)
        )
        assert wiped.decode_header(WipeWritePermOfBrokerResponseHeader).wipe_topic_count == 2
        added = await ask(
            client, RequestCode.ADD_WRITE_PERM_OF_BROKER, AddWritePermOfBrokerRequestHeader(broker_name=BROKER)
        )
        assert added.decode_header(AddWritePermOfBrokerResponseHeader).add_topic_count == 2
        by_hand = TopicRouteData(
            queue_datas=[QueueData(broker_name=BROKER, perm=6, read_queue_nums=1, write_queue_nums=1)]
        )
        await ask(
            client, RequestCode.REGISTER_TOPIC_IN_NAMESRV, RegisterTopicRequestHeader(topic="H"), by_hand.encode()
        )
        assert (await route(client, "H")).code == 0
        await ask(
            client,
            RequestCode.DELETE_TOPIC_IN_NAMESRV,
            DeleteTopicFromNamesrvRequestHeader(topic="H", cluster_name=CLUSTER),
        )
        await ask(client, RequestCode.DELETE_TOPIC_IN_NAMESRV, DeleteTopicFromNamesrvRequestHeader(topic="TopicB"))
        lists = {
            RequestCode.GET_ALL_TOPIC_LIST_FROM_NAMESERVER: ["TopicA"],
            RequestCode.GET_SYSTEM_TOPIC_LIST_FROM_NS: [CLUSTER, BROKER],
            RequestCode.GET_UNIT_TOPIC_LIST: [],
            RequestCode.GET_HAS_UNIT_SUB_TOPIC_LIST: [],
            RequestCode.GET_HAS_UNIT_SUB_UNUNIT_TOPIC_LIST: [],
        }
        for code, expected in lists.items():
            assert TopicList.decode((await ask(client, code)).body).topic_list == expected, code
        by_cluster = await ask(
            client, RequestCode.GET_TOPICS_BY_CLUSTER, GetTopicsByClusterRequestHeader(cluster=CLUSTER)
        )
        assert TopicList.decode(by_cluster.body).topic_list == ["TopicA"]
        info = ClusterInfo.decode((await ask(client, RequestCode.GET_BROKER_CLUSTER_INFO)).body)
        assert info.broker_addr_table[BROKER].broker_addrs == {0: ADDRESS}

    with_name_server(tmp_path, body)


def test_lists_can_be_disabled(tmp_path):
    async def body(controller, client):
        for code, header in (
            (RequestCode.GET_ALL_TOPIC_LIST_FROM_NAMESERVER, None),
            (RequestCode.GET_UNIT_TOPIC_LIST, None),
            (RequestCode.GET_TOPICS_BY_CLUSTER, GetTopicsByClusterRequestHeader(cluster=CLUSTER)),
        ):
            answer = await ask(client, code, header)
            assert (answer.code, answer.remark) == (ResponseCode.SYSTEM_ERROR, "disable")

    with_name_server(tmp_path, body, enableAllTopicList=False, enableTopicList=False)


def test_needWaitForService(tmp_path):
    async def body(controller, client):
        answer = await route(client, "TopicA")
        assert (answer.code, answer.remark) == (ResponseCode.SYSTEM_ERROR, "name server not ready")

    with_name_server(tmp_path, body, needWaitForService=True)


def test_configuration(tmp_path):
    async def body(controller, client):
        shown = parse_properties((await ask(client, RequestCode.GET_NAMESRV_CONFIG)).body_bytes.decode())
        assert shown["orderMessageEnable"] == "false"
        assert shown["bindAddress"] == "127.0.0.1"
        assert (await ask(client, RequestCode.UPDATE_NAMESRV_CONFIG, None, b"orderMessageEnable=true\n")).code == 0
        assert controller.config.orderMessageEnable is True
        assert (tmp_path / "namesrv.properties").read_text() == "orderMessageEnable=true\n"
        for forbidden in ("kvConfigPath", "configStorePath", "configBlackList", "rocketmqHome"):
            answer = await ask(client, RequestCode.UPDATE_NAMESRV_CONFIG, None, f"{forbidden}=x".encode())
            assert answer.code == ResponseCode.NO_PERMISSION
            assert answer.remark.startswith("Can not update config in black list.")
        for bad, word in (
            ("orderMessageEnabled=true", "orderMessageEnable"),
            ("waitSecondsForService=x", "whole number"),
            ("listenPort=1", "counts at a start only"),
            ("metricsExporterType=PROM", "counts at a start only"),
        ):
            answer = await ask(client, RequestCode.UPDATE_NAMESRV_CONFIG, None, bad.encode())
            assert answer.code == ResponseCode.SYSTEM_ERROR
            assert word in answer.remark

    with_name_server(tmp_path, body)


def test_an_unknown_code_is_not_supported(tmp_path):
    async def body(controller, client):
        assert (await ask(client, 9999)).code == ResponseCode.REQUEST_CODE_NOT_SUPPORTED

    with_name_server(tmp_path, body)


def recorded(code: int) -> list[tuple[RemotingCommand, dict, bytes]]:
    """(request, answer's header, answer's body) of every recorded call of `code` to Apache's name server."""
    requests, found = {}, []
    with gzip.open(FRAMES, "rt") as lines:
        for line in lines:
            frame = json.loads(line)
            if frame["link"] != NAME_SERVER_LINK:
                continue
            raw = bytes.fromhex(frame["hex"])
            end = 8 + (int.from_bytes(raw[4:8], "big") & 0xFFFFFF)
            header = json.loads(raw[8:end])
            key = frame["conn"], header["opaque"]
            if frame["dir"] == "request":
                requests[key] = header
            elif requests[key]["code"] == code:
                request = requests[key]
                command = RemotingCommand(code=code, version=request["version"], language=request["language"])
                command.ext_fields = request.get("extFields", {})
                found.append((command, header, raw[end:]))
    return found


@pytest.mark.parametrize("code", [RequestCode.GET_ROUTEINFO_BY_TOPIC, RequestCode.GET_BROKER_CLUSTER_INFO])
def test_answers_equal_recorded_ones_byte_for_byte(tmp_path, code):
    cases = recorded(code)
    assert cases

    async def body(controller, client):
        for request, header, expected in cases:
            controller.routes.unregister_broker(*_identity(controller), 0)
            if expected:
                _restore(controller, expected, request.ext_fields.get("topic"))
            answer = await client.invoke_namesrv(request)
            assert (answer.code, answer.remark) == (header["code"], header.get("remark"))
            assert answer.body_bytes == expected

    with_name_server(tmp_path, body)


def _identity(controller):
    from rocketmq_ops.namesrv.route_info_manager import BrokerKey

    return BrokerKey(CLUSTER, "127.0.0.2:23976"), BROKER


def _restore(controller, answer: bytes, topic: str | None) -> None:
    """Register what a recorded answer shows."""
    from tests.namesrv.support import registration

    content = fastjson.loads(answer)
    wrapper = topics(topic or "TopicA", "TopicB")
    if topic is not None:
        queue = content["queueDatas"][0]
        config = wrapper.topic_config_table[topic]
        config.perm, config.topic_sys_flag = queue["perm"], queue["topicSysFlag"]
        config.read_queue_nums, config.write_queue_nums = queue["readQueueNums"], queue["writeQueueNums"]
    first = registration(address="127.0.0.2:23976")
    first.topics = wrapper
    controller.routes.register_broker(first)
