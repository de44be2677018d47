"""`mqadmin ping`: lines and exit codes, by hand and by the declared command, and what it does not load."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from rocketmq_ops.housekeeping.probe.ping import Pinged, Registration
from rocketmq_ops.mqadmin import main as mqadmin
from rocketmq_ops.mqadmin.exit_codes import PluginCode
from rocketmq_ops.mqadmin.pinging import told
from rocketmq_ops.pytest_plugin import RocketMQBroker, rocketmq_server
from tests.mqadmin.conftest import Ran
from tests.mqadmin.test_imports import modules_after

NOWHERE = "127.0.0.1:1"


@pytest.fixture(scope="module")
def pair() -> Iterator[RocketMQBroker]:
    with rocketmq_server() as server:
        yield server


class Line:
    """Runs command lines in this process."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *arguments: str) -> Ran:
        code = mqadmin.run(["ping", *arguments])
        captured = self._capsys.readouterr()
        return Ran(code, captured.out, captured.err)


@pytest.fixture
def line(capsys: pytest.CaptureFixture[str]) -> Line:
    return Line(capsys)


def without_times(text: str) -> list[str]:
    return [line.partition(", answered in")[0] for line in text.splitlines()]


@pytest.mark.parametrize("more", [(), ("--output", "table")], ids=["by hand", "declared"])
def test_both_ways_say_the_same(line: Line, pair: RocketMQBroker, more: tuple[str, ...]) -> None:
    ran = line(pair.namesrv, pair.broker, "--registered", "-n", pair.namesrv, *more)
    assert (ran.code, ran.err) == (0, "")
    assert without_times(ran.out) == [
        f"OK: {pair.namesrv}: name server",
        f"OK: {pair.broker}: broker V5_3_3",
        f"OK: broker {pair.broker}: listed by {pair.namesrv}",
    ]
    gone = line(pair.broker, "--registered", "-n", f"{pair.namesrv};{NOWHERE}", *more)
    assert gone.code == PluginCode.WARNING
    assert f"listed by {pair.namesrv}; {NOWHERE}: connection refused" in gone.out
    dead = line(NOWHERE, pair.broker, *more)
    assert dead.code == PluginCode.CRITICAL
    assert without_times(dead.out) == [f"CRITICAL: {NOWHERE}: connection refused", f"OK: {pair.broker}: broker V5_3_3"]


def test_without_an_address_the_name_servers(line: Line, pair: RocketMQBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    assert without_times(line("-n", pair.namesrv).out) == [f"OK: {pair.namesrv}: name server"]
    nothing = line()
    assert nothing.code == PluginCode.UNKNOWN and "no name server is given" in nothing.err
    monkeypatch.setenv("NAMESRV_ADDR", pair.namesrv)
    assert without_times(line().out) == [f"OK: {pair.namesrv}: name server"]
    # Its own name server, as nothing else says which.
    monkeypatch.delenv("NAMESRV_ADDR")
    assert f"listed by {pair.namesrv}" in line(pair.broker, "--registered").out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("x",), "invalid address 'x'"),
        (("--registered",), "needs the address of a broker"),
        (("--timeout", "0", NOWHERE), "--timeout"),
        (("--nosuch",), "there is no option --nosuch"),
    ],
)
def test_a_wrong_line_is_unknown(line: Line, arguments: tuple[str, ...], said: str) -> None:
    ran = line(*arguments)
    assert (ran.code, ran.out) == (PluginCode.UNKNOWN, "")
    assert said in ran.err


def test_as_a_document(line: Line, pair: RocketMQBroker) -> None:
    ran = line(pair.broker, NOWHERE, "--output", "json", "--addressMap", f"{NOWHERE}={pair.namesrv}")
    servers = json.loads(ran.out)["data"]["servers"]
    assert [(server["address"], server["kind"]) for server in servers] == [
        (pair.broker, "broker"),
        (NOWHERE, "name server"),
    ]


def registered(asked: dict[str, bool | str], problem: str | None = None) -> Registration:
    found = Registration("b:1")
    found.asked, found.problem = asked, problem
    return found


@pytest.mark.parametrize(
    ("found", "code"),
    [
        (registered({"n1": True, "n2": True}), PluginCode.OK),
        (registered({"n1": True, "n2": False}), PluginCode.WARNING),
        (registered({"n1": True, "n2": "refused"}), PluginCode.WARNING),
        (registered({"n1": False, "n2": "refused"}), PluginCode.CRITICAL),
        (registered({"n1": False}), PluginCode.CRITICAL),
        (registered({"n1": "refused"}), PluginCode.UNKNOWN),
        (registered({}, "no answer"), PluginCode.UNKNOWN),
    ],
)
def test_how_registrations_are_judged(found: Registration, code: PluginCode) -> None:
    lines, worst = told([], [found])
    assert worst is code
    assert lines[0].startswith(f"{code.name}: ")


def test_the_worst_counts() -> None:
    well, dead = Pinged("a:1"), Pinged("b:1")
    well.kind, well.millis, dead.problem = "broker", 1.0, "connection refused"
    assert told([well, dead], [registered({"n": "refused"})])[1] is PluginCode.CRITICAL
    assert told([well], [registered({"n": "refused"})])[1] is PluginCode.UNKNOWN
    assert told([], [])[1] is PluginCode.UNKNOWN


def test_a_health_check_loads_next_to_nothing(pair: RocketMQBroker) -> None:
    loaded = modules_after("ping", pair.namesrv, pair.broker, "--registered")
    assert not loaded & {"typer", "msgspec", "asyncio", "json", "yaml", "ssl", "typing", "dataclasses"}
    ours = {name for name in loaded if name.startswith("rocketmq_ops.")}
    assert "rocketmq_ops.mqadmin.declare" not in ours and "rocketmq_ops.common.errors" not in ours
