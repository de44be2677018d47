"""A bundle goes through its file whole, without its secrets, and is refused where it is none."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from rocketmq_ops.common.secrets import REMOVED
from rocketmq_ops.housekeeping.bundle.bundle import (
    VERSION,
    Bundle,
    BundleError,
    Later,
    LeftOut,
    LogTail,
    NoBundleError,
    read_bundle,
    write_bundle,
)
from rocketmq_ops.housekeeping.bundle.logs import MOST_BYTES, MOST_LINES, tails
from rocketmq_ops.housekeeping.bundle.redact import redacted
from tests.housekeeping.doctor import healthy as h


def made(**more: object) -> Bundle:
    later = Later(seconds=60, runtimes={h.A.address: h.runtime()}, answered_at={h.A.address: h.NOW})
    return Bundle(made_by="test", facts=h.facts(), later=later, **more)  # type: ignore[arg-type]


def test_a_bundle_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "b"
    bundle = made(logs=[LogTail("broker.log", ["one", "two"], False)])
    assert write_bundle(str(path), bundle) == path.stat().st_size
    assert read_bundle(str(path)) == bundle
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_file_that_is_there_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "b"
    path.write_text("mine")
    with pytest.raises(BundleError, match="exists already"):
        write_bundle(str(path), made())
    assert path.read_text() == "mine"
    with pytest.raises(BundleError, match="cannot write"):
        write_bundle(str(tmp_path / "gone" / "b"), made())


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("", "is not a bundle"),
        ('{"format": "other"}', "is not a bundle"),
        ("[1]", "is not a bundle"),
        (f'{{"format": "rocketmq-ops bundle", "version": {VERSION + 1}}}', "is a bundle of form 2"),
        ('{"format": "rocketmq-ops bundle", "version": 1}', "damaged"),
    ],
)
def test_what_is_no_bundle(tmp_path: Path, text: str, cause: str) -> None:
    path = tmp_path / "b"
    path.write_text(text)
    with pytest.raises(BundleError, match=cause):
        read_bundle(str(path))
    with pytest.raises(NoBundleError, match="no such file"):
        read_bundle(str(tmp_path / "gone"))


def test_secrets_are_removed_and_listed() -> None:
    bundle = made(logs=[LogTail("broker.log", ["secretKey=hunter2, x", "fine"], False)])
    bundle.facts.configs[h.A.address] |= {
        "metricsGrpcExporterHeader": "Authorization:Bearer hunter2",
        "innerClientAuthenticationCredentials": '{"accessKey":"a"}',
        "metricsGrpcExporterTarget": "http://me:hunter2@10.0.0.9:4317",
        "tokenEnable": "true",
        "password": "",
    }
    bundle.facts.groups[h.A.address]["G"]["attributes"] = {"secretName": "hunter2"}
    clean = redacted(bundle)
    config = clean.facts.configs[h.A.address]
    assert config["innerClientAuthenticationCredentials"] == REMOVED
    assert config["metricsGrpcExporterTarget"] == f"http://me:{REMOVED}@10.0.0.9:4317"
    assert config["metricsGrpcExporterHeader"] == f"Authorization:{REMOVED}"
    assert (config["tokenEnable"], config["password"]) == ("true", "")
    assert clean.facts.groups[h.A.address]["G"]["attributes"] == {"secretName": REMOVED}
    assert clean.logs[0].lines == [f"secretKey={REMOVED}", "fine"]
    assert sorted(clean.removed) == [
        "broker.log: values in 1 lines",
        f"configs/{h.A.address}/innerClientAuthenticationCredentials",
        f"configs/{h.A.address}/metricsGrpcExporterHeader: in its text",
        f"configs/{h.A.address}/metricsGrpcExporterTarget: in its text",
        f"groups/{h.A.address}/G/attributes/secretName",
    ]
    assert "hunter2" not in str(clean)


def test_nothing_else_is_changed() -> None:
    bundle = made()
    assert redacted(bundle) == bundle


def test_the_last_lines_of_logs(tmp_path: Path) -> None:
    (tmp_path / "broker.log").write_text("one\ntwo\n")
    (tmp_path / "big.log").write_text("".join(f"{n:0999}\n" for n in range(MOST_BYTES // 1000 * 2)))
    (tmp_path / "many.log").write_text("".join(f"{n}\n" for n in range(MOST_LINES + 10)))
    (tmp_path / "empty.log").write_text("")
    (tmp_path / "other.txt").write_text("x")
    (big, broker, empty, many), left_out = tails(str(tmp_path))
    assert left_out == []
    assert (broker.lines, broker.cut, empty.lines) == (["one", "two"], False, [])
    assert len(big.lines) < MOST_BYTES // 1000 + 1 and all(len(line) == 999 for line in big.lines) and big.cut
    assert many.lines == [str(n) for n in range(10, MOST_LINES + 10)] and many.cut
    with pytest.raises(NoBundleError, match="no such folder"):
        tails(os.fspath(tmp_path / "gone"))


def test_nothing_outside_of_the_folder_is_read(tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    (tmp_path / "shadow").write_text("hunter2")
    (folder / "broker.log").write_text("one\n")
    (folder / "out.log").symlink_to(tmp_path / "shadow")
    (folder / "in.log").symlink_to(folder / "broker.log")
    (folder / "nowhere.log").symlink_to(tmp_path / "gone")
    os.mkfifo(folder / "pipe.log")
    (folder / "sub.log").mkdir()
    found, left_out = tails(str(folder))
    assert [tail.path for tail in found] == [str(folder / "broker.log")]
    link = "it is a symbolic link"
    assert left_out == [
        LeftOut(str(folder / "in.log"), link, False),
        LeftOut(str(folder / "nowhere.log"), link, False),
        LeftOut(str(folder / "out.log"), link, False),
        LeftOut(str(folder / "pipe.log"), "it is not a file", False),
        LeftOut(str(folder / "sub.log"), "it is not a file", False),
    ]


def test_a_log_that_cannot_be_read_does_not_keep_the_others_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.log").write_text("one\n")
    (tmp_path / "b.log").write_text("two\n")
    real = os.open

    def refused(path: object, *more: Any, **named: Any) -> int:
        if path == "a.log":
            raise PermissionError(13, "Permission denied", path)
        return real(path, *more, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "open", refused)
    found, left_out = tails(str(tmp_path))
    assert [tail.lines for tail in found] == [["two"]]
    assert left_out == [LeftOut(str(tmp_path / "a.log"), "permission denied", True)]
