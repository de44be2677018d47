"""A file that is deleted, moved or replaced under the running store: no message is taken that would be lost with it."""

import asyncio
import errno
import os
import shutil
import threading

import pytest

from rocketmq_ops.store.errors import LostFileError
from rocketmq_ops.store.files.filesystem import OsFileSystem
from rocketmq_ops.store.inner_message import PutStatus
from tests.broker.support import until
from tests.store.store_helpers import message, open_store, read_all


def delete(path):
    path.unlink()


def move(path):
    path.rename(path.with_name("moved"))


def replace(path):
    shutil.copy(path, path.with_name("copy"))
    path.with_name("copy").replace(path)


def cut(path):
    """Within the first page: what is behind the end of a file can be written and read there, and is on no disk."""
    os.truncate(path, 3000)


@pytest.fixture
def file(tmp_path):
    made = OsFileSystem().open(str(tmp_path / "file"), 8192, create=True)
    yield made
    made.close()


@pytest.mark.parametrize(
    ("lose", "words"),
    [(delete, "was deleted"), (move, "was deleted"), (replace, "was replaced"), (cut, "was cut short")],
)
def test_nothing_is_done_to_another_file(tmp_path, file, lose, words):
    file.view[0] = 7
    file.sync()
    lose(tmp_path / "file")
    for work in (
        file.sync,
        lambda: file.reserve(0, 4096),
        lambda: file.write(0, b"x"),
        lambda: file.read(0, 1),
        lambda: file.clear_from(0),
    ):
        with pytest.raises(LostFileError, match=words) as caught:
            work()
        assert (caught.value.errno, caught.value.filename) == (errno.ESTALE, str(tmp_path / "file"))
    assert file.view[0] == 7


def test_a_file_whose_end_is_made_zero_is_not_taken_for_one_that_was_cut(tmp_path, file):
    cleared = threading.Thread(target=lambda: [file.clear_from(100) for _ in range(300)])
    cleared.start()
    while cleared.is_alive():
        file.check_there()
    cleared.join()


def test_a_file_that_the_store_removed_itself_is_no_loss(tmp_path, file):
    file.close()
    os.unlink(file.path)
    file.sync()


def log_file(root):
    return root / "commitlog" / ("0" * 20)


@pytest.mark.parametrize("lose", [delete, move, replace, cut])
@pytest.mark.parametrize("flush", ["ASYNC_FLUSH", "SYNC_FLUSH"])
def test_no_message_is_taken_once_the_log_is_lost(tmp_path, caplog, lose, flush):
    async def main():
        store = open_store(tmp_path, flushDiskType=flush, flushIntervalCommitLog=10, flushCommitLogThoroughInterval=10)
        store.start()
        assert store.put_message(message(body=b"kept")).status is PutStatus.PUT_OK
        await until(lambda: store.flushed_where == store.max_phy_offset)
        lose(log_file(tmp_path))
        lost = store.put_message(message(body=b"lost"))
        if flush == "SYNC_FLUSH":
            answer = asyncio.get_running_loop().create_future()
            store.when_flushed(lost.wrote_offset + lost.wrote_bytes, answer.set_result)
            assert await answer is False
        await until(lambda: store.put_message(message()).status is PutStatus.SERVICE_NOT_AVAILABLE)
        assert caplog.text.count("no more messages are taken") == 1
        assert read_all(store)[0].body == b"kept"
        await store.shutdown()
        assert (tmp_path / "abort").exists()

    asyncio.run(main())


@pytest.mark.parametrize("lose", [delete, move, replace])
def test_a_lost_log_is_noticed_by_a_message_that_needs_new_blocks(tmp_path, lose):
    """All before it is synced, so that no sync looks; it is refused as all are later."""

    async def main():
        at_once = {"flushIntervalCommitLog": 10, "flushCommitLogThoroughInterval": 10}
        store = open_store(tmp_path, mappedFileSizeCommitLog=4 << 20, maxMessageSize=1 << 20, **at_once)
        store.start()
        store.put_message(message())
        await until(lambda: store.flushed_where == store.max_phy_offset)
        lose(log_file(tmp_path))
        large = message(body=bytes(store.commit_log.file_queue.files[0].reserved))
        assert store.put_message(large).status is PutStatus.SERVICE_NOT_AVAILABLE
        await store.shutdown()

    asyncio.run(main())


@pytest.mark.parametrize("lose", [delete, move, replace, cut])
def test_a_lost_log_is_noticed_when_hardly_anything_is_to_be_synced(tmp_path, lose):
    """A sync waits for flushCommitLogLeastPages, or for flushCommitLogThoroughInterval; what is lost does not."""

    async def main():
        store = open_store(tmp_path, flushIntervalCommitLog=10, flushCommitLogThoroughInterval=3_600_000)
        store.start()
        store.put_message(message())
        lose(log_file(tmp_path))
        await until(lambda: not store.flags.writeable)
        assert store.put_message(message()).status is PutStatus.SERVICE_NOT_AVAILABLE
        await store.shutdown()

    asyncio.run(main())


def test_messages_are_taken_again_when_the_very_file_is_back(tmp_path, caplog):
    async def main():
        store = open_store(tmp_path, flushIntervalCommitLog=10, flushCommitLogThoroughInterval=3_600_000)
        store.start()
        store.put_message(message(body=b"first"))
        move(log_file(tmp_path))
        await until(lambda: not store.flags.writeable)
        (tmp_path / "commitlog" / "moved").rename(log_file(tmp_path))
        await until(lambda: store.flags.writeable)
        assert store.put_message(message(body=b"second")).status is PutStatus.PUT_OK
        assert [each.body for each in read_all(store)] == [b"first", b"second"]
        await store.shutdown()
        assert not (tmp_path / "abort").exists()

    asyncio.run(main())


async def five_files(tmp_path, flush):
    """A store with five files of the commitlog, all of them synced; the paths of the files."""
    store = open_store(
        tmp_path, flushDiskType=flush, mappedFileSizeCommitLog=4096, maxMessageSize=2048, flushIntervalCommitLog=10
    )
    store.start()
    while len(store.commit_log.file_queue.files) < 5:
        assert store.put_message(message(body=bytes(1_500))).status is PutStatus.PUT_OK
    store.flush.wake()
    await until(lambda: store.flushed_where == store.max_phy_offset)
    return store, sorted((tmp_path / "commitlog").iterdir())


@pytest.mark.parametrize("lose", [delete, move, replace, cut])
@pytest.mark.parametrize("flush", ["ASYNC_FLUSH", "SYNC_FLUSH"])
@pytest.mark.parametrize("which", [1, 3])
def test_no_message_is_taken_behind_a_file_that_is_lost(tmp_path, caplog, lose, flush, which):
    """All of the file is synced; without it the next start would refuse the store, and with it what came since."""

    async def main():
        store, files = await five_files(tmp_path, flush)
        lose(files[which])
        store.put_message(message())
        await until(lambda: store.put_message(message()).status is PutStatus.SERVICE_NOT_AVAILABLE)
        assert caplog.text.count("this store does not start again") == 1
        assert files[which].name in caplog.text
        store.flush.wake()
        await asyncio.sleep(0.05)
        assert store.put_message(message()).status is PutStatus.SERVICE_NOT_AVAILABLE
        await store.shutdown()

    asyncio.run(main())


def test_messages_are_taken_again_when_a_file_in_the_middle_is_back(tmp_path, caplog):
    async def main():
        store, files = await five_files(tmp_path, "ASYNC_FLUSH")
        away = tmp_path / "away"
        files[2].rename(away)
        store.put_message(message())
        await until(lambda: not store.flags.writeable)
        away.rename(files[2])
        await until(lambda: store.flags.writeable)
        assert store.put_message(message(body=b"last")).status is PutStatus.PUT_OK
        await store.shutdown()
        again = open_store(tmp_path, mappedFileSizeCommitLog=4096, maxMessageSize=2048)
        assert read_all(again)[-1].body == b"last"
        again.close()

    asyncio.run(main())


def test_the_oldest_files_may_be_removed_by_hand(tmp_path, caplog):
    async def main():
        store, files = await five_files(tmp_path, "ASYNC_FLUSH")
        files[0].unlink()
        files[1].unlink()
        store.put_message(message())
        await until(lambda: "the first 2 files of the commitlog were removed" in caplog.text)
        assert store.put_message(message(body=b"last")).status is PutStatus.PUT_OK
        await store.shutdown()
        assert caplog.text.count("were removed by somebody else") == 1
        again = open_store(tmp_path, mappedFileSizeCommitLog=4096, maxMessageSize=2048)
        assert again.min_phy_offset == 8192
        again.close()

    asyncio.run(main())


def test_a_lost_file_of_one_queue_does_not_hold_up_the_others(tmp_path, caplog):
    async def main():
        store = open_store(tmp_path)
        store.put_message(message("A"))
        store.put_message(message("B"))
        delete(next((tmp_path / "consumequeue" / "A" / "0").iterdir()))
        with pytest.raises(LostFileError):
            await store.flush._flush_queues(thorough=True)
        assert store.consume_queue("B", 0).file_queue.dirty_bytes() == 0
        assert store.put_message(message("B")).status is PutStatus.PUT_OK
        store.close()

    asyncio.run(main())


@pytest.mark.parametrize("buffers", [True, False])
def test_a_lost_index_refuses_no_message_and_is_made_anew_by_the_next_start(tmp_path, caplog, buffers):
    """Whoever makes room by removing index files does not stop the broker."""

    def found(store):
        return [len(store.index.query_offset("T", f"k{n}", 9, 0, 1 << 60, lambda _: 1).phy_offsets) for n in range(600)]

    async def main():
        chunks = {"maxHashSlotNum": 2_000_000, "maxIndexNum": 20_000}  # of slots, which get their blocks when needed
        store = open_store(tmp_path, **chunks)
        if buffers:
            store.index.begin_buffering()
        store.start()
        assert store.put_message(message(KEYS="k0")).status is PutStatus.PUT_OK
        await until(lambda: (tmp_path / "index").is_dir() or store.index.is_behind)
        shutil.rmtree(tmp_path / "index")
        for n in range(1, 600):
            assert store.put_message(message(KEYS=f"k{n}")).status is PutStatus.PUT_OK
            store.index.settle()
        assert store.flags.writeable and not store.index.is_behind
        assert caplog.text.count("are found by their keys after the next start") == 1
        await store.shutdown()
        store = open_store(tmp_path, **chunks)
        assert found(store) == [1] * 600
        store.close()

    asyncio.run(main())
