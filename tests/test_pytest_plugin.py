"""The pytest plugin, as another project's tests use it."""

import json
import os
import socket
import subprocess
import sys

import pytest

from rocketmq_ops.pytest_plugin import RocketMQStartError, rocketmq_server

pytest_plugins = "pytester"

#: By module, whether or not this checkout is installed with its entry point.
ARGUMENTS = ("-p", "no:rocketmq_ops", "-p", "rocketmq_ops.pytest_plugin", "-p", "no:cacheprovider")


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def run(pytester: pytest.Pytester, *more: str) -> pytest.RunResult:
    return pytester.runpytest_subprocess(*ARGUMENTS, *more, timeout=120)


def test_the_fixture_serves_a_session_and_stops(pytester):
    pytester.makefile(".conf", broker="brokerName=from-the-file\n")
    pytester.makeini("[pytest]\nrocketmq_broker_config = broker.conf\n")
    pytester.makepyfile(
        """
        import json, os, pathlib, socket, sys

        def connect(address):
            host, port = address.rsplit(":", 1)
            socket.create_connection((host, int(port)), 5).close()

        def test_first(rocketmq_broker):
            connect(rocketmq_broker.namesrv)
            connect(rocketmq_broker.broker)
            assert "The broker[from-the-file, " in rocketmq_broker.output()
            assert rocketmq_broker.pid != os.getpid()
            assert "rocketmq_ops.broker" not in sys.modules
            pathlib.Path("seen.json").write_text(json.dumps([rocketmq_broker.pid, rocketmq_broker.log_file]))

        def test_second(rocketmq_broker):
            assert json.loads(pathlib.Path("seen.json").read_text())[0] == rocketmq_broker.pid
        """
    )
    run(pytester, "-q").assert_outcomes(passed=2)
    pid, log_file = json.loads((pytester.path / "seen.json").read_text())
    assert not alive(pid)
    assert not os.path.exists(log_file)


def test_a_process_that_dies_is_reported_with_its_output(pytester):
    pytester.makefile(".conf", broken="fileReservedTime=soon\n")
    pytester.makeini("[pytest]\nrocketmq_broker_config = broken.conf\n")
    pytester.makepyfile("def test_it(rocketmq_broker): pass")
    result = run(pytester)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*ended with code * before it was ready*", "*fileReservedTime*soon*"])


def test_the_plugin_loads_nothing_heavy():
    probe = (
        "import sys, pytest; before = set(sys.modules); import rocketmq_ops.pytest_plugin; "
        "print(*sorted(m for m in set(sys.modules) - before))"
    )
    loaded = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True).stdout.split()
    ours = [name for name in loaded if name.startswith("rocketmq_ops")]
    assert ours == ["rocketmq_ops", "rocketmq_ops.pytest_plugin"]
    assert {"asyncio", "msgspec", "typer", "uvloop"}.isdisjoint(loaded)


def test_a_command_that_is_missing():
    with (
        pytest.raises(RocketMQStartError, match="cannot run /nonexistent/mqadmin"),
        rocketmq_server(command=["/nonexistent/mqadmin"]),
    ):
        pass


def test_a_process_that_hangs_is_given_up_and_killed():
    with (
        pytest.raises(RocketMQStartError, match=r"not ready within 0\.2 s"),
        rocketmq_server(
            command=[sys.executable, "-c", "import time; time.sleep(60)"], start_timeout=0.2, stop_timeout=5
        ),
    ):
        pass


def test_two_servers_side_by_side():
    with rocketmq_server() as first, rocketmq_server() as second:
        assert len({first.namesrv, first.broker, second.namesrv, second.broker}) == 4
        host, port = second.broker.rsplit(":", 1)
        socket.create_connection((host, int(port)), 5).close()
    assert not alive(first.pid)
    assert not alive(second.pid)
