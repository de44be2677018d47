"""The journal's file: what is appended stays, whoever appends beside it, and what was done to it since is found."""

from __future__ import annotations

import errno
import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from rocketmq_ops.mqadmin.journal.file import JournalError, JournalFile

APPENDING = """
import sys
from pathlib import Path
from rocketmq_ops.mqadmin.journal.file import JournalFile
journal = JournalFile(Path(sys.argv[1]))
for number in range(50):
    journal.append({"who": sys.argv[2], "number": number, "filling": "x" * 3000}, numbered=True)
"""


@pytest.fixture
def journal(tmp_path: Path) -> JournalFile:
    return JournalFile(tmp_path / "state" / "rocketmq-ops")


def test_lines_are_numbered_and_chained_and_private(journal: JournalFile) -> None:
    assert [journal.append({"n": n}) for n in range(3)] == [1, 2, 3]
    assert [line.content and line.content["n"] for line in journal.lines()] == [0, 1, 2]
    verdict = journal.verify()
    assert (verdict.lines, verdict.torn, verdict.broken) == (3, [], [])
    assert stat.S_IMODE(journal.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(journal.folder.stat().st_mode) == 0o700


def test_ids_follow_each_other_whatever_lies_between(journal: JournalFile) -> None:
    assert journal.append({"entry": "change"}, numbered=True) == 1
    assert journal.append({"entry": "change"}, numbered=True) == 2
    for _ in range(3):
        journal.append({"entry": "result", "change": 1, "filling": "x" * 100_000})
    assert journal.append({"entry": "change"}, numbered=True) == 3
    journal.path.write_bytes(journal.path.read_bytes() + b'{"line":7,"id":4,"entry":"cha')  # a crash
    assert journal.append({"entry": "change"}, numbered=True) == 4
    ids = [(line.content or {}).get("id") for line in journal.lines()]
    assert ids == [1, 2, None, None, None, 3, None, 4]


def test_ids_go_on_after_those_of_journals_that_had_the_numbers_of_lines(journal: JournalFile) -> None:
    for number in (1, 3):
        journal.append({"entry": "change"})
        journal.append({"entry": "result", "change": number})
    assert journal.append({"entry": "change"}, numbered=True) == 4
    assert journal.append({"entry": "change"}, numbered=True) == 5


def test_a_file_that_others_could_read_is_closed_to_them(journal: JournalFile) -> None:
    journal.append({})
    journal.path.chmod(0o644)
    journal.append({})
    assert stat.S_IMODE(journal.path.stat().st_mode) == 0o600


def test_there_is_nothing_to_verify_without_a_file(journal: JournalFile) -> None:
    assert (journal.verify().lines, list(journal.lines())) == (0, [])
    assert not journal.folder.exists()


def test_several_processes_append_at_once(journal: JournalFile) -> None:
    started = [
        subprocess.Popen([sys.executable, "-c", APPENDING, str(journal.folder), name]) for name in ("a", "b", "c")
    ]
    assert [process.wait() for process in started] == [0, 0, 0]
    verdict = journal.verify()
    assert (verdict.lines, verdict.torn, verdict.broken) == (150, [], [])
    contents = [line.content for line in journal.lines()]
    assert [c["id"] for c in contents if c is not None] == list(range(1, 151))
    for name in ("a", "b", "c"):
        assert [c["number"] for c in contents if c is not None and c["who"] == name] == list(range(50))


@pytest.mark.parametrize("kept", [1, 40, -1])
def test_a_torn_line_is_named_and_appending_goes_on(journal: JournalFile, kept: int) -> None:
    journal.append({"n": 1})
    journal.append({"n": 2})
    first, second = journal.path.read_bytes().splitlines()
    journal.path.write_bytes(first + b"\n" + second[:kept])
    assert journal.append({"n": 3}) == 3
    assert journal.append({"n": 4}) == 4
    verdict = journal.verify()
    assert (verdict.lines, verdict.torn, verdict.broken) == (4, [2], [])


def test_a_line_that_lacks_only_its_line_feed_is_whole(journal: JournalFile) -> None:
    journal.append({"n": 1})
    journal.path.write_bytes(journal.path.read_bytes()[:-1])
    assert journal.append({"n": 2}) == 2
    verdict = journal.verify()
    assert (verdict.lines, verdict.torn, verdict.broken) == (2, [], [])


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda lines: [lines[0], lines[1].replace(b'"n":2', b'"n":9'), lines[2]], ["line 2", "line 3"]),
        (lambda lines: [lines[0], lines[2]], ["line 2"]),
        (lambda lines: [lines[1], lines[2]], ["line 1"]),
        (lambda lines: [lines[0], lines[0], lines[1], lines[2]], ["line 2"]),
        (lambda lines: [lines[1], lines[0], lines[2]], ["line 1", "line 2", "line 3"]),
    ],
    ids=["changed", "taken out", "first taken out", "put in", "swapped"],
)
def test_what_was_done_to_the_file_is_found(
    journal: JournalFile, change: Callable[[list[bytes]], list[bytes]], named: list[str]
) -> None:
    for n in (1, 2, 3):
        journal.append({"n": n})
    lines = journal.path.read_bytes().splitlines()
    journal.path.write_bytes(b"".join(line + b"\n" for line in change(lines)))
    assert [failure.target for failure in journal.verify().broken] == named


def test_every_byte_counts(journal: JournalFile) -> None:
    journal.append({"n": 1, "text": "ü"})
    journal.append({"n": 2})
    whole = journal.path.read_bytes()
    for position in range(len(whole) - 1):
        damaged = bytearray(whole)
        damaged[position] ^= 1
        journal.path.write_bytes(damaged)
        verdict = journal.verify()
        assert verdict.broken or verdict.torn, position


def test_cut_off_lines_show_in_the_last_hash(journal: JournalFile) -> None:
    journal.append({"n": 1})
    kept = journal.verify().last_hash
    journal.append({"n": 2})
    assert journal.verify().last_hash != kept
    journal.path.write_bytes(journal.path.read_bytes().splitlines(keepends=True)[0])
    assert journal.verify().last_hash == kept


def test_a_full_disk_leaves_no_half_line(journal: JournalFile, monkeypatch: pytest.MonkeyPatch) -> None:
    journal.append({"n": 1})
    before = journal.path.read_bytes()
    write = os.write

    def full(descriptor: int, data: bytes) -> int:
        if len(data) > 100:
            return write(descriptor, data[:100])
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        with pytest.raises(JournalError, match="no space left on device"):
            journal.append({"n": 2})
    assert journal.path.read_bytes() == before
    assert journal.append({"n": 3}) == 2
    assert not journal.verify().broken


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(JournalError) as raised:
        JournalFile(tmp_path / "file" / "rocketmq-ops").append({})
    assert str(tmp_path / "file") in raised.value.cause
    assert "XDG_STATE_HOME" in raised.value.next_step


def test_a_long_last_line_is_found_whole(journal: JournalFile) -> None:
    journal.append({"text": "x" * 200_000})
    assert journal.append({"text": "y" * 200_000}) == 2
    assert not journal.verify().broken
    assert json.loads(journal.path.read_text().splitlines()[1])["line"] == 2
