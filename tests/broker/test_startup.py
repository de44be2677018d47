"""`mqbroker` as a process: flags, the ready line, mistakes, the end; and mqshutdown of exactly that process."""

import asyncio
import os
import re
import signal
import socket

import psutil
import pytest

from rocketmq_ops.broker.controller import BrokerController
from rocketmq_ops.broker.startup import BrokerSettings
from rocketmq_ops.common.config import override
from rocketmq_ops.common.properties import parse_properties
from rocketmq_ops.namesrv.config import NamesrvConfig
from rocketmq_ops.namesrv.controller import NamesrvController
from rocketmq_ops.remoting.client import RemotingClient
from rocketmq_ops.remoting.command import RemotingCommand
from rocketmq_ops.remoting.config import NettyServerConfig
from rocketmq_ops.remoting.errors import RemotingSendError
from tests.broker.support import send_fields
from tests.server_process import run, started


def write_config(tmp_path, **keys) -> str:
    path = tmp_path / "broker.conf"
    values = {
        "listenPort": 0,
        "bindAddress": "127.0.0.1",
        "brokerIP1": "127.0.0.1",
        "brokerName": "broker-a",
        "storePathRootDir": tmp_path / "store",
        **keys,
    }
    path.write_text("".join(f"{key}={value}\n" for key, value in values.items()))
    return str(path)


def test_start_register_and_shutdown(tmp_path):
    (tmp_path / "ns.conf").write_text(f"listenPort=0\nbindAddress=127.0.0.1\nkvConfigPath={tmp_path}/kv.json\n")
    with started("mqnamesrv", "-c", str(tmp_path / "ns.conf"), home=tmp_path) as namesrv:
        address = namesrv.boot_line.partition("address ")[2].partition(",")[0]
        with started("mqbroker", "-c", write_config(tmp_path), "-n", address, home=tmp_path) as broker:
            pattern = (
                r"The broker\[broker-a, 127\.0\.0\.1:(\d+)\] boot success\. serializeType=JSON "
                r"and name server is ([0-9.:]+), ready in \d+ ms"
            )
            found = re.fullmatch(pattern, broker.boot_line)
            assert found, broker.boot_line
            assert found[2] == address
            for port in (int(found[1]), int(found[1]) - 2):
                socket.create_connection(("127.0.0.1", port), 5).close()
            second = run("mqbroker", "-c", write_config(tmp_path), home=tmp_path)
            assert second.returncode == 1
            assert f"in use by mqbroker (process {broker.pid})" in second.stderr
            assert "Traceback" not in second.stderr
            shutdown = run("mqshutdown", "broker", "--pid", str(broker.pid), home=tmp_path)
            assert shutdown.returncode == 0, shutdown
            assert f"mqbroker {broker.pid} has stopped" in shutdown.stdout
            code, out, err = broker.wait()
            assert code == 0, err
            assert "Traceback" not in err
            uses = rf"memory: \d+ MB of its own now, .*; disk: {tmp_path}/store, .*commitlog files of 1 GiB kept 72 h, .*\n"
            assert re.fullmatch(uses, out), out
        wrong_role = run("mqshutdown", "broker", "--pid", str(namesrv.pid), home=tmp_path)
        assert wrong_role.returncode == 1
        assert namesrv.process.poll() is None
        _, _, log = namesrv.end()
        assert "broker-a" in log
        assert "unregistered" in log
    assert not (tmp_path / "store" / "abort").exists()
    assert (tmp_path / "store" / "config" / "topics.json").stat().st_size > 0


def test_print_configuration(tmp_path):
    config = write_config(tmp_path, mapedFileSizeCommitLog=67108864, maxHashSlotNum=100)
    words = ("maxHashSlotNum=200", "-n", "h:1;g:2", "maxIndexNum=500")
    printed = run("mqbroker", "-c", config, *words, "-p", home=tmp_path)
    shown = parse_properties(printed.stdout)
    assert shown["mappedFileSizeCommitLog"] == "1073741824"
    assert "line 6: configuration key 'mapedFileSizeCommitLog'" in printed.stderr
    assert (shown["maxHashSlotNum"], shown["maxIndexNum"]) == ("200", "500")
    assert shown["namesrvAddr"] == "h:1;g:2"
    assert shown["brokerConfigPath"] == config
    assert not (tmp_path / "store").exists()
    important = parse_properties(run("mqbroker", "-m", home=tmp_path).stdout)
    assert important["listenPort"] == "10911"
    assert important["storePathRootDir"] == f"{tmp_path}/store"
    assert "sendMessageThreadPoolNums" not in important


def test_mistakes_are_one_line_and_an_exit_code(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        me = f"{psutil.Process().name()} (process {os.getpid()})"
        (tmp_path / "file").write_text("")
        for keys, more, code, words in (
            ({"flushDiskType": "SYNC"}, (), 2, ["flushDiskType", "'SYNC'", "ASYNC_FLUSH, SYNC_FLUSH"]),
            (
                {"brokerRole": "SLAVE", "brokerId": 0},
                (),
                2,
                ["brokerRole=SLAVE with brokerId=0", "the master's id", "an id above 0"],
            ),
            (
                {"aclEnable": "true"},
                (),
                2,
                ["aclEnable=true needs rocketmqHome", "ROCKETMQ_HOME", "conf/plain_acl.yml"],
            ),
            ({"initAuthenticationUser": "me"}, (), 2, ["initAuthenticationUser is not the JSON object"]),
            (
                {"tls.server.certPath": "/no", "tls.server.keyPath": "/no"},
                (),
                1,
                ["cannot use the certificate /no with"],
            ),
            ({"tls.config.file": "/no.properties"}, (), 2, ["tls.config.file: /no.properties does not exist"]),
            ({}, ("authorizationEnabled=true",), 2, ["would believe every name", "authenticationEnabled=true"]),
            ({"brokerName": ""}, (), 2, ["line 4: ", "brokerName"]),
            ({"deleteWhen": 25}, (), 2, ["line 6: ", "deleteWhen", "'25'", "hours from 00 to 23"]),
            ({"brokerIP1": "no..host"}, (), 2, ["brokerIP1", "no..host", "cannot be resolved"]),
            ({}, ("-n", "nowhere"), 2, ["'nowhere'", "HOST:PORT"]),
            ({"listenPort": port}, (), 1, [f"127.0.0.1:{port}", f"in use by {me}", "another port"]),
            ({"storePathRootDir": tmp_path / "file" / "store"}, (), 1, [str(tmp_path / "file")]),
        ):
            ended = run("mqbroker", "-c", write_config(tmp_path, **keys), *more, home=tmp_path)
            assert ended.returncode == code, ended
            assert ended.stdout == ""
            lines = [line for line in ended.stderr.splitlines() if line.startswith("mqbroker: ")]
            assert len(lines) == 1, ended.stderr
            assert all(word in lines[0] for word in words), ended.stderr
            assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    ("listen", "ha", "expected"), [(10911, 0, 10912), (20911, 0, 20912), (20911, 30000, 30000), (0, 0, 0)]
)
def test_the_ha_port_follows_the_listen_port(listen, ha, expected):
    settings = BrokerSettings.default()
    settings.server.listenPort, settings.store.haListenPort = listen, ha
    settings.check()
    assert settings.store.haListenPort == expected


def test_a_store_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "file").touch()
    ended = run("mqbroker", f"storePathRootDir={tmp_path / 'file'}", home=tmp_path)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert (
        ended.stderr == f"mqbroker: storePathRootDir: {tmp_path / 'file'} is a file; give a folder; it is made "
        "when it is not there\n"
    )


def test_a_master_has_id_0(tmp_path):
    settings = BrokerSettings.default()
    settings.broker.brokerId = 3
    assert "brokerId=3 is ignored" in settings.check()[0]
    assert settings.broker.brokerId == 0
    assert settings.check() == []
    shown = run("mqbroker", "-c", write_config(tmp_path, brokerId=1), "-p", home=tmp_path)
    assert shown.returncode == 0
    assert shown.stderr.startswith("mqbroker: brokerId=1 is ignored, as by Apache")


@pytest.mark.parametrize(
    ("words", "advertised", "said"),
    [
        (["bindAddress=127.0.0.1"], ("127.0.0.1", "127.0.0.1"), []),
        (
            ["bindAddress=localhost", "brokerIP1=10.0.0.5"],
            ("10.0.0.5", "localhost"),
            ["brokerIP1=10.0.0.5 sends clients"],
        ),
        (
            ["bindAddress=127.0.0.1", "brokerIP2=10.0.0.5"],
            ("127.0.0.1", "10.0.0.5"),
            ["brokerIP2=10.0.0.5 sends slaves"],
        ),
        (["bindAddress=10.0.0.1", "brokerIP1=192.0.2.7"], ("192.0.2.7", "10.0.0.1"), []),
        (["bindAddress=0.0.0.0"], None, []),
        (["bindAddress=::"], None, []),
    ],
)
def test_the_one_address_that_is_listened_on_is_advertised(words, advertised, said):
    settings = BrokerSettings.default()
    settings.override([*words, "brokerName=a"])
    notes = settings.check()
    default = BrokerSettings.default().broker
    expected = advertised or (default.brokerIP1, default.brokerIP2)
    assert (settings.broker.brokerIP1, settings.broker.brokerIP2) == expected
    assert len(notes) == len(said) and all(text in note for text, note in zip(said, notes, strict=True))


def test_a_copied_file_starts_and_says_what_it_does_not_do(tmp_path):
    # Such files circulate: keys of RocketMQ 3.0, of another spelling and another case.
    file = tmp_path / "copied.properties"
    file.write_text(
        "# 从博客复制来的配置\nbrokerName=broker-a\nbrokerId=0\nbrokerIP1=127.0.0.1\nbindAddress=127.0.0.1\nlistenPort=0\n"
        "deletewhen=04\nfileReservedTime=48\nmapedFileSizeCommitLog=1073741824\nmapedFileSizeConsumeQueue=300000\n"
        f"storePathRootDir={tmp_path}/store\nstorePathCommitLog={tmp_path}/store/commitlog\n"
        f"storePathConsumeQueue={tmp_path}/store/consumequeue\nstorePathIndex={tmp_path}/store/index\n"
        f"storeCheckpoint={tmp_path}/store/checkpoint\nabortFile={tmp_path}/store/abort\n"
        "checkTransactionMessageEnable=false\ndiskMaxUsedSpaceRatio=88\nbrokerRole=ASYNC_MASTER\n"
    )
    with started("mqbroker", "-c", str(file), home=tmp_path) as broker:
        _, _, err = broker.end()
    lines = [line for line in err.splitlines() if line.startswith("mqbroker: ")]
    ignored = {
        7: "deletewhen",
        9: "mapedFileSizeCommitLog",
        10: "mapedFileSizeConsumeQueue",
        13: "storePathConsumeQueue",
        14: "storePathIndex",
        15: "storeCheckpoint",
        16: "abortFile",
        17: "checkTransactionMessageEnable",
    }
    assert len(lines) == len(ignored)
    for line, (number, key) in zip(lines, ignored.items(), strict=True):
        assert line.startswith(f"mqbroker: {file} line {number}: configuration key '{key}' does not exist: "), line
        assert "did you mean" not in line


def test_all_mistakes_of_a_file_have_a_line_each(tmp_path):
    config = write_config(tmp_path, storePathCommitLog="${storePathRootDir}/commitlog", fileReservedTime="168 ")
    ended = run("mqbroker", "-c", config, home=tmp_path)
    assert ended.returncode == 2
    lines = ended.stderr.splitlines()
    assert [line.partition(": configuration")[0] for line in lines] == [
        f"mqbroker: {config} line 6",
        f"mqbroker: {config} line 7",
    ]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["broker.conf"]


def test_a_host_name_is_announced_and_messages_carry_its_address(tmp_path):
    for host, announced, numeric in (
        ("localhost", "localhost", "127.0.0.1"),
        ("::ffff:127.0.0.1", "[::ffff:127.0.0.1]", "127.0.0.1"),
    ):
        settings = BrokerSettings.default()
        settings.load(write_config(tmp_path, brokerIP1=host))
        broker = BrokerController(settings.broker, settings.store, settings.server, settings.client)
        port = settings.server.listenPort
        assert broker.address == f"{announced}:{port}"
        assert broker.store_host == (numeric, port)
        assert len(broker.store.commit_log.store_host) == 8


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="no IPv6 here")
def test_the_address_of_all_serves_ipv4_on_both_ports(tmp_path):
    with started("mqbroker", "-c", write_config(tmp_path, bindAddress="::"), home=tmp_path) as broker:
        port = int(re.search(r"127\.0\.0\.1:(\d+)\]", broker.boot_line)[1])
        for each in (port, port - 2):
            socket.create_connection(("127.0.0.1", each), 5).close()
        code, _, err = broker.end()
    assert code == 0, err


def test_a_name_server_that_comes_later_learns_of_the_broker_soon(tmp_path, monkeypatch):
    monkeypatch.setattr("rocketmq_ops.broker.out.registration.RETRY_INTERVAL_MS", 20)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]

    async def run_both():
        settings = BrokerSettings.default()
        settings.load(write_config(tmp_path))
        settings.broker.namesrvAddr = f"127.0.0.1:{port}"
        broker = BrokerController(settings.broker, settings.store, settings.server, settings.client)
        config = NamesrvConfig(kvConfigPath=str(tmp_path / "kv.json"))
        namesrv = NamesrvController(config, NettyServerConfig(bindAddress="127.0.0.1", listenPort=port))
        registered = asyncio.Event()
        take = namesrv.routes.register_broker
        namesrv.routes.register_broker = lambda registration: registered.set() or take(registration)
        await broker.start()
        await namesrv.start()
        try:
            await asyncio.wait_for(registered.wait(), 20)
            assert namesrv.routes.brokers["broker-a"].broker_addrs == {0: broker.address}
        finally:
            await broker.stop()
            await namesrv.stop()

    asyncio.run(run_both())


@pytest.mark.parametrize(
    ("guard", "said"),
    [
        ({"aclEnable": "true"}, "knows no access, as"),
        ({"authenticationEnabled": "true"}, "knows no access, as"),
        ({"tls.server.mode": "enforcing"}, "takes connections without TLS, as"),
        (
            {"aclEnable": "true", "tls.server.mode": "enforcing"},
            "knows no access and takes connections without TLS, as",
        ),
    ],
    ids=["4.x", "5.x", "TLS", "both"],
)
def test_an_unguarded_port_of_replication_beside_guarded_ones_is_said(guard, said):
    def notes(**more):
        settings = BrokerSettings.default()
        override([f"{key}={value}" for key, value in {**guard, **more}.items()], settings.fed())
        return [note for note in settings.check() if note.startswith("haListenPort=10912 ")]

    (note,) = notes()
    assert said in note and "haAllowedAddresses" in note
    assert notes(haAllowedAddresses="10.0.0.2") == []
    assert notes(bindAddress="127.0.0.1") == notes(bindAddress="::1") == []
    enforced = notes(**{"tls.ha.mode": "enforcing"})
    assert enforced == [] if "access" not in said else "without TLS" not in enforced[0]
    own = {"tls.server.certPath": "a.pem", "tls.server.keyPath": "a.key", "tls.server.authClient": "true"}
    certificates = own | {"tls.ha.mode": "enforcing", "tls.server.need.client.auth": "require"}
    assert notes(**certificates) == []


def test_nothing_is_said_of_replication_where_nothing_is_guarded():
    assert BrokerSettings.default().check() == []


def test_the_end_by_a_file_that_was_cut_short_is_told(tmp_path):
    """A mapping that leads behind the end of its file is SIGBUS, which nothing in the process can answer."""

    async def send(address):
        async with RemotingClient() as client:
            await client.invoke(address, RemotingCommand.request(310, ext_fields=send_fields("T"), body=b"x"), 60_000)

    with started("mqbroker", "-c", write_config(tmp_path), home=tmp_path) as broker:
        address = re.search(r"127\.0\.0\.1:\d+", broker.boot_line)[0]
        asyncio.run(send(address))
        os.truncate(tmp_path / "store" / "commitlog" / f"{0:020}", 0)
        with pytest.raises(RemotingSendError):
            asyncio.run(send(address))
        code, _, err = broker.wait()
    assert code == -signal.SIGBUS
    assert "Fatal Python error: Bus error" in err and "in put" in err
