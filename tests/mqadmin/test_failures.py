"""Failures: cause and next step on stderr, a code of their own, no stack trace, and unknown is never 0."""

from __future__ import annotations

import errno

import pytest

from rocketmq_ops.common.fastjson import dumps
from rocketmq_ops.mqadmin import main as mqadmin
from rocketmq_ops.mqadmin.errors import exit_code_of, problem_of
from rocketmq_ops.mqadmin.exit_codes import MEANINGS, ExitCode
from rocketmq_ops.remoting.codes import RequestCode as Code
from rocketmq_ops.remoting.codes import ResponseCode
from rocketmq_ops.remoting.errors import RemotingTimeoutError
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
        (ResponseCode.REQUEST_CODE_NOT_SUPPORTED, ExitCode.FAILED),
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
    with pytest.raises(Exception, match="body"):
        cli(transport, "topicList", "-n", "10.0.0.1:9876", "--debug")


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
        (["topicList", "-n", "garbage"], "'garbage' is not an address"),
        (["topicList", "-n", "10.0.0.1:9876;10.0.0.2:99999"], "'10.0.0.2:99999' is not an address"),
        (["brokerStatus", "-b", "garbage"], "'garbage' is not an address"),
        (["updateTopic", "-b", "10.0.0.1", "-t", "T"], "'10.0.0.1' is not an address"),
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
    problem = problem_of(error)
    assert problem.cause == cause
    assert next_step in problem.next_step
    assert exit_code_of(error) is ExitCode.FAILED
