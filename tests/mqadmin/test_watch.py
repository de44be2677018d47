"""`--watch`: rounds into a pipe and on a real terminal, what is marked, rounds that fail, and how it ends."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from rocketmq_ops.mqadmin import main as mqadmin
from rocketmq_ops.mqadmin import registry
from rocketmq_ops.mqadmin.repeating.watch import marked, screen
from rocketmq_ops.pytest_plugin import rocketmq_server
from tests.mqadmin.conftest import Cli, Ran
from tests.mqadmin.fake_cluster import FakeCluster
from tests.mqadmin.test_declarations import built
from tests.terminals import listen_to_interrupts


def watch(cli: Cli, monkeypatch: pytest.MonkeyPatch, between: list[Callable[[FakeCluster], None]], *more: str) -> Ran:
    """topicRoute --watch; after each round one of `between` is done, then Ctrl-C comes."""
    cluster = FakeCluster()
    cluster["broker-a"].add_topic("T", 4)
    left = list(between)

    async def sleep(seconds: float) -> None:
        if not left:
            raise KeyboardInterrupt
        left.pop(0)(cluster)

    monkeypatch.setattr("rocketmq_ops.mqadmin.repeating.repeat.asyncio.sleep", sleep)
    return cli(cluster.transport, "topicRoute", "-t", "T", "-n", cluster.namesrv, *more)


def more_queues(cluster: FakeCluster) -> None:
    cluster["broker-a"].add_topic("T", 8)


def name_server_gone(cluster: FakeCluster) -> None:
    cluster.stop(cluster.namesrv)


def name_server_back(cluster: FakeCluster) -> None:
    cluster.start_name_server(cluster.namesrv)


def test_one_document_after_the_other(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    ran = watch(cli, monkeypatch, [more_queues], "--watch", "--output", "yaml")
    assert ran.code == 130
    rounds = list(yaml.safe_load_all(ran.out))
    assert [one["data"]["brokers"][0]["readQueueNums"] for one in rounds] == [4, 8]


def test_tables_are_parted_by_an_empty_line(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    ran = watch(cli, monkeypatch, [more_queues], "-l", "--watch", "5")
    rounds = [part.split("\n") for part in ran.out.split("\n\n")]
    assert len(rounds) == 2 and all(lines[1].split()[0] == "#ClusterName" for lines in rounds)
    assert all(re.fullmatch(r"mqadmin topicRoute, every 5 s, \d\d:\d\d:\d\d", lines[0]) for lines in rounds)
    assert "\x1b" not in ran.out and "* " not in ran.out


def test_a_round_that_fails_says_when_the_last_good_one_was(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    ran = watch(cli, monkeypatch, [name_server_gone, name_server_back], "--watch=1", "--output", "json")
    decoder, at, documents = json.JSONDecoder(), 0, []
    while at < len(ran.out):
        document, end = decoder.raw_decode(ran.out, at)
        documents.append(document)
        at = end + 1
    assert [document["status"] for document in documents] == ["ok", "failed", "ok"]
    assert re.search(r"note: the round of [\d:]{8} failed: the last good round was at \d\d:\d\d:\d\d\n", ran.err)
    assert "Traceback" not in ran.err


def test_the_first_round_may_fail(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    ran = watch(cli, monkeypatch, [], "--watch", "--output", "csv", "-n", "10.255.0.1:9876")
    assert (ran.code, ran.out) == (130, "")
    assert re.search(r"note: the round of [\d:]{8} failed: no round succeeded yet", ran.err)


@pytest.mark.parametrize("form", ["table", "json"])
def test_a_round_that_is_partial_shows_its_time_and_what_failed(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    cluster = FakeCluster(("broker-a", "C1"), ("broker-b", "C1"))

    async def sleep(seconds: float) -> None:
        if cluster["broker-b"].address not in {address for address, _ in cluster.transport.handlers}:
            raise KeyboardInterrupt
        cluster.stop(cluster["broker-b"].address)

    monkeypatch.setattr("rocketmq_ops.mqadmin.repeating.repeat.asyncio.sleep", sleep)
    ran = cli(cluster.transport, "clusterList", "-n", cluster.namesrv, "--watch", "--output", form)
    assert ran.code == 130
    assert "cannot connect to 10.1.0.2:10911" in ran.err
    assert len(re.findall(r"note: the round of \d\d:\d\d:\d\d is partial", ran.err)) == 1
    heads = [line.rpartition(", every 2 s, ")[2][8:] for line in ran.out.splitlines() if line.startswith("mqadmin ")]
    assert heads == (["", ": PARTIAL, 1 failed"] if form == "table" else [])


def test_a_wrong_command_line_ends_it(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    ran = watch(cli, monkeypatch, [], "--watch", "--query", "sort(topic)")
    assert ran.code == 2
    assert "the query cannot be applied" in ran.err
    for value in ("0", "soon"):
        assert watch(cli, monkeypatch, [], "--watch", value).code == 2


def test_two_ways_to_repeat(cli: Cli) -> None:
    cluster = FakeCluster()
    ran = cli(cluster.transport, "clusterList", "-n", cluster.namesrv, "-i", "1", "--watch")
    assert ran.code == 2
    assert "-i and --watch are two ways to repeat a command" in ran.err


def test_commands_that_change_or_stream_do_not_have_it() -> None:
    having = {
        entry.name
        for entry in registry.ENTRIES
        if any("--watch" in parameter.opts for parameter in built(entry).params)
    }
    assert {"topicRoute", "topicStatus", "consumerProgress", "clusterList", "brokerStatus", "printMsg"} <= having
    assert not having & (registry.CHANGING | {"dev", "startMonitoring", "store dump", "sendMessage", "clusterRT"})


def test_lines_that_were_not_there_are_marked() -> None:
    before = {("#A", "#B"), ("x", "1"), ("y", "2")}
    assert marked(["#A   #B", "x     1", "y    30"], before) == ["  #A   #B", "  x     1", "* y    30"]
    assert marked(["#A"], None) == ["  #A"], "in the first round nothing is new"


def test_colour_comes_on_top_of_the_sign() -> None:
    lines = ["  a", "* b"]
    assert screen("t", lines, None, colours=False) == "t\n  a\n* b\n"
    assert screen("t", lines, None, colours=True) == "t\n  a\n\x1b[33m* b\x1b[0m\n"


def test_a_screen_that_is_too_low_says_so() -> None:
    assert screen("t", ["  a", "  b", "  c"], 5, colours=False) == "t\n  a\n  b\n... 1 more lines do not fit here\n"


class Terminal:
    """A process whose terminal this is."""

    _START = "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.executable, sys.argv)"

    def __init__(self, *argv: str) -> None:
        self._master, slave = pty.openpty()
        code = self._START.replace("sys.argv)", "[sys.executable, '-m', 'rocketmq_ops.mqadmin', *sys.argv[1:]])")
        environment = {**os.environ, "COLUMNS": "60", "NO_COLOR": "1"}
        self._process: subprocess.Popen[bytes] = subprocess.Popen(
            [sys.executable, "-c", code, *argv],
            stdin=slave, stdout=slave, stderr=slave, start_new_session=True, preexec_fn=listen_to_interrupts, env=environment,
        )  # fmt: skip
        os.close(slave)
        self.seen = ""

    def until(self, pattern: str) -> Any:
        """Read until this is there; the test's own timeout ends what never comes."""
        while not (found := re.search(pattern, self.seen, re.DOTALL)):
            data = os.read(self._master, 65536)
            assert data, self.seen
            self.seen += data.decode("utf-8", "replace").replace("\r\n", "\n")
        return found

    def press_ctrl_c(self) -> int:
        """Its exit code after that."""
        os.write(self._master, b"\x03")
        with contextlib.suppress(OSError):  # the end of a terminal
            while os.read(self._master, 65536):
                pass
        return self._process.wait()

    def close(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        os.close(self._master)


@pytest.mark.timeout(120)
def test_on_a_real_terminal() -> None:
    with rocketmq_server() as server:
        line = ["-t", "T", "-n", server.namesrv]
        assert mqadmin.run(["updateTopic", "-b", server.broker, *line, "-r", "2", "-w", "2"]) == 0
        terminal = Terminal("topicStatus", *line, "--watch", "1")
        try:
            terminal.until(
                r"\x1b\[H\x1b\[2Jmqadmin topicStatus, every 1 s, \d\d:\d\d:\d\d\n  #Broker Name .*#Max Offset\n"
            )
            terminal.until(r"\.\.\. 1 column does not fit here: #Last Updated; --output wide shows all\n")
            send = ["sendMessage", "-t", "T", "-p", "x", "-b", "broker-a", "-i", "1", "-n", server.namesrv]
            assert mqadmin.run(send) == 0
            terminal.until(r"\n  broker-a +0 +0 +0\n\* broker-a +1 +0 +1\n")
            assert terminal.press_ctrl_c() == 130
            assert "Traceback" not in terminal.seen
        finally:
            terminal.close()
