"""Standard input that is closed or is not text: one sentence and the next step, from every command that reads it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from rocketmq_ops.mqadmin.exit_codes import ExitCode

RUN = [sys.executable, "-m", "rocketmq_ops.mqadmin"]
CLOSED = ["sh", "-c", 'exec "$@" <&-', "sh"]
NOT_TEXT = b"topicList -n \xff\n"


def ran(folder: Path, *words: str, closed: bool = False, given: bytes = b"") -> tuple[int, list[str]]:
    done = subprocess.run(
        [*(CLOSED if closed else []), *RUN, *words],
        input=None if closed else given,
        capture_output=True,
        check=False,
        env={"PATH": "/usr/bin:/bin", "ROCKETMQ_OPS_PROFILES": str(folder / "profiles.yaml"), "HOME": str(folder)},
    )
    return done.returncode, done.stderr.decode().splitlines()


@pytest.mark.parametrize(
    "words",
    [
        ("shell",),
        ("shell", "-"),
        ("errors", "--log", "-"),
        ("sendMessage", "-n", "127.0.0.1:1", "-t", "T", "--bodyFile", "-"),
        ("sendMessage", "-n", "127.0.0.1:1", "-t", "T", "--bodyFile", "-", "--lines"),
        ("profile", "add", "p", "-n", "h:1", "--accessKey", "ops", "--storeSecretKey"),
        ("createUser", "-n", "127.0.0.1:1", "-b", "127.0.0.1:1", "-u", "u", "-p", "-"),
    ],
    ids=lambda words: " ".join(words[:2]),
)
def test_it_is_closed(words: tuple[str, ...], tmp_path: Path) -> None:
    code, err = ran(tmp_path, *words, closed=True)
    assert code == ExitCode.USAGE
    assert len(err) == 2 and err[0].endswith(": standard input is closed") and err[1].startswith("  next: send a file")


def test_what_is_asked_at_a_terminal_says_that_there_is_none(tmp_path: Path) -> None:
    code, err = ran(tmp_path, "topicList", "-n", "127.0.0.1:1", "--credentials", "-", closed=True)
    assert code == ExitCode.USAGE and "has to be typed, and there is no terminal" in err[0]


@pytest.mark.parametrize(
    "words",
    [
        ("profile", "add", "p", "-n", "h:1", "--accessKey", "ops", "--storeSecretKey"),
        ("createUser", "-n", "127.0.0.1:1", "-b", "127.0.0.1:1", "-u", "u", "-p", "-"),
    ],
    ids=lambda words: " ".join(words[:2]),
)
def test_a_line_that_is_not_text(words: tuple[str, ...], tmp_path: Path) -> None:
    code, err = ran(tmp_path, *words, given=NOT_TEXT)
    assert code == ExitCode.USAGE
    assert len(err) == 2 and err[0].endswith(": standard input is not UTF-8 text") and err[1].startswith("  next: ")


@pytest.mark.parametrize("of_file", [False, True])
def test_the_shell_goes_on_after_a_line_that_is_not_text(of_file: bool, tmp_path: Path) -> None:
    lines = b"\xef\xbb\xbf# saved with a mark at its begin\n" + NOT_TEXT + b"noCommand\n"
    (tmp_path / "script").write_bytes(lines)
    code, err = ran(tmp_path, "shell", *([str(tmp_path / "script")] if of_file else []), given=lines)
    assert code == ExitCode.USAGE
    assert err[0] == "mqadmin shell: line 2 is not UTF-8 text" and "no command 'noCommand'" in err[2]


def test_no_words_when_stderr_is_closed(tmp_path: Path) -> None:
    done = subprocess.run(
        ["sh", "-c", 'exec "$@" 2>&-', "sh", *RUN, "topicList", "-n", "127.0.0.1:1", "--output", "json"],
        capture_output=True,
        check=False,
    )
    assert done.returncode == ExitCode.CANNOT_CONNECT and b'"status": "failed"' in done.stdout
