"""Topics over the wire: creation with the name servers, refusals, lists, deletion with queues and offsets."""

import asyncio
import json
import zlib

import pytest

from rocketmq_ops.common import state_files
from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.remoting.bodies import CreateTopicListRequestBody, RegisterBrokerBody, TopicConfig
from rocketmq_ops.remoting.client import RemotingClient
from rocketmq_ops.remoting.codes import RequestCode, ResponseCode
from rocketmq_ops.remoting.config import NettyServerConfig
from rocketmq_ops.remoting.headers import CreateTopicRequestHeader, RegisterBrokerRequestHeader
from rocketmq_ops.remoting.server import RemotingServer
from tests.broker.admin_broker import AdminBroker, make_controller, with_broker


def create(topic="T", queues=4, **fields):
    defaults = {
        "topic": topic,
        "default_topic": "TBW102",
        "read_queue_nums": queues,
        "write_queue_nums": queues,
        "perm": 6,
        "topic_filter_type": "SINGLE_TAG",
        "order": False,
    }
    return CreateTopicRequestHeader(**(defaults | fields))


def test_a_topic_is_created_changed_and_shown(tmp_path):
    async def scenario(broker):
        answer = await broker.ask(17, create("T", 6, attributes="+message.type=FIFO", topic_sys_flag=1))
        assert answer.code == 0
        shown = json.loads((await broker.ask(351, topic="T")).body_bytes)
        assert shown == {
            "attributes": {"message.type": "FIFO"},
            "order": False,
            "perm": 6,
            "readQueueNums": 6,
            "topicFilterType": "SINGLE_TAG",
            "topicName": "T",
            "topicSysFlag": 1,
            "writeQueueNums": 6,
        }
        counter = broker.controller.topics.data_version.counter
        await broker.ask(17, create("T", 2, order=True))
        assert broker.controller.topics.get("T").attributes == {"message.type": "FIFO"}
        assert broker.controller.topics.is_order_topic("T")
        assert broker.controller.topics.data_version.counter == counter + 1

    with_broker(tmp_path, scenario)


def test_the_same_topic_again_changes_nothing(tmp_path):
    async def scenario(broker):
        await broker.ask(17, create("T"))
        counter = broker.controller.topics.data_version.counter
        assert (await broker.ask(17, create("T"))).code == 0
        assert broker.controller.topics.data_version.counter == counter

    with_broker(tmp_path, scenario)


@pytest.mark.parametrize(
    ("fields", "code", "why"),
    [
        ({"topic": "bad topic"}, ResponseCode.INVALID_PARAMETER, "illegal characters"),
        ({"topic": "t" * 128}, ResponseCode.INVALID_PARAMETER, "longer"),
        ({"topic": " "}, ResponseCode.INVALID_PARAMETER, "blank"),
        ({"topic": "TBW102"}, ResponseCode.INVALID_PARAMETER, "conflict with system topic"),
        ({"topic": "T", "read_queue_nums": -1}, ResponseCode.INVALID_PARAMETER, "negative"),
        ({"topic": "T", "perm": 9}, ResponseCode.INVALID_PARAMETER, "perm 9"),
        ({"topic": "T", "attributes": "+message.type=MIXED"}, ResponseCode.INVALID_PARAMETER, "MIXED"),
        ({"topic": "T", "attributes": "+message.type=NEVER"}, ResponseCode.SYSTEM_ERROR, "not in set"),
        ({"topic": "T", "attributes": "message.type=FIFO"}, ResponseCode.SYSTEM_ERROR, "format is wrong"),
    ],
)
def test_refusals_name_the_reason(tmp_path, fields, code, why):
    async def scenario(broker):
        answer = await broker.ask(17, create(**fields))
        assert answer.code == code
        assert why in answer.remark
        assert broker.controller.topics.get("T") is None

    with_broker(tmp_path, scenario)


def test_a_missing_field_is_named(tmp_path):
    async def scenario(broker):
        answer = await broker.ask(17, topic="T", perm="6")
        assert answer.code == ResponseCode.SYSTEM_ERROR
        assert "defaultTopic" in answer.remark

    with_broker(tmp_path, scenario)


def test_a_list_is_taken_whole_or_not_at_all(tmp_path):
    def body(*names):
        return CreateTopicListRequestBody(topic_config_list=[TopicConfig(topic_name=name) for name in names]).encode()

    async def scenario(broker):
        refused = await broker.ask(RequestCode.UPDATE_AND_CREATE_TOPIC_LIST, body=body("A", "bad name"))
        assert refused.code == ResponseCode.INVALID_PARAMETER
        assert broker.controller.topics.get("A") is None
        await broker.ask(17, create("B", 16))
        assert (await broker.ask(RequestCode.UPDATE_AND_CREATE_TOPIC_LIST, body=body("B", "C"))).code == 0
        assert broker.controller.topics.get("C") is not None

    with_broker(tmp_path, scenario)


def test_deletion_takes_queues_offsets_and_pop_retry_topics_along(tmp_path):
    async def scenario(broker):
        controller = broker.controller
        await broker.ask(17, create("T"))
        for name in ("%RETRY%g+T", "%RETRY%g_T", "%RETRY%g"):
            controller.topics.create_in_send_message_back(name, 1)
        assert (await broker.send("T")).code == 0
        controller.offsets.commit("g", "T", 0, 1)
        assert controller.store.max_offset("T", 0) == 1
        assert (await broker.ask(215, topic="T")).code == 0
        assert controller.topics.get("T") is None
        assert controller.topics.get("%RETRY%g+T") is None and controller.topics.get("%RETRY%g_T") is None
        assert controller.topics.get("%RETRY%g") is not None
        assert controller.offsets.query("g", "T", 0) == -1
        assert controller.store.max_offset("T", 0) == 0
        assert controller.stats.find("TOPIC_PUT_NUMS", "T") is None
        assert (await broker.ask(351, topic="T")).code == ResponseCode.TOPIC_NOT_EXIST
        assert (await broker.ask(215, topic="TBW102")).code == ResponseCode.INVALID_PARAMETER
        assert (await broker.ask(215, topic=" ")).code == ResponseCode.INVALID_PARAMETER
        assert (await broker.send("T")).code == 0  # and it may be created again
        assert controller.store.max_offset("T", 0) == 1

    with_broker(tmp_path, scenario)


def test_a_full_disk_does_not_keep_a_topic_from_being_deleted(tmp_path, monkeypatch):
    """Deleting is how room is made: the queues go before the file is written."""

    async def scenario(broker):
        await broker.ask(17, create("T"))
        await broker.send("T")
        topics, folder = broker.controller.topics, tmp_path / "consumequeue" / "T"
        save = state_files.save_with_backup

        def refuse(path, data, files):
            assert not folder.exists()
            raise RocketMQError("cannot save topics.json: No space left on device", "free space")

        monkeypatch.setattr(state_files, "save_with_backup", refuse)
        answer = await broker.ask(215, topic="T")
        assert answer.code == ResponseCode.SYSTEM_ERROR
        assert answer.remark.startswith("deleted, but it may come back after a restart: cannot save topics.json")
        assert topics.get("T") is None and not folder.exists()
        monkeypatch.setattr(state_files, "save_with_backup", save)

    with_broker(tmp_path, scenario)
    assert "T" not in json.loads((tmp_path / "config" / "topics.json").read_text())["topicConfigTable"]


def test_queues_of_unknown_topics_are_cleaned(tmp_path):
    async def scenario(broker):
        await broker.send("Keep")
        await broker.send("Drop")
        broker.controller.topics.delete("Drop")
        offsets = broker.controller.offsets
        for topic in ("Keep", "Drop"):
            offsets.commit("G", topic, 0, 1)
        assert (await broker.ask(RequestCode.CLEAN_UNUSED_TOPIC)).code == 0
        assert {topic for topic, _ in broker.controller.store.queues.names()} == {"Keep"}
        # A topic of that name begins again at 0, and so do its groups.
        assert (offsets.query("G", "Keep", 0), offsets.query("G", "Drop", 0)) == (1, -1)

    with_broker(tmp_path, scenario)


def test_creation_is_answered_when_the_living_name_servers_know(tmp_path):
    registered: list[tuple[str, RegisterBrokerBody]] = []
    arrived = asyncio.Event()

    def take_registration(_channel, request, _header):
        fields = request.ext_fields
        registered.append((fields["brokerAddr"], RegisterBrokerBody.decode(request.body_bytes)))
        arrived.set()
        return request.reply(ext_fields={"haServerAddr": "", "masterAddr": ""})

    async def run():
        name_server = RemotingServer(NettyServerConfig(listenPort=0, bindAddress="127.0.0.1"))
        name_server.register(RequestCode.REGISTER_BROKER, None, take_registration)
        unregistered = []
        name_server.register(
            RequestCode.UNREGISTER_BROKER, None, lambda _c, request, _h: unregistered.append(1) or request.reply()
        )
        await name_server.start()
        # The second name server is dead: nothing may wait for it, nothing may fail because of it.
        controller = make_controller(tmp_path, namesrvAddr=f"127.0.0.1:{name_server.port};127.0.0.1:1")
        await controller.start()
        async with RemotingClient() as client:
            broker = AdminBroker(controller, client)
            assert "BenchmarkTest" in registered[0][1].topic_config_serialize_wrapper.topic_config_table
            assert registered[0][0] == controller.address
            assert (await broker.ask(17, create("T"))).code == 0
            latest = registered[-1][1].topic_config_serialize_wrapper
            assert list(latest.topic_config_table) == ["T"]
            assert latest.data_version.counter == controller.topics.data_version.counter
            # A producer's first send registers too, and a broker that may not be written registers so.
            arrived.clear()
            await broker.send("Auto")
            await asyncio.wait_for(arrived.wait(), 5)
            assert "Auto" in registered[-1][1].topic_config_serialize_wrapper.topic_config_table
            answer = await broker.ask(RequestCode.UPDATE_BROKER_CONFIG, body=b"brokerPermission=4\n")
            assert answer.code == 0
            table = registered[-1][1].topic_config_serialize_wrapper.topic_config_table
            assert table["T"].perm == 4 and len(table) > 10
        await controller.stop()
        assert unregistered == [1]
        await name_server.stop()

    asyncio.run(run())


def test_a_name_server_that_is_up_to_date_is_not_sent_everything_again(tmp_path):
    calls = []

    async def run():
        name_server = RemotingServer(NettyServerConfig(listenPort=0, bindAddress="127.0.0.1"))
        known = []

        def data_version(_channel, request, _header):
            calls.append("version")
            return request.reply(ext_fields={"changed": "false"}, body=known[0] if known else b"")

        def register(_channel, request, _header):
            calls.append("register")
            return request.reply()

        name_server.register(RequestCode.QUERY_DATA_VERSION, None, data_version)
        name_server.register(RequestCode.REGISTER_BROKER, None, register)
        await name_server.start()
        controller = make_controller(tmp_path, namesrvAddr=f"127.0.0.1:{name_server.port}", forceRegister=False)
        outer = controller.outer
        assert await outer.register_all() == 1
        known.append(b'{"counter":77,"stateVersion":0,"timestamp":1}')
        await outer.register_all()
        await outer.close()
        await name_server.stop()

    asyncio.run(run())
    assert calls == ["version", "version", "register"]


@pytest.mark.parametrize("compressed", [False, True])
def test_a_registration_may_be_compressed(tmp_path, compressed):
    seen = []

    def register(_channel, request, header):
        seen.append((header, request))
        return request.reply()

    async def run():
        name_server = RemotingServer(NettyServerConfig(listenPort=0, bindAddress="127.0.0.1"))
        name_server.register(RequestCode.REGISTER_BROKER, RegisterBrokerRequestHeader, register)
        await name_server.start()
        controller = make_controller(
            tmp_path, namesrvAddr=f"127.0.0.1:{name_server.port}", compressedRegister=compressed
        )
        assert await controller.outer.register_all() == 1
        await controller.outer.close()
        await name_server.stop()

    asyncio.run(run())
    ((header, request),) = seen
    assert header.compressed == compressed
    assert header.body_crc32 == zlib.crc32(request.body_bytes) & 0x7FFFFFFF
    if compressed:
        body = RegisterBrokerBody.decode_compressed(request.body_bytes, request.version)
    else:
        body = RegisterBrokerBody.decode(request.body_bytes)
    assert body.topic_config_serialize_wrapper.topic_config_table["TBW102"].perm == 7
