"""Reading commands over the recorded answers of Apache's pair, compared with what Apache's mqadmin printed."""

from __future__ import annotations

import json
import re
import shlex

import pytest

from rocketmq_ops.common.fastjson import dumps, loads
from rocketmq_ops.remoting.codes import RequestCode
from tests.mqadmin.conftest import Cli, Ran
from tests.mqadmin.replay import Handler, ReplayTransport, apache_output, recorded_commands


def words(text: str) -> list[list[str]]:
    """Non-empty lines as words, for comparison of tables of other widths."""
    return [re.split(r"\s{2,}|(?<=\S) (?=\S)", line.strip()) for line in text.splitlines() if line.strip()]


def line_starting(prefix: str) -> str:
    (line,) = [line for line, _, _ in recorded_commands() if line.startswith(prefix)]
    return line


def replay(cli: Cli, line: str, *more: str, also: dict[int, Handler] | None = None) -> tuple[Ran, str, ReplayTransport]:
    """Our command over the recording of `line`, and what Apache's printed for it; for `also` see ReplayTransport."""
    transport = ReplayTransport(line, also)
    return cli(transport, *shlex.split(line), *more), apache_output()[line], transport


TOPIC_ROUTE = "topicRoute -n 127.0.0.2:23876 -t GoldOrders"
CLUSTER_LIST = "clusterList -n 127.0.0.2:23876"
TOPIC_LIST = "topicList -n 127.0.0.2:23876"
PROGRESS = "consumerProgress -n 127.0.0.2:23876"


def test_topic_route_is_the_route_that_apache_prints(cli: Cli) -> None:
    ran, apache, transport = replay(cli, TOPIC_ROUTE)
    assert ran.code == 0
    theirs = loads(apache)
    theirs["brokerDatas"][0]["brokerAddrs"] = {str(k): v for k, v in theirs["brokerDatas"][0]["brokerAddrs"].items()}
    assert json.loads(ran.out) == theirs
    assert [command.ext_fields for _, command in transport.sent] == [{"topic": "GoldOrders"}]


def test_topic_route_as_a_list_and_as_json(cli: Cli) -> None:
    listed, _, _ = replay(cli, TOPIC_ROUTE, "-l")
    assert words(listed.out)[1] == ["DefaultCluster", "broker-a", "{0=127.0.0.2:23976}", "4", "4", "6"]
    told, _, _ = replay(cli, TOPIC_ROUTE, "--output", "json")
    assert told.json["status"] == "ok"
    assert told.json["data"]["brokers"] == [
        {
            "cluster": "DefaultCluster",
            "brokerName": "broker-a",
            "brokerAddrs": {"0": "127.0.0.2:23976"},
            "enableActingMaster": False,
            "readQueueNums": 4,
            "writeQueueNums": 4,
            "perm": 6,
            "topicSysFlag": 0,
        }
    ]


def test_a_topic_that_does_not_exist_is_not_found(cli: Cli) -> None:
    ran, _, _ = replay(cli, "topicRoute -n 127.0.0.2:23876 -t GoldNope")
    assert (ran.code, ran.out) == (4, "")
    assert "no route for topic 'GoldNope'" in ran.err
    assert "next:" in ran.err
    assert "Traceback" not in ran.err


@pytest.mark.parametrize("line", [TOPIC_LIST])
def test_topic_list_holds_the_topics_that_apache_lists(cli: Cli, line: str) -> None:
    ran, apache, _ = replay(cli, line)
    assert ran.code == 0
    assert ran.out.split() == sorted(apache.split())


def test_topic_list_with_clusters_and_groups(cli: Cli) -> None:
    ran, apache, _ = replay(cli, TOPIC_LIST + " -c")
    assert ran.code == 0
    assert sorted(words(ran.out)) == sorted(words(apache))


def test_topic_status(cli: Cli) -> None:
    ran, apache, _ = replay(cli, line_starting("topicStatus"))
    assert ran.code == 0
    rows = [row for row in words(ran.out) if row[0] == "broker-a"]
    assert [row[:4] for row in rows] == [["broker-a", str(queue), "0", "75"] for queue in range(4)]
    theirs = [row for row in words(apache) if row[0] == "broker-a"]
    assert [row[-1].split(",")[1] for row in rows] == [row[-1].split(",")[1] for row in theirs]
    assert "Topic Put TPS: " in ran.out


def test_topic_cluster_list(cli: Cli) -> None:
    ran, apache, _ = replay(cli, line_starting("topicClusterList"))
    assert (ran.code, ran.out) == (0, apache)


def test_cluster_list_has_the_figures_that_apache_prints(cli: Cli) -> None:
    ran, apache, _ = replay(cli, CLUSTER_LIST)
    assert ran.code == 0
    ours, theirs = words(ran.out), words(apache)
    assert ours[0] == theirs[0]
    # The loads are the first answer's of two; what moves with the clock is left out.
    assert ours[1][:5] == theirs[1][:5] == ["DefaultCluster", "broker-a", "0", "127.0.0.2:23976", "V5_3_3"]
    assert ours[1][-1] == theirs[1][-1] == "true"
    assert re.fullmatch(r"\d+\.\d\d\(0,0ms\)", ours[1][5])


def test_cluster_list_with_totals(cli: Cli) -> None:
    ran, apache, _ = replay(cli, CLUSTER_LIST + " -m")
    assert words(ran.out)[0] == words(apache)[0]
    assert words(ran.out)[1][:2] == words(apache)[1][:2]


def test_broker_status_tells_every_figure(cli: Cli) -> None:
    ran, apache, _ = replay(cli, line_starting("brokerStatus"))
    assert ran.code == 0
    assert {line.split(":")[0].strip() for line in ran.out.splitlines()} == {
        line.split(":")[0].strip() for line in apache.splitlines()
    }


@pytest.mark.parametrize("prefix", ["getBrokerConfig", "getNamesrvConfig"])
def test_configuration_is_what_apache_prints(cli: Cli, prefix: str) -> None:
    ran, apache, _ = replay(cli, line_starting(prefix))
    assert ran.code == 0
    assert sorted(line for line in ran.out.splitlines() if line) == sorted(
        line.rstrip("\n") for line in apache.splitlines() if line
    )


@pytest.mark.usefixtures("utc")
def test_progress_of_a_group(cli: Cli) -> None:
    span = {"messageQueue": {"topic": "GoldOrders", "brokerName": "broker-a", "queueId": 1}, "delayTime": 61_500}
    answer = dumps({"consumeTimeSpanSet": [span]})
    also: dict[int, Handler] = {RequestCode.QUERY_CONSUME_TIME_SPAN: lambda c: c.reply(body=answer)}
    ran, apache, _ = replay(cli, PROGRESS + " -g Gold_group", also=also)
    assert ran.code == 0
    ours, theirs = words(ran.out), words(apache)
    # All that Apache prints, and how far each queue is behind in time.
    (heading, *rows), rest = ours[: len(theirs) - 3], ours[len(theirs) - 3 :]
    assert [heading[:-2], *(row[:-1] for row in rows), *rest] == theirs
    assert heading[-2:] == ["#Lag", "Time"]
    for row in rows:
        behind = int(row[5]) > 0
        known = (row[0], row[2]) == ("GoldOrders", "1")
        assert row[-1] == ("1m1s" if known else "unknown") if behind else row[-1] == "0ms"
    assert ["1m1s"] in [row[-1:] for row in rows]


def test_progress_of_all_groups(cli: Cli) -> None:
    ran, apache, _ = replay(cli, PROGRESS)
    assert ran.code == 0
    assert words(ran.out)[0] == words(apache)[0]
    # By lag, then by name; Apache lists in the order of a hash table.
    assert [(row[0], row[1], row[2]) for row in words(ran.out)[1:]] == [
        ("Gold_group", "0", "OFFLINE"),
        ("Gold_sql", "0", "OFFLINE"),
    ]


def test_progress_of_an_unknown_group_is_not_found(cli: Cli) -> None:
    ran, _, _ = replay(cli, PROGRESS + " -g Gold_nogroup")
    assert ran.code == 4
    assert "'Gold_nogroup'" in ran.err


@pytest.mark.parametrize(
    ("prefix", "said"),
    [
        ("producerConnection", "no producer of group 'Gold_producer' is online"),
        ("consumerConnection", "no consumer of group 'Gold_group' is online"),
    ],
)
def test_offline_clients_are_not_found(cli: Cli, prefix: str, said: str) -> None:
    ran, _, _ = replay(cli, line_starting(prefix))
    assert ran.code == 4
    assert said in ran.err


def test_query_by_key(cli: Cli) -> None:
    ran, apache, _ = replay(cli, line_starting("queryMsgByKey"))
    assert ran.code == 0
    assert words(ran.out) == words(apache)


def test_query_by_offset_shows_fields_and_tracks(cli: Cli) -> None:
    line = line_starting("queryMsgByOffset")
    ran, apache, _ = replay(cli, line)
    assert ran.code == 0
    theirs = dict(row.split(":", 1) for row in apache.splitlines() if re.match(r"[A-Z][A-Za-z ]+: ", row))
    ours = dict(row.split(":", 1) for row in ran.out.splitlines() if re.match(r"[A-Z][A-Za-z ]+: ", row))
    for name in ("OffsetID", "Topic", "Tags", "Keys", "Queue ID", "Queue Offset", "Born Host", "Store Host"):
        assert ours[name].strip() == theirs[name].strip()
    assert ours["Message Body"].strip() == "hello 订单 0"
    assert "consumerGroup=Gold_group, trackType=NOT_ONLINE" in ran.out
    assert "consumerGroup=GoldOrders, trackType=UNKNOWN" in ran.out


def test_query_consume_queue(cli: Cli) -> None:
    ran, apache, _ = replay(cli, line_starting("queryCq"))
    assert ran.code == 0
    assert words(ran.out) == words(apache)


def test_print_messages(cli: Cli) -> None:
    ran, apache, _ = replay(cli, line_starting("printMsg"))
    assert ran.code == 0
    ours, theirs = ran.out.splitlines(), apache.splitlines()
    assert [line.split(" BODY: ")[-1] for line in ours] == [line.split(" BODY: ")[-1] for line in theirs]
    for mine, their in zip(ours, theirs, strict=True):
        fields = re.findall(r"(?:MSGID: \S+|(?:queueOffset|storeSize|msgId|commitLogOffset|bodyCRC)=\w+)", their)
        assert fields == re.findall(r"(?:MSGID: \S+|(?:queueOffset|storeSize|msgId|commitLogOffset|bodyCRC)=\w+)", mine)


def test_every_reading_command_has_yaml_and_csv(cli: Cli) -> None:
    for line in (TOPIC_ROUTE, TOPIC_LIST, CLUSTER_LIST, PROGRESS, line_starting("topicStatus")):
        as_yaml, _, _ = replay(cli, line, "--output", "yaml")
        assert as_yaml.code == 0
        assert as_yaml.out.startswith(f"command: {line.split()[0]}\nschemaVersion: 1\nstatus: ok\n")
        as_csv, _, _ = replay(cli, line, "--output", "csv")
        header, *rows = as_csv.out.splitlines()
        assert rows
        assert all(row.count(",") >= header.count(",") for row in rows)
