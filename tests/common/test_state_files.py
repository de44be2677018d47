"""Tables that are written beside the loop: who waits for a write takes nothing from the others."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from pathlib import Path

import pytest

from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.common.state_files import StateFile, StateFileWriter


class Table(StateFile):
    def __init__(self, file: Path) -> None:
        super().__init__()
        self._file = file

    @property
    def path(self) -> str:
        return str(self._file)

    def encode(self, *, pretty: bool = False) -> bytes:
        return b"{}"


def test_a_waiter_that_is_cancelled_is_no_matter_to_the_others(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither of one that waits for the write that is to come, nor of one that waits for the write that runs."""

    async def run() -> None:
        files, table = StateFileWriter(), Table(tmp_path / "table.json")

        async def wait() -> None:
            await files.save(table)

        leaving, staying = asyncio.create_task(wait()), asyncio.create_task(wait())
        await asyncio.sleep(0)
        leaving.cancel()
        with suppress(asyncio.CancelledError):
            await leaving
        await staying
        assert leaving.cancelled() and (tmp_path / "table.json").read_bytes() == b"{}"
        await files.wait()

    with caplog.at_level(logging.ERROR):
        asyncio.run(run())
    assert caplog.records == []


def test_a_write_that_fails_fails_for_each(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """One that nobody waits for is in the log once, as a line of ours."""

    async def run() -> None:
        files, table = StateFileWriter(), Table(tmp_path / "missing" / "folder" / "table.json")
        (tmp_path / "missing").write_text("a file where the folder should be")
        first, second = files.save(table), files.save(table)
        for waiter in (first, second):
            with pytest.raises(RocketMQError, match=r"table\.json"):
                await waiter
        files.save(table)
        await files.wait()

    with caplog.at_level(logging.ERROR):
        asyncio.run(run())
    assert [record.levelname for record in caplog.records] == ["ERROR", "ERROR"]
    assert all("is not saved" in record.getMessage() for record in caplog.records)
