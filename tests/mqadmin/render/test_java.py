"""`--output java` over the recorded session, compared with what Apache's mqadmin 5.3.3 printed there."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys

import msgspec
import pytest

from rocketmq_ops.client.admin.brokers.cluster import BrokerLoad, ClusterList
from rocketmq_ops.client.admin.brokers.stats import StatsListing, TopicGroupStats
from rocketmq_ops.client.admin.client import (
    ClientConnection,
    ConsumerConnections,
    DirectResult,
    ProducerConnections,
    Subscription,
)
from rocketmq_ops.client.admin.groups.group import ConsumerProgress, GroupProgress, GroupSummary, QueueProgress
from rocketmq_ops.client.admin.messages.message_results import FoundMessage, MessageTrack, MessageView
from rocketmq_ops.client.admin.messages.message_send import SendReport
from rocketmq_ops.client.admin.offsets.offset import QueueReset, ResetReport
from rocketmq_ops.client.admin.topics.topic import RouteBroker, TopicRoute
from rocketmq_ops.client.admin.topics.topic_listing import TopicEntry, TopicListing
from rocketmq_ops.common.errors import Failure
from rocketmq_ops.common.fastjson import dumps
from rocketmq_ops.mqadmin import registry
from rocketmq_ops.mqadmin.commands.message.query_msg_by_id import ByIdReport
from rocketmq_ops.mqadmin.commands.message.query_msg_by_unique_key import UniqueKeyReport
from rocketmq_ops.mqadmin.render.java import cluster, connection, consumer, message, offset, stats, text, topic
from rocketmq_ops.remoting.codes import RequestCode
from tests.mqadmin.conftest import Cli
from tests.mqadmin.replay import Handler, ReplayTransport, apache_output
from tests.mqadmin.test_declarations import declaration

NAMESRV = " -n 127.0.0.2:23876"
BROKER = " -b 127.0.0.2:23976"

#: Recorded lines whose text is Apache's to the last blank, but for the order of lines (Apache's is a hash map's).
SAME = [
    "clusterList" + NAMESRV + " -m",
    "topicList" + NAMESRV,
    "topicList" + NAMESRV + " -c",
    "topicRoute" + NAMESRV + " -t GoldOrders",
    "brokerStatus" + NAMESRV + BROKER,
    "brokerConsumeStats" + NAMESRV + BROKER,
    "getBrokerConfig" + NAMESRV + BROKER,
    "queryMsgByKey" + NAMESRV + " -t GoldOrders -k order-0",
    "printMsg" + NAMESRV + " -t GoldOrdered",
    "statsAll" + NAMESRV + " -t GoldOrders",
]
JAVA = [entry for entry in registry.ENTRIES if declaration(entry).java]

pytestmark = pytest.mark.usefixtures("utc")


def java(cli: Cli, line: str) -> tuple[str, str]:
    """Our text for a recorded line, and Apache's."""
    ran = cli(ReplayTransport(line), *shlex.split(line), "--output", "java")
    assert ran.code == 0, ran.err
    return ran.out, apache_output()[line]


@pytest.mark.parametrize("line", SAME)
def test_the_text_is_apaches(line: str, cli: Cli) -> None:
    ours, theirs = java(cli, line)
    assert sorted(ours.splitlines()) == sorted(theirs.splitlines())


def test_the_offsets_of_a_topic_and_the_rate_that_apaches_tool_loses(cli: Cli) -> None:
    """DefaultMQAdminExtImpl.examineTopicStats merges the queues of the brokers' answers, and not their rates."""
    ours, theirs = java(cli, "topicStatus" + NAMESRV + " -t GoldOrders")
    *queues, rate = ours.splitlines()
    assert [*queues, "Topic Put TPS: 0.0"] == theirs.splitlines()
    assert float(rate.removeprefix("Topic Put TPS: ")) > 0


def test_the_list_of_groups_but_for_the_time_at_which_lags_were_recorded(cli: Cli) -> None:
    """Ours asks each broker for all groups at once, as another recorded command did, after offsets were reset."""
    ours, theirs = java(cli, "consumerProgress" + NAMESRV)
    lag = re.compile(r"\d+$", re.MULTILINE)
    assert sorted(lag.sub("#", ours).splitlines()) == sorted(lag.sub("#", theirs).splitlines())


def test_the_progress_of_a_group(cli: Cli) -> None:
    line = "consumerProgress" + NAMESRV + " -g Gold_group"
    also: dict[int, Handler] = {RequestCode.QUERY_CONSUME_TIME_SPAN: lambda c: c.reply(body=dumps({}))}
    ran = cli(ReplayTransport(line, also), *shlex.split(line), "--output", "java")
    assert ran.out == apache_output()[line]


def test_the_cluster_list_but_for_what_moves_with_the_clock(cli: Cli) -> None:
    ours, theirs = java(cli, "clusterList" + NAMESRV)
    # The loads are of the first of two recorded answers; the hours since the first message are counted to now.
    head, row = theirs.splitlines()
    assert ours.splitlines()[0] == head
    numbers = re.compile(r" *\d+\.\d+\b")
    assert numbers.sub("#", ours.splitlines()[1]) == numbers.sub("#", row)
    assert len(ours.splitlines()[1]) == len(row)


def test_a_message_is_apaches_but_for_the_file_and_the_words_of_its_tracks(cli: Cli) -> None:
    ours, theirs = java(cli, "queryMsgByOffset" + NAMESRV + " -t GoldOrders -b broker-a -i 0 -o 0")
    theirs = re.sub(r"/tmp/rocketmq/msgbodys/\S+", "-", theirs)
    theirs = re.sub(r"MIN_OFFSET=\d+, |, MAX_OFFSET=\d+", "", theirs)  # which Java's client adds
    start = "MessageTrack ["
    assert ours.partition(start)[0] == theirs.partition(start)[0]
    tracks = r"MessageTrack \[consumerGroup=(\S+), trackType=(\S+), exceptionDesc="
    assert sorted(re.findall(tracks, ours)) == sorted(re.findall(tracks, theirs))


def test_a_reset_is_apaches() -> None:
    line = "resetOffsetByTime" + NAMESRV + " -g Gold_group -t GoldOrders -s -1 -f true"
    queues = [QueueReset("broker-a", queue, 0, 75, 72, 75, 75, "done") for queue in (2, 3, 0, 1)]
    report = ResetReport("Gold_group", "GoldOrders", -1, False, queues)
    assert offset.reset_offset_by_time(report, {"queue": None, "force": True}) == apache_output()[line]


def test_a_reset_of_one_queue() -> None:
    report = ResetReport("G", "T", 5, False, [QueueReset("b", 1, 0, 9, 3, 7, 7, "done")])
    assert offset.reset_offset_by_time(report, {"queue": 1, "broker": "h:1"}) == (
        "start reset consumer offset by specified, group[G], topic[T], queueId[1], broker[h:1], "
        "timestamp(string)[5], timestamp(long)[5]\nreset consumer offset to 7\n"
    )


def test_a_route_as_a_list() -> None:
    route = TopicRoute(
        "T",
        [
            RouteBroker("C", "b", {0: "h:1", 1: "h:2"}, False, 4, 8, 6, 0),
            RouteBroker("C", "a", {0: "h:3"}),
        ],
    )
    widths = "{:<45} {:<32} {:<50} {:<10} {:<11} {:<5}\n".format
    assert topic.topic_route(route, {"as_list": True}) == (
        widths("#ClusterName", "#BrokerName", "#BrokerAddrs", "#ReadQueue", "#WriteQueue", "#Perm")
        + widths("C", "a", "{0=h:3}", "unknown", "unknown", "unknown")
        + widths("C", "b", "{0=h:1, 1=h:2}", 4, 8, 6)
        + "-" * 158 + "\n" + widths("Total:", 1, "", 4, 8, "")
    )  # fmt: skip


def test_a_route_with_slaves_and_an_order() -> None:
    """As fastjson 1.2.83 prints it: no line is begun for a key that is a number."""
    route = TopicRoute("T", [RouteBroker("C", 'b"', {1: "h:2", 0: "h:1"}, True)], order_topic_conf="b:4")
    route.filter_server_table = {"h:1": ["f:1", "f:2"]}
    assert topic.topic_route(route, {"as_list": False}) == (
        '{\n\t"brokerDatas":[\n\t\t{\n\t\t\t"brokerAddrs":{0:"h:1",1:"h:2"\n\t\t\t},\n\t\t\t"brokerName":"b\\"",\n'
        '\t\t\t"cluster":"C",\n\t\t\t"enableActingMaster":true\n\t\t}\n\t],\n'
        '\t"filterServerTable":{\n\t\t"h:1":[\n\t\t\t"f:1",\n\t\t\t"f:2"\n\t\t]\n\t},\n'
        '\t"orderTopicConf":"b:4",\n\t"queueDatas":[]\n}\n'
    )


def test_names_are_cut_where_apache_cuts_them() -> None:
    listing = TopicListing([TopicEntry("t" * 70, ["c" * 30], None)])
    assert topic.topic_list(listing, {"cluster_model": True}).splitlines()[1].split() == ["c" * 20, "t" * 64, "unknown"]


def test_a_broker_that_did_not_answer_has_every_column() -> None:
    down = ClusterList([BrokerLoad(cluster="C", broker_name="b", broker_id=0, address="h:1")])
    _, row = cluster.cluster_list(down, {"more_stats": False}).splitlines()
    assert row.split() == ["C", "b", "0", "h:1", *["unknown"] * 8]
    _, row = cluster.cluster_list(down, {"more_stats": True}).splitlines()
    assert row.split() == ["C", "b", *["unknown"] * 4]


def test_a_broker_without_timers_and_acks() -> None:
    old = BrokerLoad(
        cluster="C", broker_name="b", broker_id=1, address="h:1", version="V4_9_7", active=False, in_tps=1.005,
        out_tps=2.5, send_queue_size=3, send_queue_wait_ms=4, pull_queue_size=5, pull_queue_wait_ms=6,
        page_cache_lock_ms=0,
    )  # fmt: skip
    _, row = cluster.cluster_list(ClusterList([old]), {"more_stats": False}).splitlines()
    assert row == (
        "C                       b                       1     h:1                    V4_9_7                 1.01(3,4ms)"
        "               2.50(5,6ms|N,Nms)  0-0(0.0w, 0.0, 0.0)               0  0.00          0.0000         false"
    )


def test_progress_with_clients_unknown_offsets_and_one_beyond_the_end() -> None:
    queues = [
        QueueProgress("T", "b", 0, 5, 9, 0, 0, None, "10.0.0.1"),
        QueueProgress("T", "b", 1, None, 3, None, None, 0),
    ]
    found = ConsumerProgress([], GroupProgress("G", queues, None, None, None))
    lines = consumer.consumer_progress(found, {"show_client_ip": True}).splitlines()
    assert lines[0].split("#")[-3:] == ["Diff                ", "Inflight           ", "LastTime"]
    assert lines[1].split() == ["T", "b", "0", "5", "9", "10.0.0.1", "-4", "0", "N/A"]
    assert lines[2].split() == ["T", "b", "1", "unknown", "3", "N/A", "unknown", "unknown", "N/A"]
    assert lines[4:] == ["Consume TPS: unknown", "Consume Diff Total: unknown", "Consume Inflight Total: unknown"]


def test_groups_that_are_online() -> None:
    groups = [
        GroupSummary("push", 2, "V5_3_3", "CONSUME_PASSIVELY", "CLUSTERING", 1.9, 7),
        GroupSummary("pull", 1, "V4_9_7", "CONSUME_ACTIVELY", "CLUSTERING", 0.0, 0),
        GroupSummary("dark", None, None, None, None, None, None),
    ]
    rows = [line.split() for line in consumer.consumer_progress(ConsumerProgress(groups), {}).splitlines()[1:]]
    assert rows == [
        ["push", "2", "V5_3_3", "PUSH", "CLUSTERING", "1", "7"],
        ["pull", "1", "V4_9_7", "PULL", "0", "0"],
        ["dark", "unknown", "unknown", "PUSH", "unknown", "unknown"],
    ]


def test_a_topic_without_consumers_in_the_statistics() -> None:
    listing = StatsListing([TopicGroupStats("T", None, None, 0.125, None, 3, None)])
    row = stats.stats_all(listing, {}).splitlines()[1]
    assert row == f"{'T':<64}  {'':<64} {0:>12} {'0.13':>11} {'':>11} {3:>14} {'NO_CONSUMER':>14}"


def test_clients() -> None:
    client = ClientConnection("10.0.0.1@7", "10.0.0.1:5000", "JAVA", "V5_3_3")
    consumers = ConsumerConnections(
        "G", [client], [Subscription("T", "a || b")], "CONSUME_PASSIVELY", "CLUSTERING", None, [Failure("x", "y", "z")]
    )
    assert connection.consumer_connection(consumers, {}) == (
        f"{'#ClientId':<36} {'#ClientAddr':<22} {'#Language':<10} #Version\n"
        f"{'10.0.0.1@7':<36} {'10.0.0.1:5000':<22} {'JAVA':<10} V5_3_3\n"
        f"\nBelow is subscription:\n{'#Topic':<20} #SubExpression\n{'T':<20} a || b\n\n"
        "ConsumeType: CONSUME_PASSIVELY\nMessageModel: CLUSTERING\nConsumeFromWhere: null\n"
    )
    assert connection.producer_connection(ProducerConnections("P", "T", [client]), {}) == (
        f"0001  {'10.0.0.1@7':<32} {'10.0.0.1:5000':<22} {'JAVA':<8} V5_3_3\n"
    )


def a_message(**more: object) -> MessageView:
    plain = {
        "topic": "T", "brokerName": None, "queueId": 0, "queueOffset": 1, "commitLogOffset": 2, "storeSize": 3,
        "bodyCrc": 4, "sysFlag": 0, "flag": 0, "bornTimestamp": 0, "bornHost": "h:1", "storeTimestamp": 0,
        "storeHost": "h:2", "reconsumeTimes": 0, "preparedTransactionOffset": 0, "msgId": "M", "offsetMsgId": "O",
        "tags": None, "keys": [], "properties": {}, "bodyLength": 0,
    }  # fmt: skip
    return msgspec.convert(plain | more, MessageView)


def test_a_message_with_a_body_and_without_consumers() -> None:
    report = ByIdReport([FoundMessage(a_message(body="hé"), [])])
    shown = message.query_msg_by_id(report, {"body_format": "utf-8"})
    assert shown.startswith("OffsetID:            O\nTopic:               T\nTags:                [null]\n")
    assert shown.endswith("Message Body Path:   -\nMessage Body:        hé\n\n\nWARN: No Consumer")
    assert "Message Body: " not in message.query_msg_by_id(report, {"body_format": None})


def test_tracks_of_a_message_found_by_its_unique_key() -> None:
    tracks = [MessageTrack("G", "CONSUMED"), MessageTrack("H", "PULL", "why")]
    shown = message.query_msg_by_unique_key(UniqueKeyReport([FoundMessage(a_message(), tracks)]), {})
    assert shown.startswith("Topic: ")
    assert shown.endswith(
        "-\n\n\nMessageTrack [consumerGroup=G, trackType=CONSUMED, exceptionDesc=null]"
        "MessageTrack [consumerGroup=H, trackType=PULL, exceptionDesc=why]"
    )


def test_messages_that_were_sent_again_or_handed_over() -> None:
    handed = ByIdReport([FoundMessage(a_message())], consumed=[DirectResult("M", "c", "CR_SUCCESS", None, 5, False)])
    assert message.query_msg_by_id(handed, {}) == (
        "ConsumeMessageDirectlyResult [order=false, autoCommit=null, consumeResult=CR_SUCCESS, remark=null, "
        "spentTimeMills=5]"
    )
    sent = ByIdReport([FoundMessage(a_message())], sent=[SendReport("b", 1, "SEND_OK", "N", "P", 9)])
    assert message.query_msg_by_id(sent, {}) == (
        "prepare resend msg. originalMsgId=OSendResult [sendStatus=SEND_OK, msgId=N, offsetMsgId=P, "
        "messageQueue=MessageQueue [topic=T, brokerName=b, queueId=1], queueOffset=9, recallHandle=null]"
    )


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (0.0, "0.0"), (4.0, "4.0"), (0.016, "0.016"), (9999999.5, "9999999.5"), (1e7, "1.0E7"), (1.25e-5, "1.25E-5"),
        (-12345678.5, "-1.23456785E7"), (None, "unknown"),
    ],
)  # fmt: skip
def test_doubles(number: float | None, expected: str) -> None:
    assert text.double(number) == expected


def test_the_order_of_a_hash_map() -> None:
    """As a java.util.HashMap of JDK 17 lists them."""
    assert text.hash_map_order(["b", "a", "Aa", "BB", "订单"]) == ["Aa", "BB", "a", "b", "订单"]
    many = [f"key{number * 7919}" for number in range(14)]
    grown = [87109, 15838, 0, 55433, 79190, 63352, 31676, 47514, 95028, 102947, 71271, 39595, 7919, 23757]
    assert text.hash_map_order(many) == [f"key{number}" for number in grown]


def test_a_command_without_the_form_says_which_it_has(cli: Cli) -> None:
    assert "java" not in declaration(registry.BY_NAME["updateTopic"]).outputs
    ran = cli(None, "updateTopic", "-t", "T", "-c", "C", "--output", "java")
    assert (ran.code, ran.out) == (2, "")
    assert "'java' is not one of table, wide, json, yaml, csv, name" in ran.err


@pytest.mark.parametrize("entry", JAVA, ids=lambda entry: entry.name)
def test_each_command_that_has_the_form_has_its_text(entry: registry.Entry) -> None:
    import importlib

    declared = declaration(entry)
    module = importlib.import_module(f"rocketmq_ops.mqadmin.render.java.{declared.java}")
    assert callable(getattr(module, declared.function.__name__))


def test_java_is_loaded_for_java_alone() -> None:
    probe = """
import sys
from rocketmq_ops.mqadmin.main import run
run(["topicRoute", "-t", "T", "-n", "127.0.0.1:9"])
print([name for name in sys.modules if "render.java" in name])
"""
    ran = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
