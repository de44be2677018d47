"""Failures: cause and next step on stderr, a code of their own, no stack trace, and unknown is never 0."""

from __future__ import annotations

import asyncio
import errno
import importlib
import re
from pathlib import Path

import pytest

import rocketmq_ops
from rocketmq_ops.client.admin import MQAdmin
from rocketmq_ops.client.errors import BrokerError, NotFoundError
from rocketmq_ops.common.errors import AllFailedError, Failure, See
from rocketmq_ops.common.fastjson import dumps
from rocketmq_ops.mqadmin import apache_commands, declare, registry
from rocketmq_ops.mqadmin import main as mqadmin
from rocketmq_ops.mqadmin.errors import COMMAND_OF_CALL, exit_code_of, failure_of_command, next_step_of
from rocketmq_ops.mqadmin.exit_codes import MEANINGS, ExitCode
from rocketmq_ops.mqadmin.response_table import ADVICE
from rocketmq_ops.mqadmin.run import report
from rocketmq_ops.remoting import response_meanings
from rocketmq_ops.remoting.client import RemotingClient
from rocketmq_ops.remoting.codes import RequestCode as Code
from rocketmq_ops.remoting.codes import ResponseCode
from rocketmq_ops.remoting.command import RemotingCommand
from rocketmq_ops.remoting.errors import NoNameServerError, RemotingBindError, RemotingTimeoutError, UnknownHostError
from rocketmq_ops.remoting.headers import DeleteTopicRequestHeader
from tests.golden_data import facts
from tests.mqadmin.conftest import Cli
from tests.mqadmin.fake_cluster import FakeCluster
from tests.mqadmin.replay import FakeTransport, Handler


def answer(code: int, remark: str) -> Handler:
    return lambda command: command.reply(code, remark)


def test_no_name_server_is_a_usage_error(cli: Cli) -> None:
    ran = cli(FakeTransport(), "topicList")
    assert ran.code == 2
    assert "NAMESRV_ADDR" in ran.err


def test_a_refused_connection(cli: Cli) -> None:
    ran = cli(FakeTransport(), "topicList", "-n", "10.0.0.1:9876")
    assert (ran.code, ran.out) == (3, "")
    assert "10.0.0.1:9876" in ran.err
    assert "next:" in ran.err
    assert "Traceback" not in ran.err


def test_the_next_name_server_answers_when_the_first_does_not(cli: Cli) -> None:
    cluster = FakeCluster(name_servers=2)
    cluster["broker-a"].add_topic("T")
    cluster.stop(cluster.name_servers[0])
    ran = cli(cluster.transport, "topicList", "-n", cluster.namesrv)
    assert (ran.code, ran.out) == (0, "T\n")


def test_all_name_servers_down_names_each(cli: Cli) -> None:
    ran = cli(FakeTransport(), "topicList", "-n", "10.0.0.1:9876;10.0.0.2:9876")
    assert ran.code == 3
    assert "10.0.0.1:9876" in ran.err
    assert "10.0.0.2:9876" in ran.err


@pytest.mark.parametrize(
    ("code", "exit_code"),
    [
        (ResponseCode.NO_PERMISSION, ExitCode.REFUSED),
        (ResponseCode.SYSTEM_ERROR, ExitCode.FAILED),
        (ResponseCode.SYSTEM_BUSY, ExitCode.FAILED),
        (ResponseCode.REQUEST_CODE_NOT_SUPPORTED, ExitCode.UNSUPPORTED),
        (ResponseCode.QUERY_NOT_FOUND, ExitCode.NOT_FOUND),
    ],
)
def test_an_answer_with_an_error_code(cli: Cli, code: ResponseCode, exit_code: ExitCode) -> None:
    transport = FakeTransport()
    transport.on("10.0.0.1:9876", Code.GET_ALL_TOPIC_LIST_FROM_NAMESERVER, answer(code, "because\nSee https://example"))
    ran = cli(transport, "topicList", "-n", "10.0.0.1:9876")
    assert ran.code == exit_code
    assert "10.0.0.1:9876 answered: because" in ran.err
    assert f"(code {int(code)})" in ran.err
    assert "https://" not in ran.err


@pytest.mark.parametrize(
    ("topics", "of"), [(1, "T00"), (4, "T00, T01, T02, T03"), (42, "T00, T01, T02, T03 and 38 more")]
)
def test_a_server_that_fails_for_many_topics_is_one_line(cli: Cli, topics: int, of: str) -> None:
    cluster = FakeCluster()
    for number in range(topics):
        cluster["broker-a"].add_topic(f"T{number:02}")
    cluster.stop(cluster["broker-a"].address)
    ran = cli(cluster.transport, "topicList", "-c", "-n", cluster.namesrv)
    assert ran.code == ExitCode.PARTIAL
    (line,) = [line for line in ran.err.splitlines() if line.startswith("mqadmin")]
    assert "10.1.0.1:10911" in line and line.endswith(f"(asked about {of})")
    listed = cli(cluster.transport, "topicList", "-c", "-n", cluster.namesrv, "--output", "json").json
    assert len(listed["data"]["topics"]) == topics and len(listed["errors"]) == 1


def test_what_fails_for_one_cause_is_one_line_with_its_targets(capsys: pytest.CaptureFixture[str]) -> None:
    topics = [Failure(f"T{number}", "no permission", "ask", 16) for number in range(12)]
    server = [Failure("a:1", "cannot connect to a:1"), Failure("a:1, topic T", "cannot connect to a:1")]
    report("updateTopicList", [*topics[:1], *server, *topics[1:], Failure("T0", "no permission", "ask", 17)], [])
    assert capsys.readouterr().err.splitlines() == [
        "mqadmin updateTopicList: T0, T1, T2, T3, T4, T5, T6, T7, T8, T9 and 2 more: no permission (code 16)",
        "  next: ask",
        "mqadmin updateTopicList: cannot connect to a:1",
        "mqadmin updateTopicList: T0: no permission (code 17)",
        "  next: ask",
    ]


def test_what_fails_everywhere_names_each_cause_once() -> None:
    refused, slow = NotFoundError("cannot connect to b:1"), NotFoundError("no answer")
    targets = {f"broker-a T {queue}": refused for queue in range(8)}
    assert str(AllFailedError("reading T", {**targets, "c:1": slow})) == (
        "reading T failed everywhere: broker-a T 0, broker-a T 1, broker-a T 2, broker-a T 3 and 4 more: "
        "cannot connect to b:1; c:1: no answer"
    )
    assert str(AllFailedError("reading T", {"b:1": refused, "c:1": slow})) == (
        "reading T failed everywhere: cannot connect to b:1; c:1: no answer"
    )
    assert str(AllFailedError("reading T", {"c:1": slow})) == "no answer"


def test_a_timeout(cli: Cli) -> None:
    def slow(command: object) -> None:
        raise RemotingTimeoutError("no answer from 10.0.0.1:9876 within 5000 ms", address="10.0.0.1:9876")

    transport = FakeTransport()
    transport.on("10.0.0.1:9876", Code.GET_ALL_TOPIC_LIST_FROM_NAMESERVER, slow)  # type: ignore[arg-type]
    assert cli(transport, "topicList", "-n", "10.0.0.1:9876").code == 7


def test_an_answer_that_is_no_json(cli: Cli) -> None:
    transport = FakeTransport()
    transport.on("10.0.0.1:9876", Code.GET_ALL_TOPIC_LIST_FROM_NAMESERVER, lambda c: c.reply(body=b"<html>"))
    ran = cli(transport, "topicList", "-n", "10.0.0.1:9876")
    assert ran.code == 1
    assert "Traceback" not in ran.err


def test_debug_shows_the_stack(cli: Cli) -> None:
    transport = FakeTransport()
    transport.on("10.0.0.1:9876", Code.GET_ALL_TOPIC_LIST_FROM_NAMESERVER, lambda c: c.reply(body=b"<html>"))
    plain = cli(transport, "topicList", "-n", "10.0.0.1:9876")
    ran = cli(transport, "topicList", "-n", "10.0.0.1:9876", "--debug")
    assert (ran.code, plain.code) == (1, 1)
    assert "Traceback" in ran.err
    assert "Traceback" not in plain.err
    assert ran.err.endswith(plain.err)


def test_a_failure_in_json_is_one_document(cli: Cli) -> None:
    ran = cli(FakeTransport(), "topicList", "-n", "10.0.0.1:9876", "--output", "json")
    assert ran.code == 3
    assert (ran.json["status"], ran.json["data"]) == ("failed", None)
    assert "10.0.0.1:9876" in ran.json["errors"][0]["cause"]
    assert ran.json["errors"][0]["nextStep"]


def test_empty_is_not_failed(cli: Cli) -> None:
    cluster = FakeCluster()
    ran = cli(cluster.transport, "topicList", "-n", cluster.namesrv, "--output", "json")
    assert (ran.code, ran.json["status"], ran.json["data"]["topics"]) == (0, "empty", [])
    assert "knows no topic" in ran.err


def test_a_broker_that_does_not_answer_has_unknown_figures(cli: Cli) -> None:
    cluster = FakeCluster(("broker-a", "C1"), ("broker-b", "C1"))
    cluster.stop(cluster["broker-b"].address)
    ran = cli(cluster.transport, "clusterList", "-n", cluster.namesrv, "--output", "json")
    assert (ran.code, ran.json["status"]) == (5, "partial")
    first, second = ran.json["data"]["brokers"]
    assert (first["inTps"], first["active"]) == (1.5, True)
    assert (second["inTps"], second["active"], second["version"]) == (None, None, None)
    table = cli(cluster.transport, "clusterList", "-n", cluster.namesrv)
    assert "unknown" in table.out.splitlines()[2]


def test_lag_is_unknown_when_a_broker_does_not_answer(cli: Cli) -> None:
    cluster = FakeCluster(("broker-a", "C1"), ("broker-b", "C1"))
    for broker in cluster.brokers.values():
        broker.add_topic("T")
        broker.add_topic("%RETRY%G", 1)
        broker.ends = {("T", 0): 10}
        broker.committed = {("G", "T", 0): 4}
    whole = cli(cluster.transport, "consumerProgress", "-n", cluster.namesrv, "-g", "G", "--output", "json")
    assert whole.json["data"]["group"]["lagTotal"] == 12
    cluster.stop(cluster["broker-b"].address)
    part = cli(cluster.transport, "consumerProgress", "-n", cluster.namesrv, "-g", "G", "--output", "json")
    assert (part.code, part.json["data"]["group"]["lagTotal"]) == (5, None)
    assert [queue["lag"] for queue in part.json["data"]["group"]["queues"]] == [6]
    listed = cli(cluster.transport, "consumerProgress", "-n", cluster.namesrv)
    assert listed.code == 5
    assert listed.out.splitlines()[1].endswith("unknown")


def test_a_lag_beyond_32_bits_sorts_first(cli: Cli) -> None:
    cluster = FakeCluster()
    broker = cluster["broker-a"]
    broker.add_topic("T")
    broker.ends = {("T", 0): 5_000_000_000}
    for group, offset in (("small", 4_999_999_999), ("large", 0), ("middle", 2_500_000_000)):
        broker.add_topic(f"%RETRY%{group}", 1)
        broker.committed[(group, "T", 0)] = offset
    ran = cli(cluster.transport, "consumerProgress", "-n", cluster.namesrv, "--output", "json")
    assert [(g["group"], g["lagTotal"]) for g in ran.json["data"]["groups"]] == [
        ("large", 5_000_000_000),
        ("middle", 2_500_000_000),
        ("small", 1),
    ]


def test_bad_options_name_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, said in (
        (["topicRoute", "--topci", "T"], "did you mean --topic?"),
        (["topicRoute", "-T", "x"], "did you mean -t?"),
        (["topicRoute", "-t", "x", "--output", "jsn"], "did you mean json?"),
        (["topicRuote"], "did you mean topicRoute?"),
        (["consumerprogress"], "did you mean consumerProgress?"),
        (["updateTopic", "-t", "T"], "give -b or -c"),
        (["updateTopic", "-t", "T", "-b", "h:1", "-c", "C"], "give only one of -b or -c"),
        (["topicRoute"], "missing option"),
        (
            ["updateTopic", "-t", "T", "-b", "h:1", "-o", "yes"],
            "-o / --order: invalid value 'yes': expected true or false",
        ),
        (["queryCq", "-t", "T", "-q", "x", "-i", "0"], "invalid number 'x': expected a whole number"),
        (["topicRoute", "-t", ""], "the value is empty"),
        (["topicRoute", "-t", "x", "extra"], "extra"),
    ):
        assert mqadmin.run(arguments) == 2, arguments
        captured = capsys.readouterr()
        assert captured.out == ""
        assert said in captured.err, captured.err
        assert "next:" in captured.err


def test_every_exit_code_has_a_meaning() -> None:
    assert set(MEANINGS) == set(ExitCode)
    assert len({code.value for code in ExitCode}) == len(ExitCode)


def test_online_consumers_as_a_table(cli: Cli) -> None:
    cluster = FakeCluster()
    broker = cluster["broker-a"]
    broker.add_topic("%RETRY%G", 1)
    body = dumps(
        {
            "connectionSet": [{"clientId": "c@1", "clientAddr": "10.0.0.1:1", "language": "JAVA", "version": 479}],
            "subscriptionTable": {"T": {"topic": "T", "subString": "*"}},
            "consumeType": "CONSUME_PASSIVELY",
            "messageModel": "CLUSTERING",
        }
    )
    cluster.transport.on(broker.address, Code.GET_CONSUMER_CONNECTION_LIST, lambda c: c.reply(body=body))
    ran = cli(cluster.transport, "consumerConnection", "-n", cluster.namesrv, "-g", "G")
    assert ran.code == 0
    assert ran.out.splitlines()[1].split() == ["c@1", "10.0.0.1:1", "JAVA", "V5_3_3"]
    assert "ConsumeFromWhere: unknown" in ran.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["topicList", "-n", "garbage"], "invalid address 'garbage'"),
        (["topicList", "-n", "10.0.0.1:9876;10.0.0.2:99999"], "invalid address '10.0.0.2:99999'"),
        (["brokerStatus", "-b", "garbage"], "invalid address 'garbage'"),
        (["updateTopic", "-b", "10.0.0.1", "-t", "T"], "invalid address '10.0.0.1'"),
    ],
)
def test_a_bad_address_is_a_usage_error(cli: Cli, arguments: list[str], said: str) -> None:
    ran = cli(FakeTransport(), *arguments)
    assert (ran.code, ran.out) == (ExitCode.USAGE, "")
    assert said in ran.err
    assert "HOST:PORT" in ran.err


@pytest.mark.parametrize(
    ("error", "cause", "next_step"),
    [
        (OSError(errno.ENOSPC, "", "/store/lock"), "/store/lock: no space left on device", "free space"),
        (OSError(errno.ENOSPC, ""), "no space left on device", "free space"),
        (PermissionError(errno.EACCES, "", "/etc/x"), "/etc/x: permission denied", "permissions"),
        (OSError(errno.EMFILE, ""), "too many open files", "ulimit -n"),
    ],
)
def test_what_the_system_refuses_is_told_with_its_path(error: OSError, cause: str, next_step: str) -> None:
    problem = failure_of_command(error)
    assert problem.cause == cause
    assert next_step in problem.next_step
    assert exit_code_of(error) is ExitCode.FAILED


@pytest.mark.parametrize("debug", [(), ("--debug",)], ids=["plain", "debug"])
def test_the_exit_code_is_the_same_under_debug(cli: Cli, debug: tuple[str, ...]) -> None:
    assert cli(FakeTransport(), "topicList", "-n", "10.0.0.1:9876", *debug).code == 3
    assert cli(FakeTransport(), "topicList", *debug).code == 2
    assert cli(None, "store", "ls", "/nowhere/at/all", *debug).code == 4


def test_a_broker_asked_as_a_name_server_and_the_reverse(cli: Cli) -> None:
    def not_supported(c: RemotingCommand) -> RemotingCommand:
        return c.reply(3, f" request type {c.code} not supported")

    transport = FakeTransport()
    for code in Code:
        transport.on("10.0.0.1:10911", code, not_supported)
    ran = cli(transport, "topicRoute", "-t", "T", "-n", "10.0.0.1:10911")
    assert "GET_ROUTEINFO_BY_TOPIC (105) is not supported here" in ran.err
    assert "10.0.0.1:10911 seems to be a broker: -n takes the addresses of name servers" in ran.err
    for arguments in (("brokerStatus",), ("getBrokerConfig",), ("updateTopic", "-t", "T")):
        ran = cli(transport, *arguments, "-b", "10.0.0.1:10911", "-n", "10.0.0.1:10911")
        assert "10.0.0.1:10911 seems to be a name server" in ran.err, arguments


@pytest.mark.parametrize(
    ("code", "remark", "request_code", "topic", "said"),
    [
        (29, "The topic[TBW102] is conflict with system topic.", 17, "TBW102", "keep for themselves"),
        (1, "The topic[TBW102] is conflict with system topic.", 17, "TBW102", "keep for themselves"),
        (16, "Sending message to topic[rmq_sys_x] is forbidden.", 310, "rmq_sys_x", "keep for themselves"),
        (16, "the topic[T] sending message is forbidden", 310, "T", "see the permission of the topic"),
        (16, "No default permission for TopicA", 310, "T", "use an account with the permission"),
        (1, "boom", 310, "T", "the server's answer says why"),
        (
            1,
            "org.apache.rocketmq.acl.common.AclException: No accessKey is configured",
            310,
            "T",
            "use a profile with the",
        ),
        (16, "Can not update config in black list.", 25, None, "configuration file"),
        (3, " request type 999 not supported", 999, None, "or it is a name server"),
    ],
)
def test_the_next_step_of_a_refusal(code: int, remark: str, request_code: int, topic: str | None, said: str) -> None:
    header = DeleteTopicRequestHeader(topic=topic) if topic is not None else None
    error = BrokerError(code, remark, "10.0.0.1:10911", RemotingCommand.request(request_code, header))
    assert said in next_step_of(error)
    refused = code in (16, 29) or "AclException" in remark
    unsupported = ExitCode.UNSUPPORTED if code == ResponseCode.REQUEST_CODE_NOT_SUPPORTED else ExitCode.FAILED
    assert exit_code_of(error) == (ExitCode.REFUSED if refused else unsupported)


def test_a_value_that_the_server_refuses(cli: Cli) -> None:
    cluster = FakeCluster()
    broker = cluster["broker-a"]
    broker.config["fileReservedTime"] = "72"
    for code in (1, 29):
        cluster.transport.on(
            broker.address, Code.UPDATE_BROKER_CONFIG, lambda c, code=code: c.reply(code, "cannot be 'abc'")
        )
        to = ("-n", cluster.namesrv, "-b", broker.address)
        ran = cli(cluster.transport, "updateBrokerConfig", *to, "-k", "fileReservedTime", "-v", "abc")
        assert ran.code == 6
        assert "cannot be 'abc'" in ran.err
        assert "next: give a value that it takes; fileReservedTime is still '72'" in ran.err


def test_apaches_commands_that_are_not_here(cli: Cli) -> None:
    seen = 0
    for version in ("4.9.7", "5.3.3", "5.5.0"):
        for entry in facts(version, "mqadmin-commands"):
            for name in filter(None, (entry["name"], entry["alias"])):
                seen += 1
                if name in registry.BY_NAME:
                    continue
                for word in (name, name.lower()):
                    ran = cli(None, word, "-g", "x")
                    assert ran.code == ExitCode.NOT_IN_THIS_VERSION, word
                    assert "is a command of Apache's mqadmin that is not in this version" in ran.err
                    assert "did you mean" not in ran.err
    assert seen > 200
    for instead in apache_commands.INSTEAD.values():
        assert instead.split()[0] in registry.BY_NAME
    assert not {apache_commands.find(name) for name in registry.BY_NAME} - {None}


def test_a_nearest_command_that_changes_things_says_so(cli: Cli) -> None:
    changing = {
        entry.name
        for entry in registry.ENTRIES
        if declare.declaration_of(importlib.import_module(f"rocketmq_ops.mqadmin.commands.{entry.module}")).changes
    }
    # These two change something only when told to with -g or -s.
    assert changing - {"queryMsgById", "queryMsgByUniqueKey"} <= registry.CHANGING
    assert set(registry.BY_NAME) >= registry.CHANGING
    assert "did you mean deleteTopic, which changes things?" in cli(None, "deletTopic").err
    assert "did you mean topicList?" in cli(None, "topicLst").err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("topicList", "-o", "json"), "give --output json"),
        (("topicList", "--json"), "give --output json"),
        (("topicList", "--yaml"), "give --output yaml"),
        (("topicList", "--fromat", "json"), "give --output json"),
        (("topicList", "--format", "xml"), "did you mean --output?"),
        (("updateTopic", "-t", "T", "-b", "h:1", "-o", "csv"), "give --output csv"),
        (("-n", "h:1", "topicList"), "next: mqadmin topicList -n h:1"),
        (("--output", "json", "store", "ls", "a b"), "next: mqadmin store ls 'a b' --output json"),
        (("-o", "json", "topicList"), "next: mqadmin topicList --output json"),
        (("--fromat", "json", "topicList"), "next: mqadmin topicList --output json"),
        (("--json", "-n", "h:1", "topicList"), "next: mqadmin topicList --output json -n h:1"),
        (("-n", "h:1"), "no command is given"),
    ],
)
def test_habits_from_other_tools(cli: Cli, arguments: tuple[str, ...], said: str) -> None:
    ran = cli(None, *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert said in ran.err


def test_a_host_name_that_is_not_known() -> None:
    async def ask() -> None:
        async with RemotingClient() as client:
            await client.invoke("no-such-host.invalid:9876", RemotingCommand.request(105))

    with pytest.raises(UnknownHostError, match="is not known") as caught:
        asyncio.run(ask())
    assert "spelling of the host name" in caught.value.next_step
    assert exit_code_of(caught.value) == ExitCode.CANNOT_CONNECT
    assert exit_code_of(RemotingBindError("cannot listen on h:1: address already in use")) == ExitCode.FAILED


def test_every_response_code_has_its_advice() -> None:
    assert set(ADVICE) == set(response_meanings.MEANINGS) == set(ResponseCode) - {ResponseCode.SUCCESS}
    assert all(advice.next_step and advice.exit_code is not ExitCode.OK for advice in ADVICE.values())


def test_every_call_that_an_error_names_has_its_command() -> None:
    admin = MQAdmin(["h:1"])
    for call, command in COMMAND_OF_CALL.items():
        concern, _, method = call.rpartition(".")
        if concern == "replicas":  # a module of its own
            assert importlib.util.find_spec(f"rocketmq_ops.client.admin.{call}"), call
        elif concern != "store.inspect":
            assert callable(getattr(getattr(admin, concern), method)), call
        words = command.split()
        assert " ".join(words[:2]) in registry.BY_NAME or words[0] in registry.BY_NAME, command
    named = set()
    client = Path(rocketmq_ops.__file__).parent / "client"
    for path in client.rglob("*.py"):
        text = path.read_text()
        named |= set(re.findall(r'See\(\s*"([\w.]+)"', text))
        named |= {call for call in re.findall(r'"(\w+\.\w+)"', text) if call in COMMAND_OF_CALL}  # handed on to a See
    assert named == set(COMMAND_OF_CALL)


def test_a_next_step_is_said_in_commands() -> None:
    error = NotFoundError("no route for topic 'T'", "check its name", see=See("topics.route", "T"))
    assert next_step_of(error) == "check its name: see `mqadmin topicRoute -t T -l`"
    assert next_step_of(AllFailedError("asking", {"h:1": error, "h:2": error})) == next_step_of(error)
    assert next_step_of(NoNameServerError("no name server is given")) == "give one with -n HOST:PORT"


@pytest.mark.parametrize(
    ("command", "begin"),
    [(["printMsg"], "-b"), (["queryMsgByKey", "-k", "K"], "-b"), (["consumeMessage"], "-s")],
)
def test_a_span_of_time_that_ends_before_it_begins_is_a_usage_error(cli: Cli, command: list[str], begin: str) -> None:
    ran = cli(None, *command, "-t", "T", begin, "5", "-e", "1", "-n", "127.0.0.1:9")
    assert ran.code == ExitCode.USAGE
    assert f"{begin} is after -e" in ran.err
