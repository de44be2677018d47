"""Files of expectations: the shipped one is the defaults, and what is wrong is named with its line."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from rocketmq_ops.housekeeping.findings import Severity
from rocketmq_ops.housekeeping.probe.expectations import (
    MEASURES,
    Expectations,
    ExpectationsError,
    Limits,
    parse,
    read,
    shipped,
)
from rocketmq_ops.housekeeping.probe.report import measure


def test_the_shipped_file_is_the_defaults() -> None:
    found = read(shipped())
    assert found.limits == {name: measured.limits for name, measured in MEASURES.items()}
    assert msgspec.structs.replace(found, origin=Expectations().origin, limits={}) == Expectations()


def test_what_is_left_out_has_its_default() -> None:
    found = parse("expect:\n  sendTime: {critical: 2 s}\n", "x.yaml")
    assert found.of("sendTime") == Limits(None, 2000)
    assert found.of("lost") == MEASURES["lost"].limits
    assert parse("", "x.yaml") == msgspec.structs.replace(Expectations(), origin="x.yaml")
    assert parse("probe:\n  # nothing\nexpect:\n", "x.yaml").messages == Expectations().messages


def test_units() -> None:
    found = parse(
        "probe: {size: 2 KiB, wait: 1.5 s, keep: true}\n"
        "expect:\n  replicationGap: {warning: 1 GiB, critical: never}\n  retryRate: {warning: 2 messages/s}\n",
        "x.yaml",
    )
    assert (found.size, found.wait_ms, found.keep) == (2048, 1500, True)
    assert found.of("replicationGap") == Limits(1 << 30, None)
    assert found.of("retryRate") == Limits(120, None)


@pytest.mark.parametrize(
    ("text", "said", "next_step"),
    [
        ("probe:\n  messages: 2\n  mesages: 1\n", "x.yaml line 3: unknown key 'mesages'", "did you mean messages?"),
        ("prob: {}\n", "line 1: unknown key 'prob'", "did you mean probe?"),
        ("expect:\n\n  sendTime: {warn: 3 s}\n", "line 3: unknown key 'warn'", "did you mean warning?"),
        ("expect: {nothing: {}}\n", "line 1: unknown key 'nothing'", "known are sendTime"),
        ("expect:\n  disk: {warning: 75 s}\n", "line 2: disk has the unit 's'", "expected one of %"),
        ("expect:\n  disk: {warning: 75}\n", "line 2: disk has no unit", "as in `75 %`"),
        ("expect:\n  disk: {warning: a lot}\n", "line 2: invalid disk 'a lot'", "a number with its unit"),
        ("expect:\n  disk: {warning: [1]}\n", "line 2: invalid disk", "a number with its unit"),
        ("expect:\n  disk: 75 %\n", "line 2: disk holds keys with values", "known are warning, critical"),
        ("expect:\n  disk: {warning: 9 %, critical: 8 %}\n", "warning comes after critical", "exchange"),
        ("probe: {messages: many}\n", "line 1: invalid messages 'many'", "a whole number"),
        ("probe: {messages: 0}\n", "line 1: invalid messages '0'", "from 1 to 1000"),
        ("probe: {keep: yes}\n", "line 1: invalid keep 'yes'", "true or false"),
        ("probe: {size: 1 bytes}\n", "line 1: invalid size '1 bytes'", "from 64"),
        ("probe: {queues: 1, queues: 2}\n", "line 1: 'queues' is there twice", "leave one"),
        ("probe:\n  messages: [\n", "x.yaml line 3: not YAML", "correct it"),
        ("- 1\n", "line 1: the file holds keys with values", "known are probe, expect"),
        ("\x00", "x.yaml: not YAML", "correct it"),
    ],
)
def test_what_is_wrong_is_named(text: str, said: str, next_step: str) -> None:
    with pytest.raises(ExpectationsError) as caught:
        parse(text, "x.yaml")
    assert said in caught.value.cause
    assert next_step in caught.value.next_step


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ExpectationsError, match=r"cannot read .*no such file"):
        read(tmp_path / "missing.yaml")
    (tmp_path / "latin.yaml").write_bytes(b"# \xe4\n")
    with pytest.raises(ExpectationsError, match="it is not UTF-8"):
        read(tmp_path / "latin.yaml")


@pytest.mark.parametrize(
    ("name", "value", "severity"),
    [
        ("sendTime", 500, Severity.OK),
        ("sendTime", 501, Severity.WARNING),
        ("sendTime", 3001, Severity.CRITICAL),
        ("sendTime", None, Severity.UNKNOWN),
        ("lost", 0, Severity.OK),
        ("lost", 1, Severity.CRITICAL),
        ("duplicates", 100, Severity.WARNING),
        ("deadLetterLeft", 1, Severity.OK),
    ],
)
def test_judging(name: str, value: float | None, severity: Severity) -> None:
    assert measure(Expectations(), name, "b", value).severity is severity


def test_the_less_time_is_left_the_worse() -> None:
    wanted = parse("expect: {deadLetterLeft: {warning: 1 d, critical: 1 h}}", "x")
    left = [measure(wanted, "deadLetterLeft", "b", hours * 3_600_000).severity for hours in (25, 23, 0.5)]
    assert left == [Severity.OK, Severity.WARNING, Severity.CRITICAL]
