"""`mqadmin dev`: both servers in one process, its ready file, its store, its end."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time

import pytest

from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.mqadmin.dev_server import DevOptions, DevServer
from rocketmq_ops.remoting.bodies import ClusterInfo, TopicRouteData
from rocketmq_ops.remoting.client import RemotingClient
from rocketmq_ops.remoting.codes import RequestCode
from rocketmq_ops.remoting.command import RemotingCommand
from rocketmq_ops.remoting.headers import GetRouteInfoRequestHeader
from tests.server_process import TIMEOUT_SECONDS, environment, run


def serve(options: DevOptions, body) -> DevServer:
    async def main() -> DevServer:
        server = DevServer(options)
        await server.start()
        try:
            await body(server)
        finally:
            await server.stop()
        return server

    return asyncio.run(main())


async def clusters(server: DevServer) -> ClusterInfo:
    async with RemotingClient() as client:
        answer = await client.invoke(server.namesrv, RemotingCommand.request(RequestCode.GET_BROKER_CLUSTER_INFO))
        return ClusterInfo.decode(answer.body)


def test_a_store_in_use_is_refused_with_the_option_of_this_command(tmp_path):
    async def body(server):
        with pytest.raises(RocketMQError, match="is in use") as refused:
            await DevServer(DevOptions(store_dir=str(tmp_path))).start()
        assert "another --store-dir" in refused.value.next_step
        assert "storePathRootDir" not in refused.value.next_step

    serve(DevOptions(store_dir=str(tmp_path)), body)


def test_the_broker_is_registered_when_the_ready_file_is_there(tmp_path):
    ready_file = tmp_path / "ready.json"
    ready_file.write_text("of an earlier run")

    async def body(server):
        ready = json.loads(ready_file.read_text())
        assert ready == {"namesrv": server.namesrv, "broker": server.broker, "pid": os.getpid()}
        assert (await clusters(server)).broker_addr_table["broker-a"].broker_addrs == {0: server.broker}
        async with RemotingClient() as client:
            header = GetRouteInfoRequestHeader(topic="TBW102")
            answer = await client.invoke(
                server.namesrv, RemotingCommand.request(RequestCode.GET_ROUTEINFO_BY_TOPIC, header)
            )
            assert TopicRouteData.decode(answer.body).queue_datas[0].perm == 7

    server = serve(DevOptions(ready_file=str(ready_file)), body)
    assert not ready_file.exists()
    assert not os.path.exists(server.store_dir)


def test_a_given_store_is_kept_and_used_again(tmp_path):
    store = tmp_path / "store"

    async def body(server):
        assert (await clusters(server)).cluster_addr_table

    for _ in range(2):
        assert serve(DevOptions(store_dir=str(store)), body).store_dir == str(store)
    assert (store / "config" / "topics.json").exists()
    assert not (store / "abort").exists()


def test_a_property_file_configures_the_broker_and_stays_as_it_is(tmp_path):
    text = "brokerName=mine\nbrokerClusterName=ours\nstorePathRootDir=/nonexistent\nnamesrvAddr=192.0.2.1:9876\n"
    config = tmp_path / "broker.conf"
    config.write_text(text)

    async def body(server):
        info = await clusters(server)
        assert info.cluster_addr_table == {"ours": ["mine"]}
        async with RemotingClient() as client:
            request = RemotingCommand.request(RequestCode.UPDATE_BROKER_CONFIG, None, b"fileReservedTime=5\n")
            assert (await client.invoke(server.broker, request)).code == 0

    serve(DevOptions(config_file=str(config)), body)
    assert config.read_text() == text


def test_access_is_checked_where_the_property_file_asks_for_it(tmp_path):
    config = tmp_path / "broker.conf"
    config.write_text("authenticationEnabled=true\n")

    async def body(server):
        async with RemotingClient() as client:
            answer = await client.invoke(server.broker, RemotingCommand.request(RequestCode.GET_BROKER_CONFIG))
            assert (answer.code, answer.remark) == (16, "username cannot be null.")

    serve(DevOptions(config_file=str(config)), body)


def test_what_a_property_file_says_of_store_and_name_server_is_not_taken_and_told(tmp_path):
    config = tmp_path / "broker.conf"
    config.write_text(
        f"storePathCommitLog={tmp_path}/elsewhere\nnamesrvAddr=192.0.2.1:9876\nmapedFileSizeCommitLog=1\n"
    )

    async def body(server):
        assert len(server.warnings) == 2
        assert f"{config} line 3: configuration key 'mapedFileSizeCommitLog'" in server.warnings[0]
        assert server.warnings[1].startswith("storePathCommitLog, namesrvAddr of the property file not used")

    serve(DevOptions(config_file=str(config)), body)
    assert not (tmp_path / "elsewhere").exists()


def test_a_failed_start_leaves_nothing_behind(tmp_path):
    async def main() -> str:
        first = DevServer(DevOptions())
        await first.start()
        try:
            port = int(first.broker.rpartition(":")[2])
            second = DevServer(DevOptions(broker_port=port, ready_file=str(tmp_path / "ready.json")))
            with pytest.raises(RocketMQError, match=f"{port}"):
                await second.start()
            return second.store_dir
        finally:
            await first.stop()

    store_dir = asyncio.run(main())
    assert store_dir
    assert not os.path.exists(store_dir)
    assert not (tmp_path / "ready.json").exists()


def wait_for(path, process) -> dict:
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while not path.exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return json.loads(path.read_text())


@pytest.mark.parametrize("how", ["SIGTERM", "SIGINT", "stdin"])
def test_the_process_ends_cleanly(tmp_path, how):
    ready_file = tmp_path / "ready.json"
    line = [sys.executable, "-m", "rocketmq_ops.mqadmin", "dev", "--ready-file", str(ready_file), "--until-stdin-ends"]
    line += ["--output", "json"]
    process = subprocess.Popen(
        line,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(tmp_path),
    )
    try:
        ready = wait_for(ready_file, process)
        assert ready["pid"] == process.pid
        if how == "stdin":
            process.stdin.close()
            process.stdin = None
        else:
            process.send_signal(getattr(signal, how))
        out, err = process.communicate(timeout=TIMEOUT_SECONDS)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0, err
    assert err.count("boot success") == 2
    assert "Traceback" not in err
    document = json.loads(out)
    assert document["status"] == "ok"
    assert document["data"]["broker"] == ready["broker"]
    assert document["data"]["storeRemoved"] is True
    assert not os.path.exists(document["data"]["storeDir"])


def test_mistakes(tmp_path):
    (tmp_path / "bad.conf").write_text("flushDiskType=SOMETIMES\n")
    (tmp_path / "open.conf").write_text("aclEnable=true\n")
    (tmp_path / "two.conf").write_text("fileReservedTime=168 \ndeleteWhen=25\n")
    (tmp_path / "file").write_text("")
    for arguments, code, said in (
        (["--config", str(tmp_path / "none.conf")], 4, "no such file"),
        (["--config", str(tmp_path / "bad.conf")], 2, "ASYNC_FLUSH, SYNC_FLUSH"),
        (["--broker-port", "99999"], 2, "from 0 to 65535"),
        (["--namesrv-port", "-1"], 2, "from 0 to 65535"),
        (["--store-dir", str(tmp_path / "file" / "store")], 1, f"{tmp_path / 'file' / 'store'}: not a directory"),
        (["--ready-file", str(tmp_path / "none" / "ready")], 1, "no such file or directory"),
        (["--store-dir=~/store"], 2, "invalid path '~/store'"),
        (["--store-dir", ""], 2, "the value is empty"),
        (["--config", str(tmp_path / "open.conf")], 2, "aclEnable=true needs rocketmqHome"),
        (["--config", str(tmp_path / "two.conf")], 2, "two.conf line 2: configuration key 'deleteWhen'"),
    ):
        ran = run("mqadmin", "dev", *arguments, home=tmp_path)
        assert (ran.returncode, ran.stdout) == (code, ""), (arguments, ran.stderr)
        assert said in ran.stderr
        assert "next: " in ran.stderr and "--debug" not in ran.stderr
        assert "Traceback" not in ran.stderr
