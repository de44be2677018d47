"""A disk that is full for everything at once: commitlog, queues, index, tables and log files; and what follows when
there is room again. The layer of files says so, whoever runs the test."""

import errno
import logging
import os
from types import SimpleNamespace

import pytest

from rocketmq_ops.common import fastjson
from rocketmq_ops.common.files import OsSmallFiles
from rocketmq_ops.common.logs import log_files
from rocketmq_ops.common.logs.log_files import BROKER_FILES, LogFiles
from rocketmq_ops.common.logs.rotating_file import RotatingFile
from rocketmq_ops.remoting.codes import RequestCode, ResponseCode
from rocketmq_ops.store.files.filesystem import OsFileSystem, OsStoreFile
from tests.broker.support import bodies, run, until
from tests.broker.test_bounds import topic_fields


class Disk:
    """Full while `full` is set."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.full = False
        self.refused: set[str] = set()
        for cls, name, path_of in (
            (OsStoreFile, "reserve", lambda file, *_: file.path),
            (OsFileSystem, "open", lambda _fs, path, *_: path),
            (OsSmallFiles, "write_synced", lambda _files, path, _data: path),
            (RotatingFile, "write", lambda file, _line: str(file.path)),
        ):
            monkeypatch.setattr(cls, name, self._unless_full(getattr(cls, name), path_of))

    def _unless_full(self, work, path_of):
        def call(*args, **more):
            if self.full:
                path = path_of(*args)
                self.refused.add(path)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)
            return work(*args, **more)

        return call


@pytest.fixture
def disk(monkeypatch):
    return Disk(monkeypatch)


def test_everything_answers_and_goes_on_by_itself(tmp_path, disk, monkeypatch):
    monkeypatch.setattr(log_files, "RETRY_INTERVAL_MS", 0)
    settings = SimpleNamespace(logDir=str(tmp_path / "logs"), logFormat="text", logFileSize=1 << 20, logFiles=1)
    levels = [(handler, handler.level) for handler in logging.getLogger().handlers]
    logs = LogFiles(settings, BROKER_FILES)
    logs.start()

    async def body(session):
        broker, sent = session.broker, 1
        assert (await session.send("T", b"first")).code == 0
        disk.full = True
        while (answer := await session.send("T", bytes(60_000))).code == 0:  # what has its blocks is still taken
            sent += 1
        assert answer.code == ResponseCode.SERVICE_NOT_AVAILABLE
        assert answer.remark == (
            "service not available now: no space is left on the disk of the store; free space or delete topics"
        )
        assert bodies(await session.pull("T", maxMsgNums="1")) == [b"first"]
        refused = await session.ask(RequestCode.UPDATE_AND_CREATE_TOPIC, topic_fields("New", 4))
        assert refused.code == ResponseCode.SYSTEM_ERROR and "no space left on device" in refused.remark
        broker.offsets.commit("g", "T", 0, 1)
        await until(lambda: any(path.endswith("consumerOffset.json.tmp") for path in disk.refused))
        await until(lambda: logs.unwritten > 0)

        disk.full = False
        assert (await session.send("T", b"again")).code == 0
        assert broker.store.max_offset("T", 0) == sent + 1
        assert bodies(await session.pull("T", offset=sent)) == [b"again"]
        assert (await session.ask(RequestCode.UPDATE_AND_CREATE_TOPIC, topic_fields("New", 4))).code == 0
        saved = tmp_path / "store" / "config" / "consumerOffset.json"
        await until(lambda: saved.exists() and fastjson.loads(saved.read_bytes())["offsetTable"] != {})

    try:
        run(tmp_path / "store", body, flushConsumerOffsetInterval=20)
        logging.getLogger("rocketmq_ops.broker").warning("there is room")
    finally:
        logs.close()
        for handler, level in levels:
            handler.setLevel(level)
    written = (tmp_path / "logs" / "broker.log").read_text()
    assert "lines were lost before this one" in written and written.endswith("there is room\n")
