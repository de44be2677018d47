"""A real process with a real store, killed with SIGKILL under load, again and again."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from rocketmq_ops.common.message_codec import decode_message
from tests.store.crash_driver import check_queues, records_of
from tests.store.store_helpers import kill, open_store

SIZES = {"mappedFileSizeCommitLog": 256 * 1024, "mappedFileSizeConsumeQueue": 20_000, "maxIndexNum": 3000}
WRITER = """
import asyncio, json, os, sys, time
from pathlib import Path
from tests.store.store_helpers import message, open_store

async def main(root, flush, first, sizes):
    store = open_store(Path(root), clock=lambda: time.time_ns() // 1_000_000, flushDiskType=flush,
                       flushIntervalCommitLog=5, flushIntervalConsumeQueue=5,
                       flushConsumeQueueThoroughInterval=20, **sizes)
    store.start()
    number = first
    while True:
        for _ in range(8):
            body = b"%d:" % number + bytes([number % 251]) * (number * 7 % 900)
            result = store.put_message(message("T", number % 3, body, KEYS=f"key{number}", UNIQ_KEY=f"{number:032X}"))
            assert result.status == 0, result
            end = result.wrote_offset + result.wrote_bytes
            line = b"%d %d\\n" % (number, result.wrote_offset)
            if flush == "SYNC_FLUSH":
                store.when_flushed(end, lambda ok, line=line: os.write(1, line) if ok else None)
            else:
                os.write(1, line)
            number += 1
        await asyncio.sleep(0)

asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), json.loads(sys.argv[4])))
"""


def run_until_killed(root: Path, flush: str, first: int, acks: int) -> dict[int, int]:
    """Offsets by message number of everything that the writer said was stored."""
    command = [sys.executable, "-c", WRITER, str(root), flush, str(first), json.dumps(SIZES)]
    acked: dict[int, int] = {}
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]) as writer:
        assert writer.stdout is not None
        for line in writer.stdout:
            if not line.endswith(b"\n"):
                break
            number, offset = map(int, line.split())
            acked[number] = offset
            if len(acked) == acks:
                writer.kill()  # and read on what is still in the pipe
    assert len(acked) >= acks
    return acked


@pytest.mark.parametrize("flush", ["ASYNC_FLUSH", "SYNC_FLUSH"])
def test_kill_under_load(flush: str, tmp_path: Path) -> None:
    acked: dict[int, int] = {}
    for round_number, acks in enumerate([700, 1500, 40]):
        acked.update(run_until_killed(tmp_path / "store", flush, round_number * 1_000_000, acks))
    store = open_store(tmp_path / "store", **SIZES)
    records = records_of(store)
    check_queues(store, records)
    by_offset = {record.commit_log_offset: record for record in records}
    for number, offset in acked.items():
        record = by_offset[offset]
        assert record.body == b"%d:" % number + bytes([number % 251]) * (number * 7 % 900)
    for record in records[:: max(1, len(records) // 500)]:
        for key in (record.properties["KEYS"], record.properties["UNIQ_KEY"]):
            views = store.query_message("T", key, 8, 0, 1 << 62).views
            assert record.commit_log_offset in [decode_message(view).commit_log_offset for view in views]
    kill(store)
