"""`mqadmin probe` on our own pair: its forms, files and exit codes."""

from __future__ import annotations

import asyncio
import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from rocketmq_ops.client.admin import MQAdmin
from rocketmq_ops.housekeeping.history.database import HistoryError, beside
from rocketmq_ops.housekeeping.history.file import History
from rocketmq_ops.housekeeping.probe.lock import one_at_a_time
from rocketmq_ops.housekeeping.probe.names import is_probers
from rocketmq_ops.mqadmin import main as mqadmin
from rocketmq_ops.mqadmin.exit_codes import ExitCode, PluginCode
from rocketmq_ops.pytest_plugin import RocketMQBroker, rocketmq_server
from tests.mqadmin.conftest import Ran
from tests.mqadmin.json_schema import problems, schema_of

#: Neither the machine's load nor its disk may decide, and no delayed message is waited for.
CALM = """
probe: {delayLevel: 0}
expect:
  sendTime: {}
  storeTime: {}
  deliveryTime: {}
  nameServerTime: {}
  disk: {}
"""


@pytest.fixture(scope="module")
def pair() -> Iterator[RocketMQBroker]:
    with rocketmq_server() as server:
        yield server


class Line:
    """Runs `mqadmin probe` in this process."""

    def __init__(self, capsys: pytest.CaptureFixture[str], file: Path) -> None:
        self._capsys = capsys
        self.file = file

    def __call__(self, *arguments: str) -> Ran:
        code = mqadmin.run(["probe", "--expectations", str(self.file), *arguments])
        captured = self._capsys.readouterr()
        return Ran(code, captured.out, captured.err)


@pytest.fixture(autouse=True)
def _state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The history and its lock are the test's own."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture
def line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Line:
    file = tmp_path / "probes.yaml"
    file.write_text(CALM)
    return Line(capsys, file)


def test_the_document_has_its_schema(line: Line, pair: RocketMQBroker) -> None:
    ran = line("-n", pair.namesrv, "--output", "json", "--queues", "2")
    assert (ran.code, ran.err) == (0, "")
    document = json.loads(ran.out)
    assert not problems(document, schema_of("probe"))
    assert document["data"]["brokers"][0]["received"] == 4


@pytest.mark.parametrize(
    ("form", "begin"),
    [("table", "OK: 2 of 2 messages"), ("text", "OK: 2 of 2"), ("nagios", "ROCKETMQ OK: "), ("prometheus", "# HELP ")],
)
def test_forms(line: Line, pair: RocketMQBroker, form: str, begin: str) -> None:
    ran = line("-n", pair.namesrv, "--output", form)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith(begin)


def test_a_file_for_a_collector(line: Line, pair: RocketMQBroker, tmp_path: Path) -> None:
    file = tmp_path / "metrics" / "rocketmq.prom"
    file.parent.mkdir()
    assert line("-n", pair.namesrv, "--textfile", str(file)).code == 0
    assert "rocketmq_probe_severity 0\n" in file.read_text()
    assert list(file.parent.iterdir()) == [file]


def test_runs_are_kept_and_do_not_overlap(line: Line, pair: RocketMQBroker, tmp_path: Path) -> None:
    place = tmp_path / "kept" / "history.sqlite"
    assert line("-n", pair.namesrv, "--history", str(place)).code == 0
    with History.read(place) as history:
        span = history.span()
        assert span is not None and span.runs == 1
        names = {name for name, _ in history.figures(span.first_ms, span.last_ms)}
        assert names >= {"probe.sendTime", "probe.deliveryTime", "probe.lost"}
    with one_at_a_time(beside(place, "lock")):
        second = line("-n", pair.namesrv, "--history", str(place))
    assert (second.code, second.out) == (PluginCode.UNKNOWN, "")
    assert f"another run of the prober has not ended (process {os.getpid()})" in second.err
    assert line("-n", pair.namesrv, "--history", str(place), "--no-history").code == 0
    with History.read(place) as history:
        span = history.span()
        assert span is not None and span.runs == 1


@pytest.mark.parametrize("kind", ["garbage", "device", "folder", "unwritable", "full"])
def test_a_history_that_cannot_be_used_is_found_and_the_run_goes_on(
    line: Line, pair: RocketMQBroker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    place = tmp_path / "kept" / "history.sqlite"
    place.parent.mkdir()
    if kind == "garbage":
        place.write_bytes(b"this is no history, however long the text may be that stands in it" * 100)
    elif kind == "device":
        place = Path("/dev/null")
    elif kind == "folder":
        place.mkdir()
    elif kind == "unwritable":
        (tmp_path / "file").touch()
        place = tmp_path / "file" / "history.sqlite"
    else:

        def full(*_: object) -> None:
            raise HistoryError("cannot write the history: database or disk is full", "free space")

        monkeypatch.setattr(History, "append", full)
    there = {path.name for path in Path("/dev").iterdir()}
    ran = line("-n", pair.namesrv, "--history", str(place), "--output", "json")
    assert (ran.code, ran.err) == (PluginCode.UNKNOWN, "")
    data = json.loads(ran.out)["data"]
    assert data["brokers"][0]["received"] == 2, "the brokers are probed all the same"
    [finding] = data["findings"]
    assert (finding["id"], finding["severity"], data["failures"]) == ("probe.no-history", "unknown", [])
    assert "groups are not judged by the runs before" in finding["evidence"]
    assert {path.name for path in Path("/dev").iterdir()} - there == set()


def test_without_a_history_no_folder_has_to_be_writable(
    line: Line, pair: RocketMQBroker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    assert line("-n", pair.namesrv, "--no-history").code == 0


def test_histories_of_names_that_begin_alike_are_apart(line: Line, pair: RocketMQBroker, tmp_path: Path) -> None:
    with one_at_a_time(beside(tmp_path / "h.a", "lock")):
        assert line("-n", pair.namesrv, "--history", str(tmp_path / "h.b")).code == 0
        assert line("-n", pair.namesrv, "--history", str(tmp_path / "h.a")).code == PluginCode.UNKNOWN


def test_a_loop_goes_on_after_a_run_that_failed(line: Line, pair: RocketMQBroker, tmp_path: Path) -> None:
    """The first runs find another one that has not ended; those after it are as always."""
    place, metrics = tmp_path / "h.sqlite", tmp_path / "m.prom"
    words = ["probe", "--expectations", str(line.file), "--history", str(place), "--textfile", str(metrics)]
    command = [sys.executable, "-m", "rocketmq_ops.mqadmin", *words, "-n", pair.namesrv, "--loop", "1"]
    with subprocess.Popen(
        [*command, "--output", "nagios"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            with one_at_a_time(beside(place, "lock")):
                first = process.stdout.readline()
                assert "rocketmq_probe_severity 3\n" in metrics.read_text()
            lines = iter(process.stdout.readline, "")
            last = next(line for line in lines if line.startswith("ROCKETMQ OK"))
        finally:
            process.terminate()
        process.communicate(timeout=30)
    assert first.startswith("ROCKETMQ UNKNOWN: another run of the prober has not ended")
    assert "2 of 2 messages" in last and process.returncode == 0


def test_a_single_run_that_is_told_to_end_cleans_up(line: Line, pair: RocketMQBroker) -> None:
    line.file.write_text(CALM.replace("delayLevel: 0", "delayLevel: 5, wait: 60 s"))  # a minute
    words = ["probe", "--expectations", str(line.file), "-n", pair.namesrv, "--no-history"]

    async def left() -> list[str]:
        async with MQAdmin([pair.namesrv]) as admin:
            return [name for name in await admin.topics.names() if is_probers(name)]

    with subprocess.Popen([sys.executable, "-m", "rocketmq_ops.mqadmin", *words]) as process:
        while not asyncio.run(left()):
            assert process.poll() is None
        process.terminate()
        process.wait(timeout=30)
    assert process.returncode == -signal.SIGTERM
    assert asyncio.run(left()) == []


def test_a_plugin_always_prints_a_line(line: Line, pair: RocketMQBroker, tmp_path: Path) -> None:
    form = ("--output", "nagios")
    unknown = line("-n", pair.namesrv, "-c", "no|where", *form)
    assert unknown.code == PluginCode.UNKNOWN
    assert unknown.out == "ROCKETMQ UNKNOWN: there is no cluster 'no/where'\n"
    assert line(*form).out.startswith("ROCKETMQ UNKNOWN: no name server")
    for wrong in (("--queues", "129"), ("--queues", "0"), ("--nothing",), ("--loop",)):
        ran = line("-n", pair.namesrv, "--output=nagios", *wrong)
        assert ran.code == PluginCode.UNKNOWN and wrong[0] in ran.out
        assert ran.out.startswith("ROCKETMQ UNKNOWN: ") and ran.out.count("\n") == 1
    assert "expected one from 1 to 128" in line("--queues", "1000", "-n", pair.namesrv).err


def test_a_textfile_that_cannot_be_written_is_a_failure_and_leaves_nothing(
    line: Line, pair: RocketMQBroker, tmp_path: Path
) -> None:
    place = tmp_path / "metrics" / "rocketmq.prom"
    (place / "x").mkdir(parents=True)
    ran = line("-n", pair.namesrv, "--textfile", str(place), "--output", "nagios")
    assert ran.code == PluginCode.UNKNOWN
    assert ran.out.startswith(f"ROCKETMQ UNKNOWN: cannot write {place}: is a directory")
    assert list(place.parent.iterdir()) == [place]


def test_what_is_wrong_has_its_code(line: Line, pair: RocketMQBroker, tmp_path: Path) -> None:
    dead = line("-n", f"{pair.namesrv};127.0.0.1:1", "--output", "nagios")
    assert dead.code == PluginCode.CRITICAL
    assert dead.out.startswith("ROCKETMQ CRITICAL: cannot connect to 127.0.0.1:1")
    unknown = line("-n", pair.namesrv, "-c", "nowhere")
    assert unknown.code == PluginCode.UNKNOWN and "there is no cluster 'nowhere'" in unknown.err
    assert line().code == PluginCode.UNKNOWN
    file = tmp_path / "probes.yaml"
    file.write_text("probe: {mesages: 1}\n")
    wrong = line("-n", pair.namesrv)
    assert wrong.code == PluginCode.UNKNOWN
    assert wrong.err == (f"mqadmin probe: {file} line 1: unknown key 'mesages'\n  next: did you mean messages?\n")


def test_hooks_silences_and_acknowledgements(
    line: Line, pair: RocketMQBroker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, script, file = tmp_path / "out", tmp_path / "hook.py", tmp_path / "probes.yaml"
    script.write_text(f"import sys; open({str(out)!r}, 'a').write(sys.stdin.read() + chr(10))\n")
    hook = json.dumps(shlex.join([sys.executable, str(script)]))
    file.write_text(CALM + f"alerts: {{after: 1, command: {hook}}}\n")
    kept = ("--history", str(tmp_path / "history.sqlite"))
    wrong = ("-n", f"{pair.namesrv};127.0.0.1:1", *kept)

    def command(*arguments: str) -> Ran:
        code = mqadmin.run(["probe", *arguments, *wrong])
        captured = capsys.readouterr()
        return Ran(code, captured.out, captured.err)

    assert command("silence", "probe.name-server-down", "--for", "1h", "--why", "maintenance").code == 0
    assert line(*wrong).code == PluginCode.CRITICAL
    assert not out.exists(), "silenced"
    listed = json.loads(command("silence", "--output", "json").out)["data"]["silences"]
    assert [(each["number"], each["pattern"], each["why"]) for each in listed] == [
        (1, "probe.name-server-down", "maintenance")
    ]
    assert command("silence", "--end", "7").code == ExitCode.NOT_FOUND
    assert command("silence", "--end", "1").code == 0
    line(*wrong), line(*wrong)
    [told] = [json.loads(text) for text in out.read_text().splitlines()]
    assert [(each["kind"], each["problem"]["target"]) for each in told["notices"]] == [("raised", "127.0.0.1:1")]
    assert command("ack", "127.0.0.1:1").code == 0
    assert command("ack", "nothing").code == ExitCode.NOT_FOUND
    assert command("silence", "x").code == command("silence", "--for", "1h").code == ExitCode.USAGE
    script.write_text("raise SystemExit('the pager is off')")
    failed = line("-n", pair.namesrv, *kept)  # it is gone, and that cannot be told
    assert failed.code == PluginCode.UNKNOWN and "the pager is off" in failed.err


def test_an_exporter(line: Line, pair: RocketMQBroker) -> None:
    assert "give --loop SECONDS" in line("-n", pair.namesrv, "--listen", "127.0.0.1:0").err
    environment = {**os.environ, "NAMESRV_ADDR": pair.namesrv}
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    command = [
        sys.executable,
        "-m",
        "rocketmq_ops.mqadmin",
        "probe",
        "--expectations",
        str(line.file),
        "--loop",
        "3600",
    ]
    with subprocess.Popen(
        [*command, "--listen", address], env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline().startswith("OK: "), "the first run has ended"
            with urllib.request.urlopen(f"http://{address}/metrics", timeout=30) as answer:
                text = answer.read().decode()
            assert "rocketmq_probe_severity 0\n" in text
            assert 'rocketmq_brokeruntime_commitlog_disk_ratio{cluster="DefaultCluster"' in text
            with pytest.raises(urllib.error.HTTPError, match="404"):
                urllib.request.urlopen(f"http://{address}/other", timeout=30)
        finally:
            process.terminate()
        process.communicate(timeout=30)
    assert process.returncode == 0
