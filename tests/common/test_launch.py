"""What the servers' mains share: signals, failures as one line, the printed configuration."""

import asyncio
import os
import signal
import subprocess
import sys
import time

import pytest

from rocketmq_ops.common import launch
from rocketmq_ops.common.config import ConfigError
from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.common.properties import parse_properties
from rocketmq_ops.namesrv.config import NamesrvConfig


def test_serve_starts_waits_and_stops():
    events = []

    async def note(what: str) -> None:
        events.append(what)

    def started() -> None:
        events.append("started")
        os.kill(os.getpid(), signal.SIGTERM)

    asyncio.run(launch.serve(lambda: note("start"), started, lambda: note("stop")))
    assert events == ["start", "started", "stop"]


def test_a_second_signal_ends_a_stop_that_hangs():
    program = """
import asyncio, os, signal
from rocketmq_ops.common import launch

async def nothing(): pass

async def hang():
    print("stopping", flush=True)
    await asyncio.Event().wait()

asyncio.run(launch.serve(nothing, lambda: os.kill(os.getpid(), signal.SIGINT), hang))
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "stopping\n"
        process.terminate()
        assert process.wait(30) == -signal.SIGTERM


@pytest.mark.parametrize("run", ["asyncio.run", "event_loop.run"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_ends_a_loop_that_is_stuck(run, number):
    program = f"""
import asyncio
from rocketmq_ops.common import launch
from rocketmq_ops.remoting import event_loop

async def nothing(): pass

def stuck():
    print("stuck", flush=True)
    while True:
        pass

{run}(launch.serve(nothing, lambda: asyncio.get_running_loop().call_soon(stuck), nothing))
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "stuck\n"
        deadline = time.monotonic() + 30
        while process.poll() is None and time.monotonic() < deadline:
            process.send_signal(number)
            time.sleep(0.2)
        assert process.poll() == -number


@pytest.mark.parametrize("run", ["asyncio.run", "event_loop.run"])
def test_one_signal_stops_an_idle_loop(run):
    program = f"""
import asyncio
from rocketmq_ops.common import launch
from rocketmq_ops.remoting import event_loop

async def nothing(): pass
async def stop(): print("stopped", flush=True)

{run}(launch.serve(nothing, lambda: print("started", flush=True), stop))
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "started\n"
        process.terminate()
        assert process.stdout.readline() == "stopped\n"
        assert process.wait(30) == 0


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (RocketMQError("it broke", "mend it"), 1, "mqx: it broke; mend it"),
        (ConfigError("wrong key", "fix it"), 2, "mqx: wrong key; fix it"),
        (PermissionError(13, "Permission denied", "/x"), 1, "mqx: /x: Permission denied; check the path"),
        (OSError(28, "No space left on device", "/x"), 1, "mqx: /x: No space left on device; free space on that disk"),
        (ZeroDivisionError("two\nlines"), 1, "mqx: unexpected ZeroDivisionError: two lines; run it again with --debug"),
    ],
)
def test_failures_are_one_line(error, code, line, capsys):
    def fail() -> int:
        raise error

    assert launch.guarded("mqx", fail) == code
    err = capsys.readouterr().err
    assert err.startswith(line)
    assert err.count("\n") == 1


def test_debug_shows_the_whole_failure():
    def fail() -> int:
        raise RocketMQError("it broke")

    with pytest.raises(RocketMQError):
        launch.guarded("mqx", fail, debug=lambda: True)


def test_the_printed_configuration_is_a_property_file():
    text = launch.configuration_text([NamesrvConfig(clusterTest=True)], only_used=False)
    assert text.startswith("# NamesrvConfig\n")
    assert parse_properties(text) == NamesrvConfig(clusterTest=True).to_properties()
    assert "clusterTest" not in launch.configuration_text([NamesrvConfig()], only_used=True)


def test_the_age_of_the_process():
    assert 0 < launch.process_age_ms() < 24 * 3600 * 1000


def test_a_server_may_open_as_many_files_as_its_hard_limit_allows():
    program = (
        "import resource; from rocketmq_ops.common import launch; resource.setrlimit(resource.RLIMIT_NOFILE, (64, 128));"
        "launch.raise_file_limit(); print(resource.getrlimit(resource.RLIMIT_NOFILE))"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True)
    assert ran.stdout == "(128, 128)\n"
