"""Bodies in each form and by decoders, and the ways of sending: through a name server and broker."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from rocketmq_ops.client.admin.messages.message_send import _by_hash
from rocketmq_ops.common.java_hash import string_hash
from rocketmq_ops.mqadmin import main as mqadmin
from rocketmq_ops.mqadmin.commands.message import send_message
from rocketmq_ops.mqadmin.exit_codes import ExitCode
from rocketmq_ops.mqadmin.messages import bodies
from rocketmq_ops.mqadmin.render.progress import ReadLine
from rocketmq_ops.pytest_plugin import RocketMQBroker, rocketmq_server
from tests.mqadmin.conftest import Ran

Run = Callable[..., Ran]


@pytest.fixture(scope="module")
def server() -> Iterator[RocketMQBroker]:
    with rocketmq_server() as server:
        for topic in ("Bodies", "Lines", "Ordered", "Sent"):
            line = ["updateTopic", "-n", server.namesrv, "-b", server.broker, "-t", topic, "-r", "4", "-w", "4"]
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


@pytest.mark.parametrize("text", ["tags", "sql92: a = 1 b = 2"], ids=["ours", "sql92"])
def test_a_wrong_condition_is_refused(text: str, run: Run) -> None:
    ran = run("printMsg", "-t", "Bodies", "--where", text, output="table")
    assert (ran.code, ran.out) == (ExitCode.USAGE, "")
    assert "--where: invalid" in ran.err


def body_of(ran: Ran) -> tuple[Any, Any, Any]:
    found = ran.json["data"]["messages"][0]
    found = found.get("message", found)
    return found["body"], found["bodyBase64"], found["bodyError"]


def test_bodies_in_each_form(run: Run) -> None:
    raw = '{"a": [1.10,  12345678901234567.89], "name": "中"}'
    sent = run("sendMessage", "-t", "Bodies", "-p", raw, "-k", "json").json["data"]
    where = ("-t", "Bodies", "-b", sent["brokerName"], "-i", str(sent["queueId"]), "-o", str(sent["queueOffset"]))
    ways = [
        ("queryMsgByOffset", *where),
        ("queryMsgByKey", "-t", "Bodies", "-k", "json"),
        ("queryMsgByUniqueKey", "-t", "Bodies", "-i", sent["msgId"]),
        ("queryMsgById", "-t", "Bodies", "-i", sent["offsetMsgId"]),
        ("printMsg", "-t", "Bodies"),
        ("consumeMessage", "-t", "Bodies"),
        ("printMsgByQueue", "-t", "Bodies", "-a", sent["brokerName"], "-i", str(sent["queueId"]), "-d", "true"),
    ]
    json_body, by_python = (
        '{"a":[1.10,12345678901234567.89],"name":"中"}',
        '{"a":[1.1,1.2345678901234568e+16],"name":"中"}',
    )
    for way in ways:
        assert body_of(run(*way)) == (raw, None, None), way
        assert body_of(run(*way, "--body", "json")) == (json_body, None, None), way
        assert body_of(run(*way, "--body", "hex")) == (raw.encode().hex(), None, None), way
        assert body_of(run(*way, "--body", "base64"))[0] is None, way
        assert body_of(run(*way, "--decode", "json:loads")) == (by_python, None, None), way


def test_decoders(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "decoders_of_this_test.py").write_text(
        "def upper(body):\n    return body.upper()\ndef fail(body):\n    raise KeyError('x')\nvalue = 1\n"
    )
    sent = run("sendMessage", "-t", "Sent", "-p", "text").json["data"]
    way = ("queryMsgByUniqueKey", "-t", "Sent", "-i", sent["msgId"])
    assert body_of(run(*way, "--decode", "decoders_of_this_test:upper")) == ("TEXT", None, None)
    assert body_of(run(*way, "--decode", "decoders_of_this_test:fail")) == (
        *(None, "dGV4dA=="),
        "the decoder failed: KeyError: 'x'",
    )
    assert "is not JSON" in body_of(run(*way, "--body", "json"))[2]
    point = EntryPoint("upper", "decoders_of_this_test:upper", bodies.ENTRY_POINTS)
    monkeypatch.setattr(
        "importlib.metadata.entry_points", lambda group: [point] if group == bodies.ENTRY_POINTS else []
    )
    assert body_of(run(*way, "--decode", "upper")) == ("TEXT", None, None)
    for wrong, said in (
        ("lower", "there are upper"),
        ("decoders_of_this_test:value", "has no function value"),
        ("decoders_of_this_test:nothing", "has no function nothing"),
        ("no_such_module:x", "cannot be imported: ModuleNotFoundError"),
        (":x", "expected MODULE:FUNCTION"),
    ):
        ran = run(*way, "--decode", wrong)
        assert ran.code == ExitCode.USAGE
        assert said in ran.err


def test_lines_are_sent_and_a_scan_finds_them(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [json.dumps({"n": n}) for n in range(40)]
    (tmp_path / "lines").write_text("\n".join([*lines[:20], "", *lines[20:]]) + "\r\n")
    ran = run("sendMessage", "-t", "Lines", "--bodyFile", str(tmp_path / "lines"), "--lines", "-c", "L")
    assert (ran.code, ran.json["data"]["sent"], len(ran.json["data"]["messages"])) == (0, 40, 40)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"from stdin\n")))
    assert run("sendMessage", "-t", "Lines", "--bodyFile", "-").json["data"]["sent"] == 1
    found = run("printMsg", "-t", "Lines", "--where", "tags = 'L' and body.n >= 37")
    assert sorted(m["body"] for m in found.json["data"]["messages"]) == sorted(lines[37:])
    assert found.json["notes"] == ["3 of 41 messages that were read meet the condition"]
    few = run("consumeMessage", "-t", "Lines", "-c", "5", "--where", "body.n < 0")
    assert (few.code, few.json["status"], few.json["data"]["truncated"]) == (0, "empty", True)
    whole = run("printMsg", "-t", "Lines", "--where", "body = 'from stdin\n'").json["data"]["messages"]
    assert len(whole) == 1


def test_the_first_line_that_fails_is_told(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(send_message, "WINDOW", 1)
    (tmp_path / "lines").write_bytes(b"one\n" + b"x" * (5 << 20) + b"\nthree\n")
    ran = run("sendMessage", "-t", "Sent", "--bodyFile", str(tmp_path / "lines"), "--lines")
    assert (ran.code, ran.json["data"]["sent"]) == (ExitCode.PARTIAL, 1)
    assert ran.json["errors"][0]["target"] == "line 2"
    assert "then send from line 2 on" in ran.json["errors"][0]["nextStep"]
    (tmp_path / "empty").write_bytes(b"\n\n")
    assert run("sendMessage", "-t", "Sent", "--bodyFile", str(tmp_path / "empty"), "--lines").code == ExitCode.USAGE


def test_an_ordering_key_has_one_queue(run: Run, tmp_path: Path) -> None:
    (tmp_path / "lines").write_text("".join(f"{n}\n" for n in range(8)))
    for key in ("order-1", "order-2", "a"):
        ran = run(
            "sendMessage", "-t", "Ordered", "--bodyFile", str(tmp_path / "lines"), "--lines", "--shardingKey", key
        )
        sent = ran.json["data"]["messages"]
        assert {one["queueId"] for one in sent} == {abs(string_hash(key)) % 4}
        assert [one["queueOffset"] for one in sent] == list(range(sent[0]["queueOffset"], sent[0]["queueOffset"] + 8))


def test_the_queue_of_an_ordering_key_is_the_one_that_java_takes() -> None:
    """Queues by broker name, then id; of a negative hash the remainder without its sign."""
    queues = [(name, "h:1", queue, 2) for name in ("b", "a") for queue in (1, 0)]
    assert string_hash("order-1") == -1207111310
    assert _by_hash(queues, "order-1")[::2] == ("b", 0)
    assert _by_hash(queues, "c")[::2] == ("b", 1)  # 99 % 4


def test_properties_and_times_of_delivery(run: Run) -> None:
    def properties(*options: str) -> dict[str, str]:
        sent = run("sendMessage", "-t", "Sent", "-p", "x", *options).json["data"]
        found = run("queryMsgById", "-t", "Sent", "-i", sent["offsetMsgId"]).json["data"]["messages"][0]["message"]
        return dict(found["properties"])

    assert properties("--properties", "a=1, b=x=y").items() >= {"a": "1", "b": "x=y"}.items()
    assert properties("--properties", '{"a": "1,2"}')["a"] == "1,2"
    assert properties("--delayLevel", "18")["DELAY"] == "18"
    for wrong in ("a", "=1", "a=1,a=2", '{"a": 1}', "{"):
        assert run("sendMessage", "-t", "Sent", "-p", "x", "--properties", wrong).code == ExitCode.USAGE


def test_a_delay_level_above_the_highest_is_noted(run: Run) -> None:
    """A broker takes it as its highest, and does not say so."""
    line = ["sendMessage", "-t", "Sent", "-p", "x"]
    assert run(*line, "--delayLevel", "18").json["notes"] == []
    sent = run(*line, "--delayLevel", "99")
    assert (sent.code, sent.json["status"]) == (0, "ok")
    assert sent.json["notes"] == [
        "level 99 is above 18, the highest of broker-a: it is delivered as one of level 18, after 2h"
    ]


def test_progress_of_a_scan_on_a_terminal(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run("sendMessage", "-t", "Sent", "-p", "x").code == 0
    monkeypatch.setattr(ReadLine, "FIRST", 0.0)
    for command in ("consumeMessage", "printMsg"):
        assert "messages read" not in run(command, "-t", "Sent").err
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    for command in ("consumeMessage", "printMsg"):
        shown = run(command, "-t", "Sent").err
        assert f"mqadmin {command}: 0 messages read, 0 s" in shown and shown.endswith("\r\x1b[K")


@pytest.mark.parametrize(
    "options",
    [["-p", "x", "--lines"], ["-p", "x", "--bodyFile", "f"], [], ["-p", "x", "--delayLevel", "1", "--deliverTime", "1"],
     ["-p", "x", "--delayLevel", "0"]],
)  # fmt: skip
def test_options_that_do_not_go_together(options: list[str], run: Run) -> None:
    assert run("sendMessage", "-t", "Sent", *options).code == ExitCode.USAGE
