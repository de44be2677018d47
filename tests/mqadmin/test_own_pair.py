"""The command line as a process, against our own name server and broker."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from rocketmq_ops.client.admin import MQAdmin
from rocketmq_ops.client.admin.messages.message_send import SendRequest
from rocketmq_ops.client.admin.topics.topic_change import TopicSettings
from rocketmq_ops.pytest_plugin import RocketMQBroker, rocketmq_server

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def pair() -> Iterator[RocketMQBroker]:
    with rocketmq_server() as server:
        yield server


@pytest.fixture(scope="module")
def mqadmin(pair: RocketMQBroker) -> Run:
    """`mqadmin(*arguments, code=0)` in a process of its own; the name server comes from the environment."""

    def call(*arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        line = [sys.executable, "-c", "from rocketmq_ops.mqadmin.main import main; main()", *arguments]
        environment = {**os.environ, "NAMESRV_ADDR": pair.namesrv}
        ran = subprocess.run(line, capture_output=True, text=True, env=environment, timeout=30, check=False)
        assert ran.returncode == code, f"{arguments}: {ran.returncode}\n{ran.stdout}\n{ran.stderr}"
        assert "Traceback" not in ran.stderr
        return ran

    return call


def data(ran: subprocess.CompletedProcess[str]) -> dict[str, object]:
    found = json.loads(ran.stdout)["data"]
    assert isinstance(found, dict)
    return found


def test_the_life_of_a_topic(mqadmin: Run, pair: RocketMQBroker) -> None:
    mqadmin("updateTopic", "-c", "DefaultCluster", "-t", "Life", "-r", "2", "-w", "2")
    mqadmin("updateTopic", "-b", pair.broker, "-t", "Life", "-w", "3", "--force")
    route = data(mqadmin("topicRoute", "-t", "Life", "--output", "json"))
    assert [(b["readQueueNums"], b["writeQueueNums"]) for b in route["brokers"]] == [(2, 3)]  # type: ignore[attr-defined]
    mqadmin("updateTopic", "-c", "DefaultCluster", "-t", "Life", "-r", "3")
    sent = [
        data(mqadmin("sendMessage", "-t", "Life", "-p", f"body {n}", "-k", f"k{n}", "--output", "json"))
        for n in range(3)
    ]
    assert {s["sendStatus"] for s in sent} == {"SEND_OK"}
    status = data(mqadmin("topicStatus", "-t", "Life", "--output", "json"))
    assert sum(queue["maxOffset"] for queue in status["queues"]) == 3  # type: ignore[attr-defined]
    by_key = list(
        csv.DictReader(io.StringIO(mqadmin("queryMsgByKey", "-t", "Life", "-k", "k1", "--output", "csv").stdout))
    )
    assert [(row["msgId"], row["body"]) for row in by_key] == [(sent[1]["msgId"], "body 1")]
    missing = mqadmin("queryMsgByKey", "-t", "Life", "-k", "k9", code=4).stderr
    assert "may have expired, or its record or index entry is damaged" in " ".join(missing.split())
    by_id = mqadmin("queryMsgById", "-t", "Life", "-i", str(sent[2]["offsetMsgId"])).stdout
    assert "Message Body:        body 2" in by_id
    printed = mqadmin("printMsg", "-t", "Life").stdout
    assert sorted(line.rpartition("BODY: ")[2] for line in printed.splitlines() if "BODY: " in line) == [
        *("body 0", "body 1", "body 2")
    ]
    mqadmin("deleteTopic", "-c", "DefaultCluster", "-t", "Life")
    mqadmin("topicRoute", "-t", "Life", code=4)
    mqadmin("deleteTopic", "-c", "DefaultCluster", "-t", "Life", code=8)


def test_the_life_of_a_group(mqadmin: Run, pair: RocketMQBroker) -> None:
    mqadmin("updateTopic", "-c", "DefaultCluster", "-t", "Grouped", "-r", "1", "-w", "1")
    for number in range(4):
        mqadmin("sendMessage", "-t", "Grouped", "-p", str(number))
    mqadmin("updateSubGroup", "-c", "DefaultCluster", "-g", "life", "-r", "5")
    mqadmin("consumerConnection", "-g", "life", code=4)
    mqadmin("resetOffsetByTime", "-g", "life", "-t", "Grouped", "-s", "0")
    progress = mqadmin("consumerProgress", "-g", "life", "-t", "Grouped", "--output", "json")
    assert data(progress)["group"]["lagTotal"] == 4  # type: ignore[index]
    mqadmin("skipAccumulatedMessage", "-g", "life", "-t", "Grouped")
    mqadmin("resetOffsetByTime", "-g", "life", "-t", "Grouped", "-s", "0", "-b", pair.broker, "-q", "0", "-o", "1")
    progress = mqadmin("consumerProgress", "-g", "life", "-t", "Grouped", "--output", "json")
    assert data(progress)["group"]["lagTotal"] == 3  # type: ignore[index]
    mqadmin("deleteSubGroup", "-c", "DefaultCluster", "-g", "life", "-r", "true")
    mqadmin("resetOffsetByTime", "-g", "life", "-t", "Grouped", "-s", "0", code=4)


def test_servers_and_their_settings(mqadmin: Run, pair: RocketMQBroker) -> None:
    load = data(mqadmin("clusterList", "--output", "json"))["brokers"]
    assert [(b["address"], b["active"]) for b in load] == [(pair.broker, True)]  # type: ignore[attr-defined]
    assert "brokerVersionDesc               : V5_3_3" in mqadmin("brokerStatus", "-b", pair.broker).stdout
    mqadmin("updateBrokerConfig", "-b", pair.broker, "-k", "slaveReadEnable", "-v", "true")
    assert "slaveReadEnable                                   =  true" in mqadmin(
        "getBrokerConfig", "-c", "DefaultCluster"
    ).stdout  # fmt: skip
    mqadmin("updateBrokerConfig", "-b", pair.broker, "-k", "slaveReadEnable", "-v", "false")
    assert f"============{pair.namesrv}============" in mqadmin("getNamesrvConfig").stdout
    mqadmin("updateKvConfig", "-s", "N", "-k", "k", "-v", "v")
    mqadmin("deleteKvConfig", "-s", "N", "-k", "k")
    mqadmin("updateTopic", "-c", "DefaultCluster", "-t", "Perm")
    for command, perm in (("wipeWritePerm", 4), ("addWritePerm", 6)):
        mqadmin(command, "-b", "broker-a")
        route = data(mqadmin("topicRoute", "-t", "Perm", "--output", "json"))
        assert [b["perm"] for b in route["brokers"]] == [perm]  # type: ignore[attr-defined]


def test_output_to_a_file_has_no_escape_sequences(mqadmin: Run) -> None:
    for arguments in (("help",), ("topicRoute", "--help"), ("clusterList",), ("topicList", "--output", "yaml")):
        assert "\x1b" not in mqadmin(*arguments).stdout


def test_a_reader_that_goes_away_is_no_error(mqadmin: Run, pair: RocketMQBroker) -> None:
    """As in `mqadmin printMsg ... | head -1`, with output far beyond what a pipe and its reader hold."""

    async def fill() -> None:
        async with MQAdmin([pair.namesrv]) as admin:
            await admin.topics.update(
                "Pipe", TopicSettings(read_queue_nums=1, write_queue_nums=1), cluster="DefaultCluster"
            )
            for _ in range(40):
                await admin.messages.send(SendRequest(topic="Pipe", body=b"x" * 100_000))

    asyncio.run(fill())
    ours = f"{shlex.quote(sys.executable)} -c 'from rocketmq_ops.mqadmin.main import main; main()'"
    environment = {**os.environ, "NAMESRV_ADDR": pair.namesrv}
    ran = subprocess.run(
        ["bash", "-c", f"{ours} printMsg -t Pipe | head -1; echo ${{PIPESTATUS[0]}}"],
        capture_output=True,
        text=True,
        env=environment,
        timeout=30,
        check=False,
    )
    first, code = ran.stdout.splitlines()
    assert first.startswith("minOffset=0, maxOffset=40")
    assert (code, ran.stderr) == ("141", "")


def test_an_output_that_cannot_be_written_is_an_error(pair: RocketMQBroker) -> None:
    """A full disk or a closed stdout: one line and a code, and nothing that looks like success."""
    ours = f"{shlex.quote(sys.executable)} -c 'from rocketmq_ops.mqadmin.main import main; main()'"
    environment = {**os.environ, "NAMESRV_ADDR": pair.namesrv}
    for line, said in (
        ("topicList > /dev/full", "cannot write the output: no space left on device"),
        ("topicList --output json > /dev/full", "cannot write the output: no space left on device"),
        ("help > /dev/full", "cannot write the output: no space left on device"),
        ("topicList >&-", "standard output is closed"),
        ("help >&-", "standard output is closed"),
    ):
        ran = subprocess.run(
            ["bash", "-c", f"{ours} {line}"], capture_output=True, text=True, env=environment, timeout=30, check=False
        )
        assert ran.returncode == 1, line
        assert said in ran.stderr and "\n  next: " in ran.stderr, line
        assert "Traceback" not in ran.stderr, line


def test_a_message_cannot_steer_the_terminal(mqadmin: Run) -> None:
    mqadmin("updateTopic", "-c", "DefaultCluster", "-t", "Steer", "-r", "1", "-w", "1")
    mqadmin("sendMessage", "-t", "Steer", "-p", "a\x1b]52;c;eA==\x07\x1b[2J\r\u202eb\tc\nd", "-k", "K")
    for line in (
        ("printMsg", "-t", "Steer"),
        ("queryMsgByOffset", "-t", "Steer", "-b", "broker-a", "-i", "0", "-o", "0"),
    ):
        out = mqadmin(*line).stdout
        assert "a\\x1b]52;c;eA==\\x07\\x1b[2J\\x0d\\x202eb\tc\nd" in out
        assert not {"\x1b", "\x07", "\r", "\u202e"} & set(out)


def test_a_plan_names_the_clients_that_are_connected_and_the_lag(mqadmin: Run, pair: RocketMQBroker) -> None:
    from rocketmq_ops.client import ClientOptions, ConsumeContext, Producer, PushConsumer
    from rocketmq_ops.common.message import Message, MessageExt

    mqadmin("updateTopic", "-c", "DefaultCluster", "-t", "Planned", "-r", "1", "-w", "1")
    mqadmin("updateSubGroup", "-c", "DefaultCluster", "-g", "GPlanned")
    mqadmin("sendMessage", "-t", "Planned", "-p", "read")
    mqadmin("skipAccumulatedMessage", "-g", "GPlanned", "-t", "Planned")

    async def planned() -> dict[str, object]:
        taken, free = asyncio.Event(), asyncio.Event()

        async def listener(messages: list[MessageExt], context: ConsumeContext) -> None:
            taken.set()
            await free.wait()  # what is being consumed is not consumed yet

        options = ClientOptions(name_servers=pair.namesrv)
        async with Producer("PPlanned", options) as producer, PushConsumer("GPlanned", listener, options) as consumer:
            consumer.subscribe("Planned")
            await producer.send(Message("Planned", b"unread"))
            await asyncio.wait_for(taken.wait(), 20)
            line = ("deleteTopic", "-c", "DefaultCluster", "-t", "Planned", "--plan", "--output", "json")
            found = data(await asyncio.to_thread(mqadmin, *line))["affected"]
            free.set()
            assert isinstance(found, dict)
            return found

    affected = asyncio.run(planned())
    (group,) = affected["groups"]
    assert (group["group"], group["topics"][0]["lag"]) == ("GPlanned", 1)
    assert group["topics"][0]["lagMillis"] >= 0
    (consumer,) = group["consumers"]
    assert consumer["clientAddr"].startswith("127.0.0.1:")
    producers = {each["group"]: each["clients"] for each in affected["producers"]}
    assert producers["PPlanned"][0]["clientAddr"].startswith("127.0.0.1:")
    broker = data(mqadmin("updateBrokerConfig", "-b", pair.broker, "-k", "slaveReadEnable", "-v", "true", "--plan",
                          "--output", "json"))["affected"]["brokers"][0]  # fmt: skip
    assert (broker["clients"], broker["consumers"]) == (0, 0) and broker["topics"] > 1
