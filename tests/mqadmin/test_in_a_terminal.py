"""The installed command in a real terminal: tmux interprets what it writes, and types what is typed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rocketmq_ops.pytest_plugin import RocketMQBroker, rocketmq_server

pytestmark = pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed")
SCRIPT = Path(sys.executable).with_name("mqadmin")


class Terminal:
    """A bash in a tmux of its own, 100 columns by 30 lines."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self._tmux = ["tmux", "-S", str(folder / "socket"), "-f", os.devnull]
        self._environment = environment

    def open(self) -> None:
        self._run("new-session", "-d", "-x", "100", "-y", "30", "bash", "--norc", "--noprofile")
        self.type("PS1='ready'\"> \"", "Enter")
        self.until("\nready>")

    def _run(self, *words: str) -> str:
        ran = subprocess.run(
            [*self._tmux, *words], env=self._environment, capture_output=True, text=True, check=True, timeout=60
        )
        return ran.stdout

    def type(self, *keys: str) -> None:
        """Keys by tmux's names, and text as it is."""
        self._run("send-keys", "--", *keys)

    def fetch_names(self, *words: str) -> None:
        """Have the names of the cluster in the cache: they are fetched beside the first Tab that asks for them."""
        for _ in range(600):
            asked = [SCRIPT, "__complete", "bash", *words]
            if subprocess.run(asked, env=self._environment, capture_output=True, check=True, timeout=60).stdout:
                return
            time.sleep(0.05)
        raise AssertionError(f"nothing for {words}")

    def clear(self) -> None:
        self.type("C-l")
        self.until("ready>", lines=1)

    @property
    def shown(self) -> str:
        return self._run("capture-pane", "-p")

    def until(self, *texts: str, lines: int | None = None) -> str:
        """What is shown once it has all of the texts, and so many lines."""
        for _ in range(600):
            shown = self.shown
            if all(text in shown for text in texts) and lines in (None, len(shown.strip().splitlines())):
                return shown
            time.sleep(0.05)
        raise AssertionError(f"never shown: {texts}\n{self.shown}")

    def close(self) -> None:
        subprocess.run([*self._tmux, "kill-server"], check=False, capture_output=True, timeout=60)


@pytest.fixture(scope="module")
def pair() -> Iterator[RocketMQBroker]:
    with rocketmq_server() as server:
        yield server


@pytest.fixture
def terminal(pair: RocketMQBroker, tmp_path: Path) -> Iterator[Terminal]:
    if not SCRIPT.exists():
        pytest.skip("the package is not installed, so there is no script")
    kept = {key: value for key, value in os.environ.items() if key not in ("TMUX", "TMUX_PANE")}
    environment = kept | {
        "PATH": f"{SCRIPT.parent}:{os.environ['PATH']}",
        "NAMESRV_ADDR": pair.namesrv,
        "HOME": str(tmp_path),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "XDG_STATE_HOME": str(tmp_path / "state"),
        "LC_ALL": "C.UTF-8",
    }
    terminal = Terminal(tmp_path, environment)
    try:
        terminal.open()
        yield terminal
    finally:
        terminal.close()


def test_the_name_is_typed_before_a_deletion(terminal: Terminal) -> None:
    terminal.type("mqadmin updateTopic -c DefaultCluster -t Typed -r 2 -w 2 && echo code $?", "Enter")
    terminal.until("create topic to", "code 0")
    terminal.clear()
    for typed, code in (("typed", 6), ("Typed", 0)):
        terminal.type("mqadmin deleteTopic -c DefaultCluster -t Typed; echo code $?", "Enter")
        terminal.until("Type Typed to do so:")
        terminal.type(typed, "Enter")
        terminal.until(f"code {code}")
        terminal.clear()
    terminal.type("mqadmin topicRoute -t Typed; echo code $?", "Enter")
    terminal.until("code 4")


def test_a_watched_table_stays_in_place_and_marks_what_changes(pair: RocketMQBroker, terminal: Terminal) -> None:
    ready = subprocess.run(
        [SCRIPT, "updateTopic", "-n", pair.namesrv, "-b", pair.broker, "-t", "Watched", "-r", "1", "-w", "1"],
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert ready.returncode == 0
    terminal.type("mqadmin topicStatus -t Watched --watch 1; echo code $?", "Enter")
    before = terminal.until("#Max Offset", "every 1 s")
    assert before.count("#Max Offset") == 1
    sent = subprocess.run(
        [SCRIPT, "sendMessage", "-n", pair.namesrv, "-t", "Watched", "-p", "x"],
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert sent.returncode == 0
    after = terminal.until("#Max Offset", "* broker-a")
    assert after.count("#Max Offset") == 1, "the new round is where the old one was"
    terminal.type("C-c")
    terminal.until("code 130")


def test_tab_completes_commands_options_and_live_names(pair: RocketMQBroker, terminal: Terminal) -> None:
    made = subprocess.run(
        [SCRIPT, "updateTopic", "-n", pair.namesrv, "-b", pair.broker, "-t", "CompletedHere", "-r", "1", "-w", "1"],
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert made.returncode == 0
    terminal.type('eval "$(mqadmin completion bash)"; echo loaded', "Enter")
    terminal.until("\nloaded")
    terminal.clear()
    terminal.type("mqadmin topicRo", "Tab")
    terminal.until("mqadmin topicRoute")
    terminal.type("--lis", "Tab")
    terminal.until("topicRoute --list")
    terminal.fetch_names("topicRoute", "-t", "CompletedH")
    terminal.type("-t CompletedH", "Tab")
    terminal.until("-t CompletedHere")
    terminal.type("Enter")
    terminal.until("#ClusterName", "Total: 1 broker")
