"""The life of a broker: ports, registration, files, and what stopping it does to those who wait."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from pathlib import Path

import pytest

from rocketmq_ops.broker.controller import VIP_PORT_DISTANCE
from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.common.state_files import StateFileWriter
from rocketmq_ops.namesrv.config import NamesrvConfig
from rocketmq_ops.namesrv.controller import NamesrvController
from rocketmq_ops.remoting.bodies import TopicRouteData
from rocketmq_ops.remoting.client import RemotingClient
from rocketmq_ops.remoting.codes import RequestCode, ResponseCode
from rocketmq_ops.remoting.command import RemotingCommand
from rocketmq_ops.remoting.config import NettyClientConfig, NettyServerConfig
from rocketmq_ops.remoting.errors import RemotingConnectError
from rocketmq_ops.store.files.filesystem import OsStoreFile
from tests.broker.support import Session, new_broker, run, running, send_fields, until


def test_vip_port_serves_too(tmp_path: Path) -> None:
    async def body(session: Session) -> None:
        port = session.broker.server_config.listenPort
        assert session.broker.address == f"127.0.0.1:{port}"
        vip = f"127.0.0.1:{port - VIP_PORT_DISTANCE}"
        command = RemotingCommand.request(RequestCode.SEND_MESSAGE_V2, ext_fields=send_fields("T"), body=b"x")
        answer = await session.client.invoke(vip, command)
        assert answer.code == 0 and answer.ext_fields["msgId"][8:16] == f"{port:08X}"

    run(tmp_path, body)


def test_taken_port_is_told_and_leaves_nothing_behind(tmp_path: Path) -> None:
    async def main() -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1] + VIP_PORT_DISTANCE
            broker = new_broker(tmp_path, listenPort=port)
            with pytest.raises(RemotingConnectError, match=str(port - VIP_PORT_DISTANCE)):
                await broker.start()
        again = new_broker(tmp_path, listenPort=port)
        await again.start()
        await again.stop()

    asyncio.run(main())


def test_registers_while_it_runs(tmp_path: Path) -> None:
    async def main() -> None:
        name_server = NamesrvController(
            NamesrvConfig(kvConfigPath=str(tmp_path / "kv.json")), NettyServerConfig(bindAddress="127.0.0.1")
        )
        await name_server.start()
        client = RemotingClient(NettyClientConfig())
        asked: list[int] = []
        name_server.server.before_request = lambda _, request: asked.append(request.code)

        async def route(topic: str) -> RemotingCommand:
            command = RemotingCommand.request(RequestCode.GET_ROUTEINFO_BY_TOPIC, ext_fields={"topic": topic})
            return await client.invoke(name_server.address, command)

        async with running(tmp_path / "store", namesrvAddr=name_server.address) as session:
            data = TopicRouteData.decode((await route("TBW102")).body)
            assert data.broker_datas[0].broker_addrs == {0: session.broker.address}
            await session.send("New")
            while (answer := await route("New")).code != ResponseCode.SUCCESS:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            assert TopicRouteData.decode(answer.body).queue_datas[0].write_queue_nums == 4
        assert (await route("New")).code == ResponseCode.TOPIC_NOT_EXIST
        assert RequestCode.UNREGISTER_BROKER in asked, "it says so, and does not leave it to its closed connection"
        await client.close()
        await name_server.stop()

    asyncio.run(main())


def test_sends_under_way_are_answered_when_the_broker_stops(tmp_path: Path) -> None:
    async def main() -> None:
        broker = new_broker(tmp_path, flushDiskType="SYNC_FLUSH")
        await broker.start()
        client = RemotingClient(NettyClientConfig())
        session = Session(broker, client)
        await session.send("T")
        sends = [asyncio.ensure_future(session.send("T", b"%d" % i)) for i in range(20)]
        await until(lambda: broker.store.stats.put_messages >= 2)
        stopping = asyncio.ensure_future(broker.stop())
        answers = await asyncio.gather(*sends)
        await stopping
        await client.close()
        accepted = sum(answer.code == ResponseCode.SUCCESS for answer in answers)
        assert {answer.code for answer in answers} <= {ResponseCode.SUCCESS, ResponseCode.SERVICE_NOT_AVAILABLE}
        async with running(tmp_path) as again:
            assert again.broker.store.max_offset("T", 0) == 1 + accepted

    asyncio.run(main())


def test_a_send_that_waits_for_the_disk_is_answered_before_the_broker_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk, syncing = threading.Event(), threading.Event()
    sync = OsStoreFile.sync

    def slow(file: OsStoreFile) -> None:
        syncing.set()
        assert disk.wait(10)
        sync(file)

    async def main() -> None:
        broker = new_broker(tmp_path, flushDiskType="SYNC_FLUSH")
        await broker.start()
        client = RemotingClient(NettyClientConfig())
        session = Session(broker, client)
        await session.send("T")
        monkeypatch.setattr(OsStoreFile, "sync", slow)
        waiting = asyncio.ensure_future(session.send("T"))
        await until(syncing.is_set)
        stopping = asyncio.ensure_future(broker.stop())
        try:
            await until(lambda: broker.server.before_request is not None)
            late = await session.send("T")
        finally:
            disk.set()
        assert (await waiting).code == ResponseCode.SUCCESS
        assert late.code == ResponseCode.SERVICE_NOT_AVAILABLE
        await stopping
        await client.close()

    asyncio.run(main())


def test_state_is_written_while_it_runs(tmp_path: Path) -> None:
    async def body(session: Session) -> None:
        session.broker.offsets.commit("g", "T", 0, 5)
        path = tmp_path / "config" / "consumerOffset.json"
        await until(path.exists)
        await until(lambda: '"T@g"' in path.read_text())

    run(tmp_path, body, flushConsumerOffsetInterval=20)


def test_a_file_that_cannot_be_written_is_tried_again(tmp_path: Path) -> None:
    async def main() -> None:
        broker = new_broker(tmp_path / "store")
        (tmp_path / "store").write_text("a file where the folder should be")
        files = StateFileWriter()
        broker.offsets.commit("g", "T", 0, 5)
        files.save(broker.offsets)
        await files.wait()
        (tmp_path / "store").unlink()
        await files.save(broker.offsets)
        text = (tmp_path / "store" / "config" / "consumerOffset.json").read_text()
        assert '"T@g"' in text
        assert not broker.offsets.is_dirty

    asyncio.run(main())


def test_one_file_that_cannot_be_saved_at_the_stop_costs_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        broker = new_broker(tmp_path)
        await broker.start()
        broker.offsets.commit("g", "T", 0, 5)

        def refuse() -> None:
            raise RocketMQError("cannot save topics.json: No space left on device", "free space")

        monkeypatch.setattr(broker.topics, "persist", refuse)
        with pytest.raises(RocketMQError, match=r"topics\.json"):
            await broker.stop()

    asyncio.run(main())
    assert '"T@g"' in (tmp_path / "config" / "consumerOffset.json").read_text()


def test_stop_and_start_again(tmp_path: Path) -> None:
    async def body(session: Session) -> None:
        await session.send("T", b"one", 1)

    async def again(session: Session) -> None:
        assert (await session.send("T", b"two", 1)).ext_fields["queueOffset"] == "1"
        assert json.loads((tmp_path / "config" / "topics.json").read_text())["topicConfigTable"]["T"]["perm"] == 6

    run(tmp_path, body)
    assert not (tmp_path / "abort").exists()
    run(tmp_path, again)
