"""Which processes `mqshutdown` takes for its own, and what it says."""

import os
import signal

import psutil
import pytest

from rocketmq_ops.mqadmin.shutdown import find, stop

PYTHON = "/usr/bin/python3.11"


class Fake:
    """A process as psutil shows it; `lives` counts how often it still runs after SIGTERM."""

    def __init__(self, name="python3.11", cmdline=(), exe=PYTHON, uid=None, pid=1000, lives=1):
        self.pid, self._name, self._exe, self._cmdline = pid, name, exe, [exe, *cmdline]
        self._uid = os.getuid() if uid is None else uid
        self.signals, self.lives = [], lives

    def name(self):
        return self._name

    def exe(self):
        if self._exe is None:
            raise psutil.AccessDenied(self.pid)
        return self._exe

    def cmdline(self):
        return self._cmdline

    def uids(self):
        return (self._uid, self._uid, self._uid)

    def send_signal(self, number):
        self.signals.append(number)

    def is_running(self):
        self.lives -= 1
        return self.lives > 0

    def status(self):
        return "sleeping"


@pytest.mark.parametrize(
    "process",
    [
        Fake(name="mqbroker"),
        Fake(cmdline=["/opt/venv/bin/mqbroker", "-c", "b.conf"]),
        Fake(cmdline=["-X", "dev", "-u", "/opt/venv/bin/mqbroker"]),
        Fake(cmdline=["-m", "rocketmq_ops.broker.startup", "-n", "h:1"]),
    ],
)
def test_ours(process):
    assert find("broker", [process]) == [process]
    assert find("namesrv", [process]) == []


@pytest.mark.parametrize(
    "process",
    [
        Fake(name="java", exe="/usr/lib/jvm/bin/java", cmdline=["org.apache.rocketmq.broker.BrokerStartup"]),
        Fake(name="mqbroker", exe="/usr/bin/bash", cmdline=["/opt/rocketmq/bin/mqbroker"]),
        Fake(name="vim", exe="/usr/bin/vim", cmdline=["mqbroker"]),
        Fake(cmdline=["tool.py", "/opt/venv/bin/mqbroker"]),
        Fake(cmdline=["-c", "print('mqbroker')", "mqbroker"]),
        Fake(cmdline=["-m", "rocketmq_ops.mqadmin", "dev"], name="mqadmin-dev"),
        Fake(name="mqbroker", uid=os.getuid() + 1),
        Fake(name="mqbroker", pid=os.getpid()),
        Fake(name="mqbroker", exe=None),
    ],
)
def test_not_ours(process):
    assert find("broker", [process]) == []


def test_it_waits_and_says_what_it_stopped():
    said = []
    process = Fake(name="mqbroker", cmdline=["/opt/venv/bin/mqbroker"], pid=77, lives=3)
    assert stop("broker", [process], 60, say=said.append) == 0
    assert process.signals == [signal.SIGTERM]
    assert said == ["stopping mqbroker 77: /opt/venv/bin/mqbroker", "mqbroker 77 has stopped."]


def test_nothing_runs():
    said = []
    assert stop("namesrv", [], 60, say=said.append) == 1
    assert said == ["no mqnamesrv of yours is running."]


def test_one_that_does_not_end_is_named_and_never_killed():
    said = []
    process = Fake(name="mqbroker", pid=77, lives=10**6)
    assert stop("broker", [process], 0.1, say=said.append) == 3
    assert process.signals == [signal.SIGTERM]
    assert "77 still runs" in said[-1]
