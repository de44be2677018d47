"""What a command line imports: the help nothing but the registry, a command only what it uses."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

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


def test_topic_route_stays_lean() -> None:
    # Port 9 of loopback refuses: everything up to the request has run.
    loaded = modules_after("topicRoute", "-t", "T", "-n", "127.0.0.1:9", code=3)
    assert "rocketmq_ops.remoting.client" in loaded
    heavy = {"rich", "textual", "yaml", "numpy", "tabulate", "uvloop", "lz4", "zstandard", "psutil", "difflib"}
    assert not loaded & (heavy - {"difflib"} | HEAVY)
    ours = {name for name in loaded if name.startswith("rocketmq_ops.")}
    unwanted = ("broker", "namesrv", "store", "client.producer", "client.consumer")
    assert not [name for name in ours if name.removeprefix("rocketmq_ops.").startswith(unwanted)]
    concerns = {name.rsplit(".", 1)[1] for name in ours if name.startswith("rocketmq_ops.client.admin.")}
    assert concerns == {"core", "fanout", "topic", "topics"}
    commands = {name.rsplit(".", 1)[1] for name in ours if name.startswith("rocketmq_ops.mqadmin.commands.")}
    assert commands == {"topic", "topic_route"}
    headers = {name.rsplit(".", 1)[1] for name in ours if name.startswith("rocketmq_ops.remoting.headers.")}
    assert headers == {"base", "namesrv"}
    bodies = {name.rsplit(".", 1)[1] for name in ours if name.startswith("rocketmq_ops.remoting.bodies.")}
    assert bodies <= {"base", "route"}


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
