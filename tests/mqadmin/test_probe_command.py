"""`mqadmin probe` on our own pair: its forms, files and exit codes."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from rocketmq_ops.housekeeping.history.file import History
from rocketmq_ops.housekeeping.probe.lock import one_at_a_time
from rocketmq_ops.mqadmin import main as mqadmin
from rocketmq_ops.mqadmin.exit_codes import PluginCode
from rocketmq_ops.pytest_plugin import RocketMQBroker, rocketmq_server
from tests.mqadmin.conftest import Ran
from tests.mqadmin.json_schema import problems, schema_of

#: Neither the machine's load nor its disk may decide, and no delayed message is waited for.
CALM = """
probe: {delayLevel: 0}
expect:
  sendTime: {}
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
        self._file = file

    def __call__(self, *arguments: str) -> Ran:
        code = mqadmin.run(["probe", "--expectations", str(self._file), *arguments])
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
    with one_at_a_time(place.with_suffix(".lock")):
        second = line("-n", pair.namesrv, "--history", str(place))
    assert (second.code, second.out) == (PluginCode.UNKNOWN, "")
    assert f"another run of the prober has not ended (process {os.getpid()})" in second.err
    assert line("-n", pair.namesrv, "--history", str(place), "--no-history").code == 0
    with History.read(place) as history:
        span = history.span()
        assert span is not None and span.runs == 1


def test_a_history_that_cannot_be_used(line: Line, pair: RocketMQBroker, tmp_path: Path) -> None:
    place = tmp_path / "history.sqlite"
    place.write_bytes(b"this is no history, however long the text may be that stands in it" * 100)
    ran = line("-n", pair.namesrv, "--history", str(place))
    assert ran.code == PluginCode.UNKNOWN
    assert str(place) in ran.err and "Traceback" not in ran.err


def test_what_is_wrong_has_its_code(line: Line, pair: RocketMQBroker, tmp_path: Path) -> None:
    dead = line("-n", f"{pair.namesrv};127.0.0.1:1", "--output", "nagios")
    assert dead.code == PluginCode.CRITICAL
    assert dead.out.startswith("ROCKETMQ CRITICAL: 127.0.0.1:1: cannot connect")
    unknown = line("-n", pair.namesrv, "-c", "nowhere")
    assert unknown.code == PluginCode.UNKNOWN and "there is no cluster 'nowhere'" in unknown.err
    assert line().code == PluginCode.UNKNOWN
    file = tmp_path / "probes.yaml"
    file.write_text("probe: {mesages: 1}\n")
    wrong = line("-n", pair.namesrv)
    assert wrong.code == PluginCode.UNKNOWN
    assert wrong.err == (f"mqadmin probe: {file} line 1: unknown key 'mesages'\n  next: did you mean messages?\n")
