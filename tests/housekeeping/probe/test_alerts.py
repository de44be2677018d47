"""Alerts: seen often enough, told once, reminded of, silenced, acknowledged, cleared; and kept between runs."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shlex
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import msgspec
import pytest

from rocketmq_ops.common.errors import Failure
from rocketmq_ops.housekeeping.findings import Finding, Severity
from rocketmq_ops.housekeeping.probe.alert_settings import AlertSettings
from rocketmq_ops.housekeeping.probe.alerts import (
    Alerts,
    AlertsError,
    Kind,
    Notice,
    Problem,
    alerts_file,
    kept,
    problems_of,
)
from rocketmq_ops.housekeeping.probe.expectations import Expectations, ExpectationsError, parse
from rocketmq_ops.housekeeping.probe.hooks import Told, configured, tell
from rocketmq_ops.housekeeping.probe.report import ProbeReport, measure

MINUTE, HOUR = 60_000, 3_600_000
SETTINGS = AlertSettings(after=2, remind_ms=4 * HOUR)


def problem(name: str = "late", target: str = "a", severity: Severity = Severity.WARNING) -> Problem:
    return Problem(f"probe.{name}", target, severity, "it took long")


class Runs:
    """Runs a minute apart, whose notices are delivered."""

    def __init__(self, alerts: Alerts | None = None) -> None:
        self.alerts = alerts or Alerts()
        self.now = 0

    def __call__(self, *problems: Problem, minutes: int = 1, deliver: bool = True) -> list[tuple[Kind, str]]:
        self.now += minutes * MINUTE
        notices = self.alerts.step(list(problems), self.now, SETTINGS)
        if deliver:
            self.alerts.delivered(notices, self.now)
        return [(notice.kind, notice.problem.key) for notice in notices]


LATE = (Kind.RAISED, "probe.late a")


def test_what_was_seen_once_is_not_told() -> None:
    run = Runs()
    assert run(problem()) == []
    assert run() == []
    assert run(problem()) == []
    assert run(problem()) == [LATE]
    assert run(problem()) == []


def test_a_retry_storm_does_not_wait() -> None:
    assert Runs()(problem("retry-storm")) == [(Kind.RAISED, "probe.retry-storm a")]


def test_it_is_cleared_when_it_was_missing_often_enough() -> None:
    run = Runs()
    assert [run(problem()), run(problem())] == [[], [LATE]]
    assert run() == []
    assert run(problem()) == [], "flapping is no news"
    assert [run(), run()] == [[], [(Kind.CLEARED, "probe.late a")]]
    assert run.alerts.tracked == {}
    assert run() == []


def test_worse_and_better_are_told_when_they_stay() -> None:
    run = Runs()
    run(problem()), run(problem())
    bad = problem(severity=Severity.CRITICAL)
    assert run(bad) == []
    assert run(problem()) == []
    assert [run(bad), run(bad), run(bad)] == [[], [(Kind.CHANGED, "probe.late a")], []]


def test_reminders_until_it_is_acknowledged_or_worse() -> None:
    run = Runs()
    run(problem()), run(problem())
    assert run(problem(), minutes=239) == []
    assert run(problem()) == [(Kind.REMINDER, "probe.late a")]
    assert [found.key for found in run.alerts.acknowledge("a", "we know")] == ["probe.late a"]
    assert run(problem(), minutes=500) == []
    bad = problem(severity=Severity.CRITICAL)
    assert [run(bad), run(bad)] == [[], [(Kind.CHANGED, "probe.late a")]]
    assert run(bad, minutes=240) == [(Kind.REMINDER, "probe.late a")]


def test_what_could_not_be_delivered_is_due_again() -> None:
    run = Runs()
    run(problem())
    assert run(problem(), deliver=False) == [LATE]
    assert run(problem()) == [LATE]
    run()
    assert run(deliver=False) == [(Kind.CLEARED, "probe.late a")]
    assert run() == [(Kind.CLEARED, "probe.late a")]


@pytest.mark.parametrize("pattern", ["a", "probe.late", "probe.late a", "probe.*", "*"])
def test_a_silence_ends_by_itself(pattern: str) -> None:
    run = Runs()
    run.alerts.silence(pattern, run.now + 10 * MINUTE, "maintenance")
    assert [run(problem()) for _ in range(9)] == [[]] * 9
    assert run(problem(), problem(target="b", name="x"), minutes=2) == [LATE], "it is still wrong"
    assert not run.alerts.silenced(problem(), run.now)
    assert run(problem(), problem(target="b", name="x"), minutes=31 * 24 * 60) != []
    assert run.alerts.silences == [], "long after its end nobody needs it"


def test_a_run_with_a_clock_that_is_ahead_loses_no_silence_and_no_reminder() -> None:
    alerts = Alerts()
    alerts.silence("b", 10 * HOUR, "")
    for now in (MINUTE, 2 * MINUTE):
        alerts.delivered(alerts.step([problem()], now, SETTINGS), now)
    ahead = 240 * HOUR
    alerts.delivered(alerts.step([problem()], ahead, SETTINGS), ahead)
    assert alerts.silenced(problem(target="b"), 3 * MINUTE)
    assert [notice.kind for notice in alerts.step([problem()], 5 * HOUR, SETTINGS)] == [Kind.REMINDER]


def test_what_a_run_did_not_look_at_is_not_gone() -> None:
    alerts = Alerts()
    for now in (1, 2):
        alerts.delivered(alerts.step([problem()], now, SETTINGS), now)
    failed = problem("unknown", "", Severity.UNKNOWN)
    kinds = [
        [(notice.kind, notice.problem.id) for notice in alerts.step([failed], now, SETTINGS, whole=False)]
        for now in (3, 4, 5)
    ]
    assert kinds == [[], [(Kind.RAISED, "probe.unknown")], [(Kind.RAISED, "probe.unknown")]]
    assert "probe.late a" in alerts.tracked


def test_what_comes_and_goes_in_silence_was_never_there() -> None:
    run = Runs()
    run.alerts.silence("b", 10 * HOUR, "")
    run(problem(target="b")), run(problem(target="b"))
    assert [run(), run(), run()] == [[], [], []]
    assert run.alerts.tracked == {}
    run(problem()), run(problem())
    run.alerts.silence("a", run.now + 10 * HOUR, "")
    assert [run(), run(), run()] == [[], [], []]
    assert run.alerts.tracked == {}, "told before the silence, gone within it"


def test_numbers_of_silences() -> None:
    alerts = Alerts()
    assert [alerts.silence("x", 1, "").number, alerts.silence("y", 2, "").number] == [1, 2]


def test_what_somebody_has_to_be_told_of() -> None:
    wanted = Expectations()
    report = ProbeReport(
        timestamp=0,
        findings=[
            Finding(id="probe.late", severity=Severity.WARNING, target="a", evidence="e"),
            Finding(id="probe.group-offline", severity=Severity.INFO, target="G", evidence="e"),
        ],
        measures=[
            measure(wanted, "deliveryTime", "a", 4000),
            measure(wanted, "disk", "b", 90),
            measure(wanted, "disk", "c", 10),
        ],
        failures=[Failure("h:1", "no answer")],
    )
    assert [found.key for found in problems_of(report)] == ["probe.late a", "measure.disk b", "probe.unknown h:1"]


def test_they_are_kept_between_runs(tmp_path: Path) -> None:
    file = tmp_path / "state" / "alerts.json"
    with kept(file) as alerts:
        run = Runs(alerts)
        assert run(problem()) == []
    with kept(file) as alerts:
        assert alerts.step([problem()], MINUTE, SETTINGS)[0].since == MINUTE
    with pytest.raises(ZeroDivisionError), kept(file) as alerts:
        alerts.silence("x", 1, "")
        _ = 1 // 0
    with kept(file) as alerts:
        assert alerts.silences == []
    assert file.stat().st_mode & 0o777 == 0o600
    file.write_text("{")
    with pytest.raises(AlertsError, match="is not a file of alerts"), kept(file):
        pass


def test_a_file_that_cannot_be_replaced_leaves_nothing_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(AlertsError, match="no space left"), kept(tmp_path / "a.json") as alerts:
        alerts.silence("x", 1, "")
    assert [path.name for path in tmp_path.iterdir()] == ["a.json.lock"]


def test_histories_that_differ_at_their_end_share_no_alerts(tmp_path: Path) -> None:
    names = {alerts_file(tmp_path / name) for name in ("h", "h.a", "h.b", "h.sqlite", "h.alerts.json")}
    assert len(names) == 5
    with pytest.raises(AlertsError, match="it is not a file"):
        alerts_file(Path("/dev/null"))
    with pytest.raises(AlertsError, match="it is a folder"):
        alerts_file(tmp_path)


NOTICES = Told(["n:1"], 5, [Notice(Kind.RAISED, problem(), 3)])


def failure(settings: AlertSettings, hook: str) -> str:
    """The cause that a hook fails for."""
    return asyncio.run(tell(settings, NOTICES, {}))[hook].cause


def test_a_command_gets_the_notices(tmp_path: Path) -> None:
    out = tmp_path / "out"
    script = tmp_path / "hook.py"
    script.write_text(f"import sys; open({str(out)!r}, 'w').write(sys.stdin.read())\n")
    assert asyncio.run(tell(AlertSettings(command=shlex.join([sys.executable, str(script)])), NOTICES, {})) == {}
    got = json.loads(out.read_text())
    assert (got["nameServers"], got["timestamp"]) == (["n:1"], 5)
    assert got["notices"][0]["kind"] == "raised"
    assert got["notices"][0]["problem"]["id"] == "probe.late"


@pytest.mark.parametrize(
    ("code", "said"),
    [("import sys; sys.exit('the pager is off')", "ended with code 1: the pager is off"), ("exit(3)", "code 3")],
)
def test_a_command_that_fails(tmp_path: Path, code: str, said: str) -> None:
    script = tmp_path / "hook.py"
    script.write_text(code)
    assert re.search(said, failure(AlertSettings(command=shlex.join([sys.executable, str(script)])), "command"))
    missing = failure(AlertSettings(command=str(tmp_path / "missing")), "command")
    assert re.search(r"cannot run the hook .*no such file", missing)


@pytest.fixture
def webhook() -> Iterator[tuple[str, list[Any]]]:
    """A server that takes notices at /ok and answers 500 elsewhere; its address and what it got."""
    got: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200 if self.path == "/ok" else 500)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", got
        server.shutdown()
        thread.join()


def test_a_webhook(webhook: tuple[str, list[Any]]) -> None:
    url, got = webhook
    assert asyncio.run(tell(AlertSettings(webhook=f"{url}/ok"), NOTICES, {})) == {}
    assert got[0]["notices"][0]["problem"]["target"] == "a"
    assert "the webhook answered 500" in failure(AlertSettings(webhook=f"{url}/broken"), "webhook")
    assert "cannot reach the webhook" in failure(AlertSettings(webhook="http://127.0.0.1:1/"), "webhook")
    assert "cannot reach the webhook" in failure(AlertSettings(webhook="http://host:port/"), "webhook")


def test_one_hook_that_fails_keeps_the_other_from_nothing(tmp_path: Path, webhook: tuple[str, list[Any]]) -> None:
    url, got = webhook
    settings = AlertSettings(after=1, command=str(tmp_path / "missing"), webhook=f"{url}/ok")
    alerts = Alerts()

    def run(now: int, *problems: Problem) -> list[str]:
        """A run; the hooks that failed."""
        notices = alerts.step(list(problems), now, settings)
        failed = asyncio.run(tell(settings, Told([], now, notices), alerts.owed))
        alerts.settle(notices, configured(settings), failed, now)
        return list(failed)

    assert run(1, problem()) == ["command"]
    assert run(2, problem(), problem(target="b")) == ["command"]
    assert [[n["problem"]["target"] for n in each["notices"]] for each in got] == [["a"], ["b"]], "each once"
    out = tmp_path / "out"
    script = tmp_path / "hook.py"
    script.write_text(f"import sys; open({str(out)!r}, 'w').write(sys.stdin.read())\n")
    settings = msgspec.structs.replace(settings, command=shlex.join([sys.executable, str(script)]))
    assert run(3, problem(target="b")) == []
    owed = [(n["kind"], n["problem"]["target"]) for n in json.loads(out.read_text())["notices"]]
    assert owed == [("raised", "b"), ("cleared", "a")], "the latest of each"
    assert len(got) == 3 and alerts.owed == {}


def test_settings_of_alerts() -> None:
    found = parse("alerts: {after: 3, remind: never, command: notify --to ops, webhook: 'https://x/y'}", "x")
    assert found.alerts == AlertSettings(3, 0, "notify --to ops", "https://x/y")
    for text, said in (
        ("alerts: {after: 0}", "invalid after '0'"),
        ("alerts: {webhook: ftp://x}", "invalid webhook 'ftp://x'"),
        ('alerts: {command: "a \'b"}', "invalid command: no closing quotation"),
        ("alerts: {remind: 4}", "remind has no unit"),
    ):
        with pytest.raises(ExpectationsError, match=f"x line 1: {said}"):
            parse(text, "x")


def test_a_hook_that_is_given_up_leaves_nothing_running(tmp_path: Path) -> None:
    """What it has started ends with it: the end of the pipe is seen when the last process that has it is gone."""
    pipe, script = tmp_path / "pipe", tmp_path / "hook.sh"
    os.mkfifo(pipe)
    # It has its notices first: by then it is waited for.
    script.write_text(f"cat > /dev/null\nexec 3> {shlex.quote(str(pipe))}\nsleep 300 &\necho started >&3\nwait\n")
    settings = AlertSettings(command=f"sh {shlex.quote(str(script))}")
    made = [Notice(Kind.RAISED, problem(), 1)]

    async def run() -> None:
        task = asyncio.create_task(tell(settings, Told([], 1, made), {}))
        with await asyncio.to_thread(pipe.open) as reader:
            assert await asyncio.to_thread(reader.readline) == "started\n"
            task.cancel()
            assert await asyncio.to_thread(reader.read) == ""
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(run())
