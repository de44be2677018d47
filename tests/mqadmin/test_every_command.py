"""Every first command in every output form, when all is well and when a server is gone: codes, documents, no stack."""

from __future__ import annotations

import csv
import io
import json
import re
import socket
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from rocketmq_ops.mqadmin import main as mqadmin
from rocketmq_ops.mqadmin import registry
from rocketmq_ops.mqadmin.exit_codes import ExitCode, PluginCode
from rocketmq_ops.pytest_plugin import RocketMQBroker, rocketmq_server
from rocketmq_ops.remoting.codes import ResponseCode
from rocketmq_ops.remoting.command import RemotingCommand
from tests.mqadmin.conftest import Cli, Ran
from tests.mqadmin.fake_cluster import FakeCluster
from tests.mqadmin.json_schema import problems, schema_of
from tests.mqadmin.replay import FakeTransport
from tests.mqadmin.rocksdb_folders import rocksdb_config
from tests.mqadmin.test_declarations import DECLARED, built, declaration

FORMS = ("table", "wide", "json", "yaml", "csv", "name")
CLUSTER = ["-c", "DefaultCluster"]
MISSING_ID = "7F0000010000000100000000000000E8"

FILES = Path(__file__).parent / "files"
BROKER = "{broker}"  # stands for the address of the broker
ROCKSDB = "{rocksdb}"  # stands for a folder with configuration in RocksDB

#: Each command, and its code where there is nothing to show or to do (None: it succeeds).
LINES: dict[str, tuple[list[str], ExitCode | None]] = {
    "clusterList": ([], None),
    "topicList": ([], None),
    "topicRoute": (["-t", "T"], None),
    "topicStatus": (["-t", "T"], None),
    "topicClusterList": (["-t", "T"], None),
    "updateTopic": ([*CLUSTER, "-t", "T", "-r", "4"], None),
    "updateTopicList": ([*CLUSTER, "-f", str(FILES / "topics.json")], None),
    "updateStaticTopic": ([*CLUSTER, "-t", "Static", "-qn", "4"], ExitCode.UNSUPPORTED),
    "remappingStaticTopic": ([*CLUSTER, "-t", "Static"], ExitCode.NOT_FOUND),
    "updateOrderConf": (["-t", "T", "-m", "put", "-v", "broker-a:4"], None),
    "allocateMQ": (["-t", "T", "-i", "a,b"], None),
    "updateTopicPerm": ([*CLUSTER, "-t", "T", "-p", "6"], None),
    "updateSubGroup": ([*CLUSTER, "-g", "G"], None),
    "updateSubGroupList": ([*CLUSTER, "-f", str(FILES / "groups.json")], None),
    "getConsumerConfig": (["-g", "G"], None),
    "setConsumeMode": ([*CLUSTER, "-t", "T", "-g", "G", "-m", "PULL"], None),
    "cloneGroupOffset": (["-s", "G", "-d", "G2", "-t", "T"], None),
    "producer": (["-b", BROKER], None),
    "resetOffsetByTime": (["-g", "G", "-t", "T", "-s", "0"], None),
    "skipAccumulatedMessage": (["-g", "G", "-t", "T"], None),
    "consumerProgress": (["-g", "G", "-t", "T"], None),
    "startMonitoring": (["--rounds", "1"], None),
    "consumerStatus": (["-g", "G"], ExitCode.NOT_FOUND),
    "consumerConnection": (["-g", "G"], ExitCode.NOT_FOUND),
    "producerConnection": (["-g", "P", "-t", "T"], ExitCode.NOT_FOUND),
    "brokerStatus": (CLUSTER, None),
    "statsAll": ([], None),
    "clusterRT": (["-a", "2"], None),
    "brokerConsumeStats": (["-b", BROKER], None),
    "sendMsgStatus": (["-b", "broker-a", "-c", "2"], None),
    "checkMsgSendRT": (["-t", "T", "-a", "2"], None),
    "exportConfigs": ([*CLUSTER, "-f", "."], None),
    "exportMetadata": ([*CLUSTER, "-f", "."], None),
    "exportMetrics": ([*CLUSTER, "-f", "."], None),
    "cleanExpiredCQ": (CLUSTER, None),
    "cleanUnusedTopic": (CLUSTER, None),
    "deleteExpiredCommitLog": ([], None),
    "resetMasterFlushOffset": (["-b", BROKER, "-o", "0"], ExitCode.NO_EFFECT),
    "switchTimerEngine": ([*CLUSTER, "-e", "R"], ExitCode.UNSUPPORTED),
    "getBrokerConfig": (CLUSTER, None),
    "updateBrokerConfig": ([*CLUSTER, "-k", "fileReservedTime", "-v", "71"], None),
    "getNamesrvConfig": ([], None),
    "updateNamesrvConfig": (["-k", "orderMessageEnable", "-v", "true"], None),
    "queryMsgById": (["-t", "T", "-i", MISSING_ID], ExitCode.NOT_FOUND),
    "queryMsgByKey": (["-t", "T", "-k", "key"], None),
    "queryMsgByUniqueKey": (["-t", "T", "-i", "NOSUCHKEY"], ExitCode.NOT_FOUND),
    "queryMsgByOffset": (["-t", "T", "-b", "broker-a", "-i", "0", "-o", "0"], None),
    "queryCq": (["-t", "T", "-q", "0", "-i", "0"], None),
    "queryMsgTraceById": (["-i", "NOSUCHKEY"], ExitCode.NOT_FOUND),
    "printMsgByQueue": (["-t", "T", "-a", "broker-a", "-i", "0"], None),
    "exportMetadataInRocksDB": (["-p", ROCKSDB, "-t", "topics"], None),
    "rocksDBConfigToJson": (CLUSTER, None),
    "exportPopRecord": (CLUSTER, None),
    "checkRocksdbCqWriteProgress": (CLUSTER, ExitCode.UNSUPPORTED),
    "dumpCompactionLog": (["-f", str(FILES / "compaction-log")], None),
    "printMsg": (["-t", "T"], None),
    "sendMessage": (["-t", "T", "-p", "body", "-b", "broker-a", "-i", "0"], None),
    "consumeMessage": (["-t", "T"], None),
    "wipeWritePerm": (["-b", "broker-a"], None),
    "addWritePerm": (["-b", "broker-a"], None),
    "updateKvConfig": (["-s", "N", "-k", "k", "-v", "v"], None),
    "deleteKvConfig": (["-s", "N", "-k", "nothing"], ExitCode.NO_EFFECT),
    "deleteSubGroup": ([*CLUSTER, "-g", "Nobody"], ExitCode.NO_EFFECT),
    "deleteTopic": ([*CLUSTER, "-t", "Nothing"], ExitCode.NO_EFFECT),
}
#: Commands that read files of this machine, and ask no server.
LOCAL = {"dumpCompactionLog", "exportMetadataInRocksDB"}

UNSUPPORTED = ExitCode.UNSUPPORTED
# What our broker does not serve: against Apache's servers in tests/interop.
LINES |= {
    "haStatus": (CLUSTER, None),
    "getSyncStateSet": (["-a", BROKER, "-b", "broker-a"], UNSUPPORTED),
    "getBrokerEpoch": (["-b", "broker-a"], UNSUPPORTED),
    "getControllerMetaData": (["-a", BROKER], UNSUPPORTED),
    "getControllerConfig": (["-a", BROKER], UNSUPPORTED),
    "updateControllerConfig": (["-a", BROKER, "-k", "notifyBrokerRoleChanged", "-v", "true"], UNSUPPORTED),
    "electMaster": (["-a", BROKER, *CLUSTER, "-bn", "broker-a", "-b", "1"], UNSUPPORTED),
    "cleanBrokerMetadata": (["-a", BROKER, *CLUSTER, "-bn", "broker-a"], UNSUPPORTED),
    "addBroker": (["-c", BROKER, "-b", "/etc/broker.conf"], UNSUPPORTED),
    "removeBroker": (["-c", BROKER, "-b", "DefaultCluster:broker-a:0"], UNSUPPORTED),
    "getColdDataFlowCtrInfo": (CLUSTER, UNSUPPORTED),
    "updateColdDataFlowCtrGroupConfig": ([*CLUSTER, "-g", "G", "-v", "1024"], UNSUPPORTED),
    "removeColdDataFlowCtrGroupConfig": ([*CLUSTER, "-g", "G"], UNSUPPORTED),
    "setCommitLogReadAheadMode": ([*CLUSTER, "-m", "1"], UNSUPPORTED),
    "createUser": ([*CLUSTER, "-u", "alice", "-p", "secret"], UNSUPPORTED),
    "updateUser": ([*CLUSTER, "-u", "alice", "-s", "disable"], UNSUPPORTED),
    "deleteUser": ([*CLUSTER, "-u", "alice"], UNSUPPORTED),
    "getUser": ([*CLUSTER, "-u", "alice"], UNSUPPORTED),
    "listUser": (CLUSTER, UNSUPPORTED),
    "copyUser": (["-f", BROKER, "-t", BROKER], UNSUPPORTED),
    "createAcl": ([*CLUSTER, "-s", "User:alice", "-r", "Topic:T", "-a", "Pub", "-d", "Allow"], UNSUPPORTED),
    "updateAcl": ([*CLUSTER, "-s", "User:alice", "-r", "Topic:T", "-a", "Pub", "-d", "Deny"], UNSUPPORTED),
    "deleteAcl": ([*CLUSTER, "-s", "User:alice"], UNSUPPORTED),
    "getAcl": ([*CLUSTER, "-s", "User:alice"], UNSUPPORTED),
    "listAcl": (CLUSTER, UNSUPPORTED),
    "copyAcl": (["-f", BROKER, "-t", BROKER], UNSUPPORTED),
    "updateAclConfig": ([*CLUSTER, "-a", "operator", "-s", "12345678"], UNSUPPORTED),
    "deleteAclConfig": ([*CLUSTER, "-a", "operator"], UNSUPPORTED),
    "clusterAclConfigVersion": (CLUSTER, UNSUPPORTED),
    "updateGlobalWhiteAddr": ([*CLUSTER, "-g", "10.0.0.*"], UNSUPPORTED),
    "getAclConfig": (CLUSTER, UNSUPPORTED),
    "getBrokerLiteInfo": (CLUSTER, UNSUPPORTED),
    "getParentTopicInfo": (["-p", "T"], UNSUPPORTED),
    "getLiteTopicInfo": (["-p", "T", "-l", "lite"], UNSUPPORTED),
    "getLiteClientInfo": (["-p", "T", "-g", "G", "-c", "client"], UNSUPPORTED),
    "getLiteGroupInfo": (["-p", "T", "-g", "G"], UNSUPPORTED),
    "triggerLiteDispatch": (["-p", "T", "-g", "G"], UNSUPPORTED),
}
ASKING = sorted(set(LINES) - LOCAL)
#: Commands that have nothing to show of a broker without clients.
EMPTY = {"producer"}

#: Commands that name servers alone answer.
NAMESRV_ONLY = {"topicList", "topicRoute", "topicClusterList", "getNamesrvConfig", "updateNamesrvConfig"}
NAMESRV_ONLY |= {"updateOrderConf", "allocateMQ"}
NAMESRV_ONLY |= {"wipeWritePerm", "addWritePerm", "updateKvConfig", "deleteKvConfig"}


def line_of(name: str, broker: str) -> list[str]:
    """The command and its options, where the broker is at this address."""
    stands_for = {BROKER: lambda: broker, ROCKSDB: lambda: str(rocksdb_config("5.5.0"))}
    return [name, *(stands_for.get(word, lambda word=word: word)() for word in LINES[name][0])]


@pytest.fixture(autouse=True)
def _scratch(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Exports and saved mappings are written there."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


class Shell(NamedTuple):
    """Runs command lines in this process over real connections."""

    capsys: pytest.CaptureFixture[str]

    def __call__(self, *arguments: str) -> Ran:
        code = mqadmin.run(list(arguments))
        captured = self.capsys.readouterr()
        return Ran(code, captured.out, captured.err)


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(capsys)


@pytest.fixture(scope="module")
def pair() -> Iterator[RocketMQBroker]:
    with rocketmq_server() as server:
        for line in (
            ["updateTopic", "-b", server.broker, "-t", "T", "-r", "4", "-w", "4"],
            ["updateSubGroup", "-b", server.broker, "-g", "G"],
            ["sendMessage", "-t", "T", "-p", "one", "-k", "key", "-b", "broker-a", "-i", "0"],
            ["skipAccumulatedMessage", "-g", "G", "-t", "T"],
        ):
            assert mqadmin.run([*line, "-n", server.namesrv]) == 0
        yield server


@pytest.fixture
def dead() -> str:
    """An address where nothing listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{taken.getsockname()[1]}"


@pytest.fixture(scope="module")
def silent() -> Iterator[str]:
    """An address that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        held: list[socket.socket] = []

        def accept() -> None:
            while True:
                try:
                    held.append(server.accept()[0])
                except OSError:
                    return

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield f"127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)
        thread.join()
        for connection in held:
            connection.close()


def parsed(name: str, form: str, out: str) -> Any:
    """The document on stdout, checked for its form."""
    if form in ("json", "yaml"):
        document = json.loads(out) if form == "json" else yaml.safe_load(out)
        assert list(document) == ["command", "schemaVersion", "status", "data", "errors", "notes"]
        assert document["command"] == name
        assert not problems(document, schema_of(name))
        return document
    if form == "csv":
        rows = list(csv.reader(io.StringIO(out)))
        assert len({len(row) for row in rows}) <= 1, "every row has the columns of the header"
    return None


def failed(name: str, form: str, ran: Ran, code: ExitCode) -> None:
    """A failure has its code, cause and next step, and one document in JSON and YAML."""
    assert ran.code == code, (name, ran.err)
    assert ran.err.startswith(f"mqadmin {name}: ")
    assert "\n  next: " in ran.err
    assert "Traceback" not in ran.err and "--debug" not in ran.err
    if form in ("json", "yaml"):
        document = parsed(name, form, ran.out)
        assert (document["status"], document["data"]) == ("failed", None)
        assert document["errors"][0]["cause"] and document["errors"][0]["nextStep"]
    else:
        assert ran.out == "", "nothing that could be taken for an empty result"


def test_the_list_is_complete() -> None:
    """Of Apache's commands; those of our own have tests of their own."""
    assert set(LINES) == {entry.name for entry in DECLARED}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", LINES)
def test_on_our_own_pair(name: str, form: str, pair: RocketMQBroker, shell: Shell) -> None:
    code = LINES[name][1]
    ran = shell(*line_of(name, pair.broker), "-n", pair.namesrv, "--output", form)
    if code in (ExitCode.NOT_FOUND, UNSUPPORTED):
        failed(name, form, ran, code)
        if code is UNSUPPORTED:
            assert re.search(
                r"(does not serve|does not have|no longer has) .+ has .*(since|up to) 5\.\d\.\d", ran.err
            ), ran.err
        return
    assert ran.code == (code or 0), ran.err
    assert ran.out or form == "name"
    document = parsed(name, form, ran.out)
    if document is not None:
        expected = {"no_effect"} if code is ExitCode.NO_EFFECT else {"empty"} if name in EMPTY else {"ok", "unchanged"}
        assert document["status"] in expected
        assert document["data"] is not None
    return


@pytest.mark.parametrize("name", ASKING)
def test_a_dead_name_server(name: str, dead: str, shell: Shell) -> None:
    for form in FORMS:
        ran = shell(*line_of(name, dead), "-n", dead, "--output", form)
        failed(name, form, ran, ExitCode.CANNOT_CONNECT)
        assert dead in ran.err


@pytest.mark.parametrize("name", ASKING)
def test_a_name_server_that_hangs(name: str, cli: Cli) -> None:
    address = "10.0.0.1:9876"
    transport = FakeTransport()
    transport.silent.add(address)
    ran = cli(transport, *line_of(name, address), "-n", address, "--output", "json")
    failed(name, "json", ran, ExitCode.TIMEOUT)
    assert address in ran.err


def test_a_connection_on_which_nothing_comes(silent: str, shell: Shell) -> None:
    """The same over a real one: the time of a request ends, whatever the peer does."""
    ran = shell("topicRoute", "-t", "T", "-n", silent, "--timeout", "600", "--output", "json")
    failed("topicRoute", "json", ran, ExitCode.TIMEOUT)
    assert silent in ran.err


@pytest.mark.parametrize("name", sorted(set(ASKING) - NAMESRV_ONLY))
def test_a_dead_broker(name: str, cli: Cli) -> None:
    """The name server still knows the broker; nothing that only the broker can tell is shown as empty or 0."""
    cluster = FakeCluster(("broker-a", "DefaultCluster"))
    broker = cluster["broker-a"]
    broker.add_topic("T")
    broker.add_topic("%RETRY%G", 1)
    broker.add_topic("RMQ_SYS_TRACE_TOPIC", 1)
    broker.add_topic(broker.name, 1)
    cluster.stop(broker.address)
    ran = cli(cluster.transport, *line_of(name, broker.address), "-n", cluster.namesrv, "--output", "json")
    assert broker.address in ran.err
    if name in ("clusterList", "startMonitoring"):
        assert (ran.code, ran.json["status"]) == (ExitCode.PARTIAL, "partial")
        if name == "clusterList":
            assert ran.json["data"]["brokers"][0]["inTps"] is None
        else:
            assert ran.json["data"]["topics"] == []
    else:
        failed(name, "json", ran, ExitCode.CANNOT_CONNECT)


#: What a command makes when it is not there: each has its tests among those of its subject.
MAKES = {"topic": {"sendMessage", "checkMsgSendRT", "updateOrderConf"}, "group": {"updateSubGroup", "setConsumeMode"}}
NAMED = {"topic": "T", "group": "G", "cluster": "DefaultCluster", "broker": "broker-a"}


@pytest.mark.parametrize(
    ("what", "name"),
    [
        (what, name)
        for what, word in NAMED.items()
        for name in ASKING
        if word in LINES[name][0] and LINES[name][1] is not UNSUPPORTED
        if not name.startswith("updateTopic") or what != "topic" or name == "updateTopicPerm"
    ],
)
def test_what_is_named_is_not_there(what: str, name: str, pair: RocketMQBroker, shell: Shell) -> None:
    missing = f"No{what}_{name}"
    line = [missing if word == NAMED[what] else word for word in line_of(name, pair.broker)]
    ran = shell(*line, "-n", pair.namesrv, "--output", "json")
    if name in MAKES.get(what, ()):
        assert (ran.code, ran.json["status"]) == (0, "ok")
        return
    failed(name, "json", ran, ExitCode.NOT_FOUND)
    assert missing in ran.err, "what is missing is named"


class Refusing(FakeTransport):
    """A cluster whose broker answers every request with one code."""

    def __init__(self, broker: str, refusal: tuple[int, str]) -> None:
        super().__init__()
        self.broker, self.refusal = broker, refusal

    async def invoke(self, addr: str, command: RemotingCommand, timeout_ms: int = 3000) -> RemotingCommand:
        answer = await super().invoke(addr, command, timeout_ms)
        return command.reply(*self.refusal) if addr == self.broker else answer


@pytest.mark.parametrize("name", sorted(set(ASKING) - NAMESRV_ONLY))
def test_no_permission(name: str, cli: Cli) -> None:
    cluster = FakeCluster(("broker-a", "DefaultCluster"))
    broker = cluster["broker-a"]
    for topic in ("T", "%RETRY%G", "RMQ_SYS_TRACE_TOPIC", broker.name):
        broker.add_topic(topic, 1)
    transport = Refusing(broker.address, (ResponseCode.NO_PERMISSION, "no right to do that"))
    transport.handlers = cluster.transport.handlers
    ran = cli(transport, *line_of(name, broker.address), "-n", cluster.namesrv, "--output", "json")
    assert "no right to do that" in ran.err
    if name in ("clusterList", "startMonitoring", "statsAll"):
        assert (ran.code, ran.json["status"]) == (ExitCode.PARTIAL, "partial")
    else:
        failed(name, "json", ran, ExitCode.REFUSED)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("undo abc", "CHANGE: invalid number 'abc': expected a whole number"),
        ("undo -3", "CHANGE: invalid number '-3': expected one above 0"),
        ("history -12", "CHANGE: invalid number '-12': expected one above 0"),
        ("topicList --watch -1", "--watch: invalid number '-1': expected one above 0"),
        ("topicList --watch 0", "--watch: invalid number '0': expected one above 0"),
        ("topicList -5", "got unexpected extra argument(s) (-5)"),
        ("topicList -x", "there is no option -x"),
        ("profile use", "missing argument 'NAME'"),
    ],
)
def test_what_is_wrong_with_a_word_is_said_as_it_stands(line: str, said: str, shell: Shell) -> None:
    ran = shell(*line.split())
    assert ran.code == ExitCode.USAGE
    first, second = ran.err.splitlines()
    assert first.split(": ", 1)[1] == said and second.startswith("  next: ")


@pytest.mark.parametrize("entry", registry.ENTRIES, ids=lambda entry: entry.name)
def test_wrong_command_lines(entry: registry.Entry, shell: Shell) -> None:
    words = entry.name.split()
    wrong = PluginCode.UNKNOWN if declaration(entry).monitoring else ExitCode.USAGE
    unknown = shell(*words, "--nosuchOption", "x")
    assert (unknown.code, unknown.out) == (wrong, "")
    assert "there is no option --nosuchOption" in unknown.err
    required = [parameter for parameter in built(entry).params if parameter.required]
    if required:
        missing = shell(*words)
        assert (missing.code, missing.out) == (wrong, "")
        assert missing.err.startswith(f"mqadmin {entry.name}: missing ")
    #: `--watch` alone means every two seconds.
    options = [p for p in built(entry).params if p.param_type_name == "option" and p.name != "watch"]
    valued = [p for p in options if not p.is_flag]
    for parameter in valued:
        without = shell(*words, parameter.opts[0])
        assert (without.code, without.out) == (wrong, "")
        assert f"mqadmin {entry.name} --help" in without.err


@pytest.mark.parametrize("entry", registry.ENTRIES, ids=lambda entry: entry.name)
def test_a_secret_need_not_be_on_the_command_line(entry: registry.Entry) -> None:
    """Apache's options that take one stay, and beside each is a file and a variable to take it from."""
    valued = [parameter for parameter in built(entry).params if not getattr(parameter, "is_flag", False)]
    names = {name for parameter in valued for name in parameter.opts}
    secret = {name for name in names if re.search("secret|password|token", name.lower())}
    itself = {name for name in secret if not name.endswith(("File", "Env"))}
    assert itself <= {"--password", "--secretKey"}
    assert secret >= {name + more for name in itself for more in ("File", "Env")}
