"""Log files: which record goes where, rotation, full disks, secrets, levels."""

import errno
import gzip
import json
import logging
import threading
import time
from types import SimpleNamespace

import pytest

from rocketmq_ops.common.logs import log_files
from rocketmq_ops.common.logs.config import apply_levels, parse_levels
from rocketmq_ops.common.logs.line_formats import JsonFormatter, TextFormatter
from rocketmq_ops.common.logs.log_files import BROKER_FILES, NAMESRV_FILES, LogFiles
from rocketmq_ops.common.logs.one_line import OneLineFormatter
from rocketmq_ops.common.logs.rotating_file import RotatingFile


def settings_for(folder, **more):
    return SimpleNamespace(**{"logDir": str(folder), "logFormat": "text", "logFileSize": 1 << 20, "logFiles": 3} | more)


def record(name, text, *args, level=logging.INFO, **extra):
    return logging.getLogger(name).makeRecord(name, level, __file__, 1, text, args, None, extra=extra)


@pytest.fixture
def files(tmp_path):
    """Log files of a broker that are written, and closed by `close`; the root logger is as before then."""
    handlers = [(handler, handler.level) for handler in logging.getLogger().handlers]
    made = LogFiles(settings_for(tmp_path), BROKER_FILES)
    made.start()
    try:
        yield made
    finally:
        made.close()
        for handler, level in handlers:
            handler.setLevel(level)


@pytest.mark.parametrize(
    ("logger", "name"),
    [
        ("rocketmq_ops.broker.controller", "broker.log"),
        ("rocketmq_ops.broker.stats.stats_lines", "stats.log"),
        ("rocketmq_ops.broker.stats.fall_behind", "protection.log"),
        ("rocketmq_ops.broker.stats.water_marks", "watermark.log"),
        ("rocketmq_ops.broker.auth.audit_log", "auth_audit.log"),
        ("rocketmq_ops.broker.auth.auth_evaluator", "broker.log"),
        ("rocketmq_ops.store.flush", "store.log"),
        ("rocketmq_ops.common.periodic", "broker.log"),
        ("rocketmq_ops.remoting.server", "remoting.log"),
        ("asyncio", "broker_default.log"),
        ("broker", "broker_default.log"),
    ],
)
def test_a_logger_has_the_file_of_its_longest_prefix(tmp_path, logger, name):
    assert LogFiles(settings_for(tmp_path), BROKER_FILES).name_of(logger) == name


def test_the_name_server_has_files_of_its_own(tmp_path):
    names = LogFiles(settings_for(tmp_path), NAMESRV_FILES)
    assert names.name_of("rocketmq_ops.remoting.server") == "namesrv.log"
    assert names.name_of("asyncio") == "namesrv_default.log"


def test_every_named_logger_is_one():
    for prefix in {*BROKER_FILES, *NAMESRV_FILES} - {"", "__main__"}:
        __import__(f"rocketmq_ops.{prefix}")


def test_records_are_written_and_errors_of_the_store_twice(files, tmp_path):
    logging.getLogger("rocketmq_ops.broker.controller").warning("%s is %d", "x", 7)
    logging.getLogger("rocketmq_ops.store.flush").error("the disk is gone")
    files.close()
    assert (tmp_path / "broker.log").read_text().endswith("WARN broker.controller - x is 7\n")
    for name in ("store.log", "storeerror.log"):
        assert (tmp_path / name).read_text().endswith("ERROR store.flush - the disk is gone\n")


def test_stderr_has_warnings_alone_while_there_are_files(tmp_path):
    handler = logging.StreamHandler()
    root = logging.getLogger()
    root.addHandler(handler)
    levels = [(each, each.level) for each in root.handlers]
    made = LogFiles(settings_for(tmp_path), BROKER_FILES)
    try:
        made.start()
        assert handler.level == logging.WARNING
    finally:
        made.close()
        for each, level in levels:
            each.setLevel(level)
        root.removeHandler(handler)


def test_rotated_files_are_numbered_from_the_newest_and_dropped_behind_the_last(tmp_path):
    file = RotatingFile(tmp_path / "broker.log", 100, 2)
    for number in range(5):
        file.write(f"{number}" * 80)
    file.close()
    assert (tmp_path / "broker.log").read_text() == "4" * 80 + "\n"
    rotated = {path.name: gzip.decompress(path.read_bytes()).decode()[0] for path in (tmp_path / "otherdays").iterdir()}
    assert rotated == {"broker.1.log.gz": "3", "broker.2.log.gz": "2"}


def test_a_size_counts_what_was_there_at_the_start(tmp_path):
    (tmp_path / "broker.log").write_text("x" * 90)
    file = RotatingFile(tmp_path / "broker.log", 100, 2)
    file.open()
    file.write("y" * 50)
    file.close()
    assert (tmp_path / "broker.log").read_text() == "y" * 50 + "\n"


def test_without_rotated_files_the_full_one_is_dropped(tmp_path):
    file = RotatingFile(tmp_path / "broker.log", 100, 0)
    for number in range(3):
        file.write(f"{number}" * 80)
    file.close()
    assert [path.name for path in tmp_path.iterdir()] == ["broker.log"]


def test_what_cannot_be_compressed_stays_as_it_is(tmp_path, monkeypatch):
    def full(*_args, **_more):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("rocketmq_ops.common.logs.rotating_file.shutil.copyfileobj", full)
    file = RotatingFile(tmp_path / "broker.log", 100, 2)
    for number in range(4):
        file.write(f"{number}" * 80)
    file.close()
    assert {path.name: path.read_text()[0] for path in (tmp_path / "otherdays").iterdir()} == {
        "broker.1.log": "2",
        "broker.2.log": "1",
    }


def test_a_file_that_was_moved_away_is_begun_anew(tmp_path):
    file = RotatingFile(tmp_path / "broker.log", 1000, 2)
    file.write("before")
    (tmp_path / "broker.log").rename(tmp_path / "moved")
    file.flush()
    file.write("after")
    file.close()
    assert (tmp_path / "moved").read_text() == "before\n"
    assert (tmp_path / "broker.log").read_text() == "after\n"


def test_a_full_disk_costs_lines_and_no_more(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(log_files, "RETRY_INTERVAL_MS", 0)
    write, full = RotatingFile.write, [True]

    def sometimes(self, line):
        if full[0]:
            raise OSError(errno.ENOSPC, "No space left on device")
        write(self, line)

    monkeypatch.setattr(RotatingFile, "write", sometimes)
    files = LogFiles(settings_for(tmp_path), BROKER_FILES)
    for number in range(3):
        files.handler.handle(record("rocketmq_ops.broker", f"lost {number}"))
    files._waiting.put(None)
    files._run()
    assert files.unwritten == 3
    complaint = capsys.readouterr().err
    assert (
        complaint
        == f"{tmp_path}/broker.log cannot be written: No space left on device; the server goes on without it\n"
    )
    full[0] = False
    files.handler.handle(record("rocketmq_ops.broker", "there is room again"))
    files._waiting.put(None)
    files._run()
    lines = (tmp_path / "broker.log").read_text().splitlines()
    assert lines[0].endswith(
        "at least 3 lines were lost before this one: the disk was full, or more came than could be written"
    )
    assert lines[1].endswith("there is room again")


def test_who_logs_never_waits_for_room(tmp_path, monkeypatch):
    monkeypatch.setattr(log_files, "MAX_WAITING", 2)
    files = LogFiles(settings_for(tmp_path), BROKER_FILES)
    logged = threading.Event()

    def log_five():
        for number in range(5):
            files.handler.handle(record("rocketmq_ops.broker", f"line {number}"))
        logged.set()

    thread = threading.Thread(target=log_five)
    thread.start()
    thread.join()
    assert logged.is_set() and files.handler.lost == 3


@pytest.mark.parametrize(
    ("logger", "line"),
    [
        ("broker.controller", "2026-01-31 12:00:00 INFO broker.controller - {text}"),
        ("broker.stats.stats_lines", "2026-01-31 12:00:00 INFO - {text}"),
        ("broker.stats.water_marks", "2026-01-31 12:00:00 - {text}"),
        ("broker.stats.fall_behind", "2026-01-31 12:00:00 - {text}"),
    ],
)
def test_a_line_has_the_pattern_of_its_file(tmp_path, logger, line):
    made = record(f"rocketmq_ops.{logger}", "[%s] {level}", "NAME")
    made.created = time.mktime((2026, 1, 31, 12, 0, 0, 0, 0, -1))
    files = LogFiles(settings_for(tmp_path), BROKER_FILES)
    files._thread.start()
    files.handler.enqueue(made)
    files.close()
    (file,) = (path for path in tmp_path.rglob("*.log") if path.stat().st_size)
    assert file.read_text() == line.format(text="[NAME] {level}") + "\n"


@pytest.mark.parametrize("formatter", [TextFormatter, JsonFormatter])
def test_secrets_are_in_no_line(formatter):
    line = formatter().format(record("rocketmq_ops.broker", "user=rocketmq secretKey=%s", "12345678"))
    assert "12345678" not in line and "rocketmq" in line


@pytest.mark.parametrize("formatter", [TextFormatter, OneLineFormatter, JsonFormatter])
def test_a_client_writes_no_line_of_our_log(formatter):
    """Names of accounts, groups and clients are in it as they were given."""
    given = "x\r\n2026-01-31 12:00:00 INFO broker.access - root was let in\x1b[2J\u2028 华东"
    line = formatter().format(record("rocketmq_ops.broker", "'%s' was refused", given))
    assert len(line.splitlines()) == 1 or formatter is JsonFormatter
    assert "\n" not in line and "\x1b" not in line and "华东" in line and "root was let in" in line


def test_an_object_has_the_fields_of_its_record_and_the_trace():
    made = record("rocketmq_ops.broker.stats", "topic", level=logging.WARNING, fields={"topic": "T", "putNums": 7})
    entry = json.loads(JsonFormatter().format(made))
    assert entry.pop("@timestamp")[10] == "T"
    assert entry == {"level": "WARN", "logger": "broker.stats", "message": "topic", "topic": "T", "putNums": 7}
    try:
        raise ValueError("broken")
    except ValueError as error:
        made.exc_info = (ValueError, error, error.__traceback__)
    assert json.loads(JsonFormatter().format(made))["stack_trace"].endswith("ValueError: broken")
    assert TextFormatter().format(made).endswith("ValueError: broken")


def test_levels_of_all_and_of_parts():
    assert parse_levels("warn; broker.processors=DEBUG") == {"": 30, "broker.processors": 10}
    assert parse_levels("") == {}
    for wrong in ("LOUD", "broker=", "=INFO x", "a-b=INFO", "INFO;;x=1"):
        with pytest.raises(ValueError, match=r".+"):
            parse_levels(wrong)


def test_levels_are_taken_back():
    package, part = logging.getLogger("rocketmq_ops"), logging.getLogger("rocketmq_ops.broker.some_part")
    before = package.level
    try:
        apply_levels("ERROR;broker.some_part=DEBUG")
        assert (package.level, part.getEffectiveLevel()) == (logging.ERROR, logging.DEBUG)
        apply_levels("INFO", "ERROR;broker.some_part=DEBUG")
        assert part.getEffectiveLevel() == logging.INFO
        apply_levels("remoting=INFO", "INFO")
        assert package.level == logging.INFO
    finally:
        package.setLevel(before)
        part.setLevel(logging.NOTSET)
        logging.getLogger("rocketmq_ops.remoting").setLevel(logging.NOTSET)
