"""`mqadmin shell`: lines in one process, from a file, from stdin and at a terminal."""

from __future__ import annotations

import io
import os
import pty
import re
import select
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rocketmq_ops.mqadmin import main as mqadmin
from rocketmq_ops.mqadmin import run as run_module
from rocketmq_ops.mqadmin import shell
from rocketmq_ops.mqadmin.completion import names
from rocketmq_ops.mqadmin.exit_codes import ExitCode
from rocketmq_ops.pytest_plugin import RocketMQBroker, rocketmq_server
from rocketmq_ops.remoting.client import RemotingClient
from tests.mqadmin.conftest import Ran
from tests.terminals import listen_to_interrupts

Lines = Callable[..., Ran]


@pytest.fixture(scope="module")
def server() -> Iterator[RocketMQBroker]:
    with rocketmq_server() as server:
        assert mqadmin.run(["updateTopic", "-n", server.namesrv, "-b", server.broker, "-t", "T"]) == 0
        yield server


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Lines:
    def call(text: str, *arguments: str) -> Ran:
        capsys.readouterr()
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
        code = mqadmin.run(["shell", *arguments])
        captured = capsys.readouterr()
        return Ran(code, captured.out, captured.err)

    return call


def test_lines_share_one_client(server: RocketMQBroker, lines: Lines, monkeypatch: pytest.MonkeyPatch) -> None:
    clients = []
    made = RemotingClient.__init__

    def counted(self: RemotingClient, *arguments: object, **more: object) -> None:
        clients.append(self)
        made(self, *arguments, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(RemotingClient, "__init__", counted)
    ran = lines(
        "topicRoute -t T\n\n# nothing\nmqadmin topicStatus -t T --output json  # both\ntopicList\n",
        "-n",
        server.namesrv,
    )
    assert (ran.code, ran.err) == (0, "")
    assert '"command": "topicStatus"' in ran.out
    assert len(clients) == 1
    assert clients[0]._closed
    assert run_module.warm is None
    assert "NAMESRV_ADDR" not in os.environ


def test_the_exit_code_is_that_of_the_last_failure(server: RocketMQBroker, lines: Lines) -> None:
    ran = lines("topicRoute -t Nowhere\nnoCommand\ntopicList\n", "-n", server.namesrv)
    assert ran.code == ExitCode.USAGE
    assert "there is no command 'noCommand'" in ran.err
    assert "T\n" in ran.out, "what follows a failure is run"
    assert lines("topicRoute -t Nowhere\nexit\nnoCommand\n", "-n", server.namesrv).code == ExitCode.NOT_FOUND
    assert lines("quit\n").code == 0


def test_a_file_of_lines(server: RocketMQBroker, lines: Lines, tmp_path: Path) -> None:
    (tmp_path / "script").write_text("topicList --output name\n")
    ran = lines("noCommand\n", str(tmp_path / "script"), "-n", server.namesrv)
    assert (ran.code, ran.err) == (0, "")
    assert "T" in ran.out.splitlines()
    missing = lines("", str(tmp_path / "missing"))
    assert missing.code == ExitCode.FAILED
    assert "no such file" in missing.err


def test_use_turns_to_another_cluster(server: RocketMQBroker, lines: Lines) -> None:
    ran = lines(f"topicList\nuse {server.namesrv}\ntopicList --output name\nuse\nuse no-such-profile\n")
    assert "T" in ran.out.splitlines()
    assert ran.code == ExitCode.USAGE
    causes = re.findall("^mqadmin (.*)", ran.err, re.MULTILINE)
    assert len(causes) == 3, ran.err
    assert "use takes one word" in causes[1]
    assert "there is no profile" in causes[2]
    assert "NAMESRV_ADDR" not in os.environ


def test_lines_that_cannot_be_run(lines: Lines) -> None:
    assert lines("topicList 'x\n").code == ExitCode.USAGE
    assert "no closing quotation" in lines("topicList 'x\n").err
    assert "this is the shell" in lines("shell\n").err
    assert "use HOST:PORT" in lines("help\n").out


@pytest.mark.parametrize(
    ("before", "word", "some"),
    [
        ([], "topicR", {"topicRoute"}),
        ([], "e", {"electMaster", "errors", "exit"}),
        (["help"], "topicRo", {"topicRoute"}),
        (["store"], "ch", {"check"}),
        (["topicRoute"], "--t", {"--timeout", "--topic"}),
        (["mqadmin", "topicRoute", "-t", "T", "--output"], "y", {"yaml"}),
        (["noCommand"], "x", set()),
        (["topicRoute", "-t"], "x", set()),
        (["topicRoute", "-t"], "", {"Orders", "Others"}),
        (["topicRoute", "-t"], "Ord", {"Orders"}),
        (["topicRoute", "-t"], "%", {"%RETRY%G"}),
        (["consumerProgress", "-g"], "", {"G"}),
        (["getBrokerConfig", "-b"], "127", {"127.0.0.1:10911"}),
        (["updateBrokerConfig", "-k"], "file", {"fileReservedTime"}),
        (["use"], "", {"dev"}),
        (["deleteTopic"], "--", {"--plan", "--topic"}),
    ],
)
def test_completion(before: list[str], word: str, some: set[str], monkeypatch: pytest.MonkeyPatch) -> None:
    known = {
        "topic": ["%RETRY%G", "Orders", "Others"],
        "group": ["G"],
        "address": ["127.0.0.1:10911"],
        "brokerConfig": ["fileReservedTime"],
        "profile": ["dev"],
    }
    monkeypatch.setattr(names, "live", lambda namesrv, profile: known)
    found = set(shell.candidates(before, word))
    assert some <= found
    assert all(name.lower().startswith(word.lower()) for name in found)
    assert bool(some) == bool(found)


def test_files_are_completed_where_an_option_takes_one(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "log").touch()
    assert shell.candidates(["errors", "--log"], f"{tmp_path}/lo") == [f"{tmp_path}/log", f"{tmp_path}/logs/"]


def test_live_names_are_of_the_current_cluster_and_silent_without_one(
    server: RocketMQBroker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("ROCKETMQ_OPS_PROFILES", str(tmp_path / "profiles.yaml"))
    monkeypatch.delenv("ROCKETMQ_OPS_PROFILE", raising=False)
    for count, where in enumerate((server.namesrv, "127.0.0.1:1"), 1):
        monkeypatch.setenv("NAMESRV_ADDR", where)
        end = time.monotonic() + 60
        while ("T" in shell.candidates(["topicRoute", "-t"], "T")) != (count == 1) or len(
            [*tmp_path.rglob("*.names")]
        ) < count:
            assert time.monotonic() < end
            time.sleep(0.02)
    assert os.waitpid(-1, os.WNOHANG) == (0, 0), "whoever fetched is nobody's dead child"
    assert capfd.readouterr() == ("", "")


#: Makes stdin the controlling terminal first, so that Ctrl-C is a signal.
_ON_TERMINAL = """
import fcntl, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
from rocketmq_ops.mqadmin.main import main
main()
"""


class Terminal:
    """`mqadmin shell` at a terminal of its own."""

    def __init__(self, state: Path, *arguments: str) -> None:
        self.master, slave = pty.openpty()
        environment = {**os.environ, "XDG_STATE_HOME": str(state), "TERM": "dumb"}
        command = [sys.executable, "-c", _ON_TERMINAL, "shell", *arguments]
        self.process = subprocess.Popen(
            command,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=environment,
            start_new_session=True,
            preexec_fn=listen_to_interrupts,
        )
        os.close(slave)
        self.seen = ""

    def type(self, text: str) -> None:
        os.write(self.master, text.encode())

    def wait_for(self, text: str) -> None:
        """Read until `text`, and drop what was read."""
        end = time.monotonic() + 60
        while text not in self.seen:
            ready, _, _ = select.select([self.master], [], [], max(end - time.monotonic(), 0))
            assert ready, f"no {text!r} in {self.seen!r}"
            try:
                self.seen += os.read(self.master, 65536).decode(errors="replace")
            except OSError as error:  # the other end is closed
                raise AssertionError(f"no {text!r} in {self.seen!r}") from error
        self.seen = self.seen.partition(text)[2]


def test_at_a_terminal(server: RocketMQBroker, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        terminal = Terminal(tmp_path, "-n", server.namesrv)
        try:
            prompt = f"mqadmin [{server.namesrv}]> "
            terminal.wait_for(prompt)
            terminal.type("topicRoute -t T --output js\t\n")
            terminal.wait_for('"topicRoute"')
            terminal.wait_for(prompt)
            terminal.type(f"topicList -n 127.0.0.1:{silent.getsockname()[1]} --timeout 60000\n")
            asked, _ = silent.accept()
            with asked:
                assert asked.recv(1)  # it waits for an answer now
                terminal.type("\x03")
                terminal.wait_for(prompt)
            terminal.type("createUser --password x\n")
            terminal.wait_for(prompt)
            terminal.type("createUser -u alice -p hidden-words -t Normal -b 127.0.0.1:1\n")
            terminal.wait_for(prompt)
            terminal.type("exit\n")
            assert terminal.process.wait(60) == 0
        finally:
            terminal.process.kill()
            terminal.process.wait()
            os.close(terminal.master)
    history = (tmp_path / "rocketmq-ops" / "shell-history").read_text()
    assert "topicRoute" in history
    assert "password" not in history
    assert "hidden-words" not in history


@pytest.mark.parametrize(
    ("line", "held"),
    [
        ("createUser -u alice -p x -b a:1", True),
        ("mqadmin createUser -u alice -px -b a:1", True),
        ("updateAclConfig -b a:1 -a operator -s x", True),
        ("updateAclConf -b a:1 -s x", True),
        ("createUser -u 'alice -p x", True),
        ("getUser --password x", True),
        ("updateTopicPerm -t T -p 6", False),
        ("resetOffsetByTime -g G -t T -s now", False),
        ("topicList", False),
        ("", False),
    ],
)
def test_a_line_that_may_hold_a_secret(line: str, held: bool) -> None:
    assert shell.holds_secret(line) is held


@pytest.mark.parametrize("line", ["dev --output json", "topicList --watch 1"])
def test_sigterm_ends_a_script_also_where_a_line_takes_it(server: RocketMQBroker, tmp_path: Path, line: str) -> None:
    """`dev` and `--watch` end in good order, and no line after them is run."""
    process = subprocess.Popen(
        [sys.executable, "-m", "rocketmq_ops.mqadmin", "shell", "-n", server.namesrv],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "XDG_STATE_HOME": str(tmp_path)},
    )
    assert process.stdin is not None and process.stderr is not None and process.stdout is not None
    try:
        process.stdin.write(f"{line}\nnoCommand\n".encode())
        process.stdin.flush()
        heard = process.stderr if line.startswith("dev") else process.stdout
        while b"NAMESRV_ADDR" not in (read := heard.readline()) and b"T" not in read:
            assert read
        process.terminate()
        _, errors = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == ExitCode.INTERRUPTED
    assert b"SIGTERM ended it after line 1" in errors and b"noCommand" not in errors


def test_lines_that_connect_otherwise_have_a_client_of_their_own() -> None:
    """TLS and address maps are a connection's: a client that lacks them would send in plain text."""
    with shell.Warm() as warm:
        for way in ((None, None), ({}, None), ({"a:1": "b:1"}, None), ({"a:1": "b:1"}, None), (None, "true")):
            warm.transport(*way)
        assert len(warm._clients) == 3
