"""Dangerous commands on a real terminal, in scripts, and where scripts must say that they mean it."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from collections.abc import Iterator

import pytest

from rocketmq_ops.mqadmin import main as mqadmin
from rocketmq_ops.mqadmin.exit_codes import ExitCode
from rocketmq_ops.mqadmin.render.affected import NOBODY
from rocketmq_ops.pytest_plugin import RocketMQBroker, rocketmq_server
from tests.terminals import listen_to_interrupts

RUN = [sys.executable, "-c", "from rocketmq_ops.mqadmin.main import main; main()"]
DELETE = ("deleteTopic", "-c", "DefaultCluster", "-t", "T")


@pytest.fixture(scope="module")
def server() -> Iterator[RocketMQBroker]:
    with rocketmq_server() as server:
        yield server


@pytest.fixture(autouse=True)
def _topic(server: RocketMQBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NAMESRV_ADDR", server.namesrv)
    monkeypatch.delenv("ROCKETMQ_OPS_CONFIRM", raising=False)
    assert mqadmin.run(["updateTopic", "-c", "DefaultCluster", "-t", "T"]) == 0


def is_there() -> bool:
    return mqadmin.run(["topicRoute", "-t", "T"]) == 0


def on_a_terminal(*words: str, typed: str) -> tuple[int, str]:
    """The exit code of a command and all that its terminal showed; `typed` is typed when it asks."""
    pid, terminal = pty.fork()
    if pid == 0:
        listen_to_interrupts()
        os.execv(RUN[0], [*RUN, *words])
    shown = b""
    asked = False
    while True:
        try:
            piece = os.read(terminal, 65536)
        except OSError:  # the other end is closed
            break
        if not piece:
            break
        shown += piece
        if not asked and b" to do so: " in shown:
            asked = True
            os.write(terminal, typed.encode())
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown.decode()


def in_a_script(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*RUN, *words], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)


def test_the_name_is_typed() -> None:
    code, shown = on_a_terminal(*DELETE, typed="T\n")
    assert code == 0, shown
    assert "would delete topic T on" in shown and "Type T to do so: " in shown
    assert shown.index(NOBODY) < shown.index("Type T to do so: "), "who is touched is shown before it is asked"
    assert not is_there()


@pytest.mark.parametrize("typed", ["\n", "yes\n", "t\n", "\x04"], ids=["nothing", "yes", "other case", "end of input"])
def test_anything_else_changes_nothing(typed: str) -> None:
    code, shown = on_a_terminal(*DELETE, typed=typed)
    assert code == ExitCode.REFUSED, shown
    assert "nothing was changed: 'T' was not typed" in shown
    assert is_there()


def test_ctrl_c_changes_nothing() -> None:
    code, shown = on_a_terminal(*DELETE, typed="\x03")
    assert code in (ExitCode.INTERRUPTED, -2), shown
    assert "Traceback" not in shown
    assert is_there()


def test_yes_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    code, shown = on_a_terminal(*DELETE, "--yes", typed="")
    assert (code, "to do so" in shown) == (0, False), shown
    assert mqadmin.run(["updateTopic", "-c", "DefaultCluster", "-t", "T"]) == 0
    monkeypatch.setenv("ROCKETMQ_OPS_CONFIRM", "yes")
    code, shown = on_a_terminal(*DELETE, typed="")
    assert (code, "to do so" in shown) == (0, False), shown


def test_what_would_change_nothing_is_not_asked() -> None:
    code, shown = on_a_terminal("deleteTopic", "-c", "DefaultCluster", "-t", "Nothing", typed="")
    assert (code, "to do so" in shown) == (ExitCode.NO_EFFECT, False), shown


def test_a_plan_is_not_asked() -> None:
    code, shown = on_a_terminal(*DELETE, "--plan", typed="")
    assert (code, "to do so" in shown) == (0, False), shown
    assert is_there()


def test_what_touches_everything_is_called_all() -> None:
    code, shown = on_a_terminal("cleanUnusedTopic", typed="all\n")
    assert code == 0, shown
    assert "Type all to do so: " in shown


def test_a_script_goes_on_as_with_apaches_tool() -> None:
    ran = in_a_script(*DELETE)
    assert ran.returncode == 0, ran.stderr
    assert not is_there()


def test_a_script_has_to_say_yes_where_that_is_required(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROCKETMQ_OPS_CONFIRM", "required")
    ran = in_a_script(*DELETE)
    assert ran.returncode == ExitCode.REFUSED
    assert "no terminal to ask on" in ran.stderr and "give --yes" in ran.stderr
    assert is_there()
    assert in_a_script(*DELETE, "--yes").returncode == 0
    assert not is_there()


def test_a_wrong_setting_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROCKETMQ_OPS_CONFIRM", "sometimes")
    ran = in_a_script(*DELETE)
    assert ran.returncode == ExitCode.USAGE
    assert "invalid ROCKETMQ_OPS_CONFIRM 'sometimes': expected ask, yes or required" in ran.stderr
    assert is_there()
