"""Completion in the shells of this machine, on a terminal, and its cache of names."""

from __future__ import annotations

import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rocketmq_ops.mqadmin import main as mqadmin
from rocketmq_ops.mqadmin.completion import names
from rocketmq_ops.pytest_plugin import RocketMQBroker, rocketmq_server
from tests.terminals import listen_to_interrupts

SHELLS = {
    "bash": ["bash", "--norc", "--noprofile", "-i"],
    "zsh": ["zsh", "-f", "-i"],
    "fish": ["fish", "--no-config", "-i"],
}
LOAD = {
    "bash": 'eval "$(mqadmin completion bash)"',
    "zsh": 'autoload -Uz compinit && compinit -u -D && eval "$(mqadmin completion zsh)"',
    "fish": "mqadmin completion fish | source",
}


@pytest.fixture(scope="module")
def pair() -> Iterator[RocketMQBroker]:
    with rocketmq_server() as server:
        for topic in ("CompletedOrders", "CompletedOthers"):
            assert mqadmin.run(["updateTopic", "-b", server.broker, "-t", topic, "-n", server.namesrv]) == 0
        yield server


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """With a cache of its own, and `mqadmin` on the path."""
    folder = tmp_path / "bin"
    folder.mkdir()
    script = folder / "mqadmin"
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m rocketmq_ops.mqadmin "$@"\n')
    script.chmod(0o755)
    kept = {key: value for key, value in os.environ.items() if key not in names._VARIABLES}
    return kept | {
        "PATH": f"{folder}:{os.environ['PATH']}",
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "XDG_RUNTIME_DIR": str(tmp_path),  # fish leaves a folder in that for temporary files without it
        "ROCKETMQ_OPS_PROFILES": str(tmp_path / "profiles.yaml"),
        "TERM": "dumb",
        "HOME": str(tmp_path),
    }


def completed(environment: dict[str, str], *words: str) -> list[str]:
    """What is offered for the last word."""
    line = [sys.executable, "-m", "rocketmq_ops.mqadmin", "__complete", "fish", *words]
    ran = subprocess.run(line, env=environment, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")
    return ran.stdout.splitlines()


def until_completed(environment: dict[str, str], *words: str) -> list[str]:
    """The same once the names were fetched, which happens beside."""
    for _ in range(600):
        found = completed(environment, *words)
        if found:
            return found
    raise AssertionError(f"nothing for {words}")


def test_live_names_come_from_the_cluster_and_stay_when_it_is_gone(
    pair: RocketMQBroker, environment: dict[str, str], tmp_path: Path
) -> None:
    ask = ("-n", pair.namesrv)
    assert until_completed(environment, "topicRoute", *ask, "-t", "Comp") == ["CompletedOrders", "CompletedOthers"]
    assert completed(environment, "getBrokerConfig", *ask, "-b", "") == [pair.broker]
    assert completed(environment, "getBrokerConfig", *ask, "-c", "") == ["DefaultCluster"]
    assert "fileReservedTime" in completed(environment, "updateBrokerConfig", *ask, "-k", "fileR")
    assert "orderMessageEnable" in completed(environment, "updateNamesrvConfig", *ask, "-k", "orderM")
    (cache,) = (tmp_path / "cache" / "rocketmq-ops" / "completion").glob("*.names")
    assert cache.stat().st_mode & 0o777 == 0o600
    # An old cache of a cluster that is gone is used; what was known stays.
    text = cache.read_text().replace(pair.namesrv, "127.0.0.1:9")
    key = text.partition("\n")[0]
    gone = cache.with_name(Path(_path_of(key)).name)
    gone.write_text(text)
    os.utime(gone, (1, 1))
    assert completed(environment, "topicRoute", "-n", "127.0.0.1:9", "-t", "CompletedOr") == ["CompletedOrders"]


def _path_of(key: str) -> str:
    import zlib

    return f"{zlib.crc32(key.encode()):08x}{zlib.adler32(key.encode()):08x}.names"


def test_it_is_silent_when_the_cluster_is_down_or_the_cache_cannot_be_written(
    environment: dict[str, str], tmp_path: Path
) -> None:
    assert completed(environment, "topicRoute", "-n", "127.0.0.1:9", "-t", "") == []
    assert completed(environment, "topicRoute", "-t", "") == []
    (tmp_path / "file").write_text("")
    assert completed(environment | {"XDG_CACHE_HOME": str(tmp_path / "file")}, "topicRoute", "-t", "") == []


def test_a_broken_cache_is_as_none(tmp_path: Path) -> None:
    path = tmp_path / "x.names"
    for broken in (b"", b"key", b"other\nok\ntopic\tT", b"\xff\nok"):
        path.write_bytes(broken)
        assert names._read(str(path), "key") is None
    names._write(str(path), "key", {"topic": ["T"]}, True, previous=None)
    assert names._read(str(path), "key") == ({"topic": ["T"]}, True)
    names._write(str(path), "key", {"profile": ["p"]}, False, previous=names._read(str(path), "key"))
    assert names._read(str(path), "key") == ({"topic": ["T"], "profile": ["p"]}, True)
    os.utime(path, (1, 1))
    found = names._read(str(path), "key")
    assert found is not None and not found[1]


def test_what_runs_on_each_tab_imports_no_parser_and_no_loop() -> None:
    probe = (
        "import sys; from rocketmq_ops.mqadmin.main import run; run(['__complete', 'zsh', 'topicRoute', '--']); "
        "sys.stderr.write(' '.join(sys.modules))"
    )
    ran = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert "--topic:topic name" in ran.stdout
    assert not set(ran.stderr.split()) & {"typer", "asyncio", "msgspec", "yaml", "json", "logging"}


class Terminal:
    """A shell on a terminal."""

    def __init__(self, command: list[str], environment: dict[str, str]) -> None:
        self.pid, self.file = pty.fork()
        if self.pid == 0:
            listen_to_interrupts()
            os.execvpe(command[0], command, environment)
        self.seen = ""

    def type(self, text: str) -> None:
        os.write(self.file, text.encode())

    def wait_for(self, pattern: str) -> None:
        """Until what was printed since the last time has the pattern."""
        while re.search(pattern, self.seen) is None:
            ready, _, _ = select.select([self.file], [], [], 60)
            assert ready, f"{pattern} is not in {self.seen!r}"
            self.seen += os.read(self.file, 65536).decode(errors="replace")
        self.seen = ""

    def close(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.file)


@pytest.mark.parametrize("shell", SHELLS)
def test_tab_on_a_terminal(shell: str, pair: RocketMQBroker, environment: dict[str, str]) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"no {shell}")
    environment["NAMESRV_ADDR"] = pair.namesrv
    environment["COLUMNS"] = "200"
    folder = Path(environment["HOME"])
    line = [sys.executable, "-m", "rocketmq_ops.mqadmin", "__complete", "bash", "topicRoute", "-t", "Comp"]
    for _ in range(600):  # names of the folder in which the shell starts
        ran = subprocess.run(line, env=environment, cwd=folder, capture_output=True, text=True, check=False)
        if ran.stdout:
            break
    terminal = Terminal(["env", "-C", str(folder), *SHELLS[shell]], environment)
    try:
        terminal.type(LOAD[shell] + "; echo load''ed\r")
        terminal.wait_for("loaded")
        terminal.type("mqadmin topicRou\t")
        terminal.wait_for("topicRoute")
        terminal.type(" -t CompletedOr\t")
        terminal.wait_for("CompletedOrders")
        terminal.type("\x15mqadmin getBrokerConfig -b 127.0.0.1:\t")
        terminal.wait_for(pair.broker.rpartition(":")[2])
    finally:
        terminal.close()
