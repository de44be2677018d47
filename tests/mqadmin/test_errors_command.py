"""`mqadmin errors`: what is known stands in Apache's source, is found as it is pasted, and counted in logs."""

from __future__ import annotations

import gzip
import importlib
import io
import json
from pathlib import Path

import pytest

from rocketmq_ops.mqadmin import declare, registry
from rocketmq_ops.mqadmin.exit_codes import ExitCode
from rocketmq_ops.mqadmin.explain import error_search
from rocketmq_ops.mqadmin.explain.known.entry import Known
from rocketmq_ops.mqadmin.explain.known_errors import KNOWN
from rocketmq_ops.remoting.codes import ResponseCode
from tests.golden_data import GOLDEN
from tests.mqadmin.conftest import Cli

RECORDED = json.loads((GOLDEN / "rocketmq" / "error-texts.json").read_text("utf-8"))
"""Text -> class -> versions, read from Apache's sources by scripts/record_error_texts.py."""


def test_each_text_is_recorded_from_apaches_source() -> None:
    assert set(RECORDED) == {text for known in KNOWN for text in known.texts}
    for known in KNOWN:
        assert RECORDED[known.texts[0]][known.where], known.key
        for text in known.texts:
            assert RECORDED[text], f"{known.key}: {text!r} stands in no class"


def test_keys_are_unique_and_texts_are_no_templates() -> None:
    """A log has what was put in the place of {} and %s, so that neither is ever found."""
    assert len({known.key for known in KNOWN}) == len(KNOWN)
    for known in KNOWN:
        for text in (*known.texts, *known.before_apache):
            assert not any(mark in text for mark in ("{}", "%s", "%d")), text
            assert max(len(piece) for piece in text.split("…")) >= 8, text


@pytest.mark.parametrize("known", KNOWN, ids=lambda known: known.key)
def test_each_text_is_found_in_a_line(known: Known) -> None:
    for text in (*known.texts, *known.before_apache):
        line = f"2024-01-01 00:00:00 WARN T - {text.replace('…', '10.0.0.1:10911')}"
        assert known in error_search.find(line)[1]
        scan = error_search.LogScan()
        scan.read(io.BytesIO(line.encode()))
        assert scan.texts[known.key].lines == 1


@pytest.mark.parametrize("known", KNOWN, ids=lambda known: known.key)
def test_what_shows_more_is_a_command_with_these_options(known: Known) -> None:
    for line in known.look:
        found = registry.find(line.split())
        assert found is not None, line
        module = importlib.import_module(f"rocketmq_ops.mqadmin.commands.{found[0].module}")
        names = {n for _, option, _ in declare.declaration_of(module).options().values() for n in option.names}
        assert {word for word in found[1] if word.startswith("-")} <= names, line


def test_everything_is_listed(cli: Cli) -> None:
    ran = cli(None, "errors", "--output", "json")
    found = ran.json["data"]["found"]
    assert {item["code"] for item in found} - {None} == {int(code) for code in ResponseCode} - {0}
    assert {item["name"] for item in found if item["code"] is None} == {known.key for known in KNOWN}
    assert all(item["cause"] and item["nextStep"] for item in found)


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        ("14", [14]),
        ("SERVICE_NOT_AVAILABLE", [14]),
        ("no_permission", [16]),
        ("CODE: 14  DESC: service not available now, maybe disk full, CL:  0.98", [14, "service-not-available"]),
        ("MQClientException: No route info of this topic: T", ["no-route"]),
        ("sendDefaultImpl call timeout", ["send-timeout"]),
        ("receive response, but not matched any request", ["unmatched-response"]),
        ("create mapped file failed", ["create-mapped-file"]),
        ("connect to 10.0.0.1:10909 failed", ["connect-failed"]),
        ("WARN T - findMapedFileByOffset offset not matched, request Offset: 1, index: -1, mapedFileSize: 1", ["offset-not-matched"]),
        ("the broker's permission is forbidden", ["sending-forbidden", "pulling-forbidden"]),
        ("send-timeout", ["send-timeout"]),
    ],
)  # fmt: skip
def test_what_users_paste(what: str, expected: list[object], cli: Cli) -> None:
    found = cli(None, "errors", what, "--output", "json").json["data"]["found"]
    assert [item["code"] if item["code"] is not None else item["name"] for item in found] == expected
    text = cli(None, "errors", what)
    assert (text.code, text.err) == (0, "")
    assert "  cause: " in text.out and "  next: " in text.out


def test_what_is_not_known(cli: Cli) -> None:
    for what in ("no such thing at all", "9999"):
        ran = cli(None, "errors", what)
        assert (ran.code, ran.out) == (ExitCode.NOT_FOUND, "")
        assert f"nothing is known of '{what}'" in ran.err
    assert cli(None, "errors", "14", "--log", "x").code == ExitCode.USAGE
    assert cli(None, "errors", "--log", "no-such.log").code == ExitCode.FAILED


LOG = b"""\
2024-05-01 10:00:02,000 WARN T - [TIMEOUT_CLEAN_QUEUE]broker busy, start flow control for a while
org.apache.rocketmq.client.exception.MQBrokerException: CODE: 2  DESC: [TIMEOUT_CLEAN_QUEUE]broker busy
2024-05-01 10:00:01,000 INFO T - nothing
2024-05-01 10:00:03,000 WARN T - connect to 10.0.0.1:10911 failed
2024-05-01 09:00:00,000 INFO T - connect to 10.0.0.1:10911
\tat CODE: 14  DESC: service not available now
"""


@pytest.mark.parametrize("block", [64, 200, 1 << 20])
def test_a_log_is_counted(block: int, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(error_search, "BLOCK", block)
    (tmp_path / "broker.log").write_bytes(LOG)
    (tmp_path / "broker.log.gz").write_bytes(gzip.compress(LOG))
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(LOG)))
    expected = {
        "SYSTEM_BUSY": (1, "2024-05-01 10:00:02,000", "2024-05-01 10:00:02,000"),
        "timeout-clean-queue": (2, "2024-05-01 10:00:02,000", "2024-05-01 10:00:02,000"),
        "connect-failed": (1, "2024-05-01 10:00:03,000", "2024-05-01 10:00:03,000"),
        "SERVICE_NOT_AVAILABLE": (1, "2024-05-01 09:00:00,000", "2024-05-01 09:00:00,000"),
        "service-not-available": (1, "2024-05-01 09:00:00,000", "2024-05-01 09:00:00,000"),
    }
    for source in (str(tmp_path / "broker.log"), str(tmp_path / "broker.log.gz"), "-"):
        data = cli(None, "errors", "--log", source, "--output", "json").json["data"]
        assert data["linesRead"] == LOG.count(b"\n")
        assert {item["name"]: (item["lines"], item["first"], item["last"]) for item in data["found"]} == expected
        assert data["found"][0]["name"] == "timeout-clean-queue"


def test_first_and_last_are_by_time_not_by_place() -> None:
    scan = error_search.LogScan()
    for second in (5, 9, 2):
        scan.read(io.BytesIO(b"2024-05-01T10:00:0%d.5 No route info of this topic: T\n" % second))
    seen = scan.texts["no-route"]
    assert (seen.lines, seen.first, seen.last) == (3, "2024-05-01 10:00:02,5", "2024-05-01 10:00:09,5")


def test_a_log_without_anything_known(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "empty.log").write_text("nothing\n" * 3)
    ran = cli(None, "errors", "--log", str(tmp_path / "empty.log"))
    assert (ran.code, ran.out) == (0, "")
    assert "none of the 3 lines is one that is known" in ran.err


def test_a_line_without_end_takes_bounded_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(error_search, "BLOCK", 100)

    class Endless(io.RawIOBase):
        """A line of 100 kB."""

        left = 1000

        def read(self, size: int = -1) -> bytes:
            self.left -= 1
            return b"x" * size if self.left > 0 else b""

    longest = max(len(block) for block in error_search._blocks(Endless()))  # type: ignore[arg-type]
    assert longest <= 200
