"""What a command line imports: the help nothing but the registry, a command only what it uses."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from rocketmq_ops.remoting.bodies.route import BrokerData, QueueData, TopicRouteData
from rocketmq_ops.remoting.command import RemotingCommand
from rocketmq_ops.remoting.frame_codec import FrameDecoder, encode

# What a version of typer (or of a library below it) may pull in; each takes longer to import than a command to run.
HEAVY = {
    "pydantic",
    "pydantic_core",
    "email",
    "importlib.metadata",
    "rich",
    "rich.console",
    "pygments",
    "attr",
    "http.client",
    "tabulate",
    "wcwidth",
}

PROBE = """
import sys
from rocketmq_ops.mqadmin.main import run
code = run({argv!r})
sys.stderr.write("MODULES " + " ".join(sorted(sys.modules)))
sys.exit(code)
"""


def modules_after(*argv: str, code: int = 0, language: str = "en") -> set[str]:
    """The modules loaded when this command line is done, in a process of its own."""
    environment = {key: value for key, value in os.environ.items() if key != "NAMESRV_ADDR"}
    environment["ROCKETMQ_OPS_LANG"] = language
    ran = subprocess.run(
        [sys.executable, "-c", PROBE.format(argv=list(argv))],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    assert ran.returncode == code, ran.stderr
    return set(ran.stderr.partition("MODULES ")[2].split())


@pytest.mark.parametrize("argv", [("--help",), ("help",), ("--version",)])
def test_the_listing_imports_no_command_and_no_library(argv: tuple[str, ...]) -> None:
    loaded = modules_after(*argv)
    assert not loaded & {"textual", "rich", "rich.live", "typer", "asyncio", "msgspec", "yaml", "numpy"}
    ours = {name for name in loaded if name.startswith("rocketmq_ops.")}
    # `shipped` says where the pages are, `code_table` is what exit codes are made of; neither imports anything of ours.
    assert ours - {"rocketmq_ops.common", "rocketmq_ops.common.shipped", "rocketmq_ops.common.code_table"} == {
        "rocketmq_ops.mqadmin", "rocketmq_ops.mqadmin.main", "rocketmq_ops.mqadmin.registry",
        "rocketmq_ops.mqadmin.exit_codes", "rocketmq_ops.mqadmin.lang",
    }  # fmt: skip


def test_help_of_a_command_imports_no_broker_and_no_rich() -> None:
    loaded = modules_after("topicRoute", "--help")
    assert not loaded & {"textual", "rich", "rich.live", "yaml", "numpy"}
    assert not loaded & HEAVY
    assert not any(
        name.startswith(("rocketmq_ops.broker", "rocketmq_ops.namesrv", "rocketmq_ops.store")) for name in loaded
    )


def test_only_chinese_loads_the_catalogue() -> None:
    assert "rocketmq_ops.mqadmin.lang.catalogue" not in modules_after("topicRoute", "--help")
    assert "rocketmq_ops.mqadmin.lang.catalogue" in modules_after("topicRoute", "--help", language="zh")


@pytest.fixture
def namesrv() -> Iterator[str]:
    """The address of a name server that gives every topic the same route, on one connection."""
    broker = BrokerData(broker_name="b", cluster="c", broker_addrs={0: "127.0.0.1:9"})
    route = TopicRouteData(broker_datas=[broker], queue_datas=[QueueData(broker_name="b", perm=6)]).encode(
        standard_json=True
    )

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            decoder = FrameDecoder()
            while data := connection.recv(65536):
                for request in decoder.feed(data):
                    assert isinstance(request, RemotingCommand)
                    connection.sendall(b"".join(encode(request.reply(body=route))))

    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = threading.Thread(target=serve, daemon=True)
        server.start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        server.join(timeout=10)


def test_topic_route_stays_lean(namesrv: str) -> None:
    loaded = modules_after("topicRoute", "-t", "T", "-n", namesrv)
    assert "rocketmq_ops.remoting.client" in loaded
    heavy = {"rich", "textual", "yaml", "numpy", "tabulate", "uvloop", "lz4", "zstandard", "psutil"}
    assert not loaded & (heavy | HEAVY)
    ours = {name.removeprefix("rocketmq_ops.") for name in loaded if name.startswith("rocketmq_ops.")}
    assert not [name for name in ours if name.startswith(("broker", "namesrv", "store"))]
    # What only failures need, or what other commands' options and bodies do, stays away too.
    assert {name for name in ours if name.startswith("client.")} == {
        "client.admin", "client.admin.core", "client.admin.fanout", "client.admin.topics", "client.admin.topics.topic",
        "client.api", "client.api.route", "client.api.session",
    }  # fmt: skip
    assert {name for name in ours if name.startswith("common.")} == {
        "common.addresses", "common.clock", "common.code_table", "common.errors", "common.fastjson", "common.lazy",
        "common.log_rate", "common.periodic", "common.plurals", "common.shipped", "common.tasks",
    }  # fmt: skip
    assert {name for name in ours if name.startswith("mqadmin.")} == {
        "mqadmin.commands", "mqadmin.commands.topic", "mqadmin.commands.topic.topic_route", "mqadmin.connecting",
        "mqadmin.connecting.connection", "mqadmin.connecting.credentials", "mqadmin.connecting.profiles",
        "mqadmin.declare", "mqadmin.exit_codes", "mqadmin.lang", "mqadmin.main", "mqadmin.options",
        "mqadmin.options.topics", "mqadmin.registry", "mqadmin.render", "mqadmin.render.outcome",
        "mqadmin.render.output", "mqadmin.run", "mqadmin.values",
    }  # fmt: skip
    headers = {name.removeprefix("remoting.headers.") for name in ours if name.startswith("remoting.headers.")}
    assert headers == {"base", "route"}
    bodies = {name.removeprefix("remoting.bodies.") for name in ours if name.startswith("remoting.bodies.")}
    assert bodies == {"base", "route"}


def test_a_table_stays_lean() -> None:
    probe = """
import sys
from rocketmq_ops.mqadmin.render.outcome import Table
from rocketmq_ops.mqadmin.render.output import _grid
_grid(Table(["#A"], [["\\u8ba2"]]))
print(*sys.modules)
"""
    ran = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    loaded = set(ran.stdout.split())
    assert {"tabulate", "wcwidth"} <= loaded
    assert not loaded & (HEAVY | {"hashlib", "zipfile"}) - {"tabulate", "wcwidth"}


def test_what_was_imported_is_not_looked_at_for_garbage() -> None:
    """One collection of all that was imported takes longer than a request."""
    probe = """
import gc
gc.disable()
from rocketmq_ops.mqadmin.main import main
argv = ["topicRoute", "-t", "T", "-n", "127.0.0.1:9"]
frozen, enable = [], gc.enable  # whether a collection comes at all depends on the Python
gc.enable = lambda: (frozen.append(gc.get_freeze_count()), enable())
try:
    main(argv)
except SystemExit:
    pass
print(frozen[0], gc.get_freeze_count(), gc.isenabled())
"""
    ran = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    frozen, after, enabled = ran.stdout.split()
    assert int(frozen) > 10_000
    assert (after, enabled) == ("0", "True")
