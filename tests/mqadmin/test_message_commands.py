"""Commands that find messages: traces, counts by tag, a compacted topic's file, and the options of newer versions."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from rocketmq_ops.common.message import MessageExt
from rocketmq_ops.common.message_codec import BadRecordError
from rocketmq_ops.mqadmin import main as mqadmin
from rocketmq_ops.mqadmin.exit_codes import ExitCode
from rocketmq_ops.pytest_plugin import RocketMQBroker, rocketmq_server
from rocketmq_ops.store.inspect.reading import compaction_log
from rocketmq_ops.store.inspect.reading.store_files import StoreFile
from tests.mqadmin.conftest import Ran

COMPACTED = Path(__file__).parent / "files" / "compaction-log"
SIZE, END = 237, 948  # of each record, and where the last one ends

Run = Callable[..., Ran]


@pytest.fixture(scope="module")
def server() -> Iterator[RocketMQBroker]:
    with rocketmq_server() as server:
        for topic in ("Tags", "Traces"):
            line = ["updateTopic", "-n", server.namesrv, "-b", server.broker, "-t", topic, "-r", "2", "-w", "2"]
            assert mqadmin.run(line) == 0
        yield server


@pytest.fixture
def run(server: RocketMQBroker, capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*arguments: str, output: str = "json") -> Ran:
        capsys.readouterr()
        code = mqadmin.run([*arguments, "-n", server.namesrv, "--output", output])
        captured = capsys.readouterr()
        return Ran(code, captured.out, captured.err)

    return call


def send(run: Run, topic: str, body: str, **more: str) -> Any:
    options = [word for name, value in more.items() for word in (f"--{name}", value)]
    return run("sendMessage", "-t", topic, "-p", body, "-b", "broker-a", "-i", "0", *options).json["data"]


# queryMsgTraceById


def context(*fields: object) -> str:
    return "\x01".join(map(str, fields)) + "\x02"


def pub(msg_id: str, *end: object, time: int = 1000) -> str:
    kind = 3  # a delayed message
    return context("Pub", time, "R", "P", "T", msg_id, "TagA", "null", "10.0.0.1:10911", 12, 7, kind, *end)


def test_a_trace_tells_sends_and_consumptions(run: Run) -> None:
    messages = (
        pub("ID1", "OFFSETID", "true") + pub("OTHER", "X", "false", time=1),
        context("EndTransaction", 2000, "R", "P", "T", "ID1", "", "", "h:1", 2, "TX", "COMMIT_MESSAGE", "true"),
        context("Recall", 2500, "R", "P", "T", "ID1", "false"),
        context("SubAfter", "req-1", "ID1", 30, "false", "k", 3, 3030, "G"),
        context("SubBefore", 3000, "R", "G", "req-1", "ID1", 2, "k"),
        context("SubBefore", 4000, "R", "G", "req-2", "ID1", 0, "null")
        + context("SubBefore", 9, "R", "G", "r", "X", 0, ""),
    )
    for body in messages:
        send(run, "Traces", body, key="ID1")
    ran = run("queryMsgTraceById", "-i", "ID1", "-t", "Traces")
    assert (ran.code, ran.json["status"]) == (0, "ok")
    found = ran.json["data"]
    sent, ended, recalled = found["sent"]
    assert {k: sent[k] for k in ("kind", "group", "timestamp", "costMillis", "success", "tags", "keys")} == {
        "kind": "Pub", "group": "P", "timestamp": 1000, "costMillis": 7, "success": True, "tags": "TagA", "keys": None,
    }  # fmt: skip
    assert (sent["messageType"], sent["offsetMsgId"], sent["bodyLength"]) == ("Delay", "OFFSETID", 12)
    assert (ended["transactionState"], ended["fromTransactionCheck"], ended["success"]) == (
        "COMMIT_MESSAGE",
        True,
        None,
    )
    assert (recalled["kind"], recalled["success"]) == ("Recall", False)
    first, second = found["consumed"]
    assert {k: v for k, v in first.items() if k != "clientHost"} == {
        "group": "G", "beginTimestamp": 3000, "endTimestamp": 3030, "costMillis": 30, "retryTimes": 2,
        "success": False, "result": "RETURNNULL",
    }  # fmt: skip
    assert (second["beginTimestamp"], second["success"], second["endTimestamp"]) == (4000, None, None)
    assert not found["truncated"]
    table = run("queryMsgTraceById", "-i", "ID1", "-t", "Traces", output="table").out
    assert "unknown" in table, "what has not ended has no status"


@pytest.mark.parametrize(
    ("end", "offset_id", "host", "success"),
    [
        (("true",), None, None, True),  # before 4.5
        (("OFFSETID", "false"), "OFFSETID", None, False),
        (("OFFSETID", "true", "10.9.9.9"), "OFFSETID", "10.9.9.9", True),  # 4.x of some clients
    ],
)
def test_traces_of_older_clients(
    run: Run, end: tuple[str, ...], offset_id: str | None, host: str | None, success: bool
) -> None:
    msg_id = f"OLD{len(end)}"
    send(run, "Traces", pub(msg_id, *end), key=msg_id)
    (sent,) = run("queryMsgTraceById", "-i", msg_id, "-t", "Traces").json["data"]["sent"]
    assert (sent["offsetMsgId"], sent["success"]) == (offset_id, success)
    if host is not None:
        assert sent["clientHost"] == host


def test_a_consumption_without_its_time_is_dated_by_its_begin(run: Run) -> None:
    before = context("SubBefore", 3000, "R", "G", "req", "CLOUD", 0, "")
    send(run, "Traces", before + context("SubAfter", "req", "CLOUD", 30, "true", "", 0), key="CLOUD")
    (consumed,) = run("queryMsgTraceById", "-i", "CLOUD", "-t", "Traces").json["data"]["consumed"]
    assert (consumed["endTimestamp"], consumed["group"], consumed["result"]) == (3030, "G", "SUCCESS")


def test_a_trace_that_cannot_be_read_is_told(run: Run) -> None:
    send(run, "Traces", pub("BAD", "true") + context("Pub", "when", "R"), key="BAD")
    ran = run("queryMsgTraceById", "-i", "BAD", "-t", "Traces")
    assert (ran.code, len(ran.json["data"]["sent"])) == (ExitCode.PARTIAL, 1)
    assert "1 traces in the message" in ran.err


def test_more_traces_than_asked_for(run: Run) -> None:
    for place in range(3):
        send(run, "Traces", pub("MANY", "true", time=place), key="MANY")
    ran = run("queryMsgTraceById", "-i", "MANY", "-t", "Traces", "-c", "2")
    assert (ran.json["data"]["truncated"], len(ran.json["data"]["sent"])) == (True, 2)
    assert "raise -c" in ran.err


# printMsgByQueue


def test_messages_of_a_queue_are_counted_by_tag(run: Run) -> None:
    for tag in ("A", "B", "A"):
        send(run, "Tags", "body", tags=tag)
    send(run, "Tags", "body")
    line = ("printMsgByQueue", "-t", "Tags", "-a", "broker-a", "-i", "0")
    counted = run(*line, "-f", "true").json["data"]
    assert counted["tags"] == [{"tag": "A", "count": 2}, {"tag": "B", "count": 1}, {"tag": None, "count": 1}]
    assert (counted["messages"], counted["queues"][0]["messages"]) == ([], 4)
    both = run(*line, "-f", "true", "-p", "true", "-s", "A", "--limit", "1").json["data"]
    assert (len(both["messages"]), both["tags"], both["truncated"]) == (1, [{"tag": "A", "count": 1}], True)
    printed = run(*line).json["data"]
    assert (len(printed["messages"]), printed["tags"]) == (4, None)
    assert printed["messages"][0]["body"] is None
    assert run(*line, "-d", "true").json["data"]["messages"][0]["body"] == "body"
    assert run("printMsgByQueue", "-t", "Tags", "-a", "broker-a", "-i", "9").code == ExitCode.NOT_FOUND
    assert run(*line, "-f", "true", output="table").out.splitlines()[-3:] == [
        f"Tag: {tag:<30} Count: {count}" for tag, count in (("A", 2), ("B", 1), ("(none)", 1))
    ]


# queryMsgByKey, queryMsgByUniqueKey, queryMsgByOffset


def test_a_broker_without_an_index_of_tags_is_named(run: Run) -> None:
    send(run, "Tags", "body", tags="T", key="T")
    ran = run("queryMsgByKey", "-t", "Tags", "-k", "T", "-p", "t")
    assert ran.code == ExitCode.UNSUPPORTED
    assert "finding messages by their tag" in ran.err
    assert "since 5.4.0" in ran.err
    (found,) = run("queryMsgByKey", "-t", "Tags", "-k", "T", "-l", "0@Tags@K@T@X@0").json["data"]["messages"]
    hour = found["message"]["storeTimestamp"] // 3_600_000 * 3_600_000
    offset = found["message"]["commitLogOffset"]
    assert found["indexKey"] == f"{hour}@Tags@K@T@{found['message']['msgId']}@{offset}"


def test_a_unique_key_between_two_times(run: Run) -> None:
    sent = send(run, "Tags", "body")
    line = ("queryMsgByUniqueKey", "-t", "Tags", "-i", sent["msgId"])
    (found,) = run(*line).json["data"]["messages"]
    stored = found["message"]["storeTimestamp"]
    assert run(*line, "-s", str(stored), "-e", str(stored)).code == 0
    assert run(*line, "-s", str(stored + 1)).code == ExitCode.NOT_FOUND
    assert run(*line, "-e", str(stored - 1)).code == ExitCode.NOT_FOUND
    assert run(*line, "-s", "2", "-e", "1").code == ExitCode.USAGE


def test_the_broker_of_an_offset_by_another_topics_route(run: Run) -> None:
    send(run, "Tags", "body")
    line = ("queryMsgByOffset", "-t", "Tags", "-b", "broker-a", "-i", "0", "-o", "0")
    assert run(*line, "-r", "Traces").code == 0
    assert run(*line, "-r", "NoSuchTopic").code == ExitCode.NOT_FOUND
    elsewhere = run("queryMsgByOffset", "-t", "Tags", "-b", "broker-z", "-i", "0", "-o", "0", "-r", "Traces")
    assert elsewhere.code == ExitCode.NOT_FOUND
    assert "the broker 'broker-z' does not hold topic 'Traces'" in elsewhere.err


# dumpCompactionLog


def dump(run: Run, path: Path, *more: str) -> Ran:
    return run("dumpCompactionLog", "-f", str(path), *more)


def test_a_compacted_topics_file_of_apache(run: Run) -> None:
    ran = dump(run, COMPACTED)
    data = ran.json["data"]
    assert (ran.code, data["size"], data["endPosition"], data["truncated"]) == (0, 4096, END, False)
    rows = [(m["queueOffset"], m["keys"], m["tags"], m["body"]) for m in data["messages"]]
    assert rows == [(i, [f"k{(i + 1) % 2}"], f"Tag{i + 1}", f"body {i + 1}") for i in range(4)]
    limited = dump(run, COMPACTED, "--limit", "3").json["data"]
    assert (len(limited["messages"]), limited["truncated"], limited["endPosition"]) == (3, True, 3 * SIZE)
    assert not dump(run, COMPACTED, "--limit", "4").json["data"]["truncated"]


def test_a_damaged_record_ends_the_dump(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "damaged"
    shutil.copyfile(COMPACTED, path)
    with path.open("r+b") as file:
        file.seek(2 * SIZE + 4)
        file.write(b"\0\0\0\1")  # the magic of the third record
    ran = dump(run, path)
    assert (ran.code, len(ran.json["data"]["messages"])) == (ExitCode.PARTIAL, 2)
    assert f"no valid record at {2 * SIZE}: magic is 0x00000001" in ran.err


def test_a_body_that_is_damaged_is_shown_as_stored(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "damaged"
    path.write_bytes(COMPACTED.read_bytes().replace(b"body 2", b"bodX 2"))
    data = dump(run, path).json["data"]
    assert [m["bodyError"] is not None for m in data["messages"]] == [False, True, False, False]


def test_files_that_are_none(run: Run, tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    (tmp_path / "zeros").write_bytes(bytes(100))
    (tmp_path / "short").write_bytes(b"\0\0\1")
    for name in ("empty", "zeros"):
        assert dump(run, tmp_path / name).json["status"] == "empty"
    assert dump(run, tmp_path / "short").code == ExitCode.PARTIAL
    assert dump(run, tmp_path).code == ExitCode.NOT_FOUND
    assert run("dumpCompactionLog").code == ExitCode.USAGE


@pytest.mark.parametrize("window", [8, 64, SIZE - 1, SIZE, SIZE + 3, 500, 1 << 20])
def test_records_that_lie_across_windows(monkeypatch: pytest.MonkeyPatch, window: int) -> None:
    monkeypatch.setattr(compaction_log, "WINDOW", window)
    found = list(compaction_log.compacted_messages(StoreFile(COMPACTED)))
    assert [position for position, _ in found] == [0, SIZE, 2 * SIZE, 3 * SIZE]
    assert all(isinstance(message, MessageExt) for _, message in found)


def test_a_record_that_the_file_ends_in(tmp_path: Path) -> None:
    path = tmp_path / "cut"
    path.write_bytes(COMPACTED.read_bytes()[: END - 5])
    *whole, (position, last) = compaction_log.compacted_messages(StoreFile(path))
    assert (len(whole), position) == (3, 3 * SIZE)
    assert isinstance(last, BadRecordError)
