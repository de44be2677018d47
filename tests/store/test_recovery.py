"""Recovery: after a clean stop, after a kill, with torn, damaged, missing and surplus files."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
from pathlib import Path

import pytest

from rocketmq_ops.store.errors import DLedgerLogError, FileLengthError, MissingFileError
from rocketmq_ops.store.layout.consume_queue import CQ_UNIT, CQ_UNIT_SIZE
from rocketmq_ops.store.message_store import MessageStore
from rocketmq_ops.store.recovery import RecoveryReport
from tests.store.store_helpers import HOST, LOG_FILE, Clock, kill, message, open_store, read_all, small_config


def reopen(root: Path, clock: Clock | None = None) -> tuple[MessageStore, RecoveryReport]:
    store = MessageStore(small_config(root), store_host=HOST, clock=clock or Clock())
    return store, store.load()


def stop(store: MessageStore) -> None:
    asyncio.run(store.shutdown())


def write(root: Path, count: int, *, body: int = 1000, clean: bool, clock: Clock | None = None) -> list[int]:
    """A stopped or killed store with messages in three queues; the offsets of their records."""
    clock = clock or Clock()
    store = open_store(root, clock=clock)
    offsets = []
    for number in range(count):
        clock.now += 1000
        put = store.put_message(message(queue_id=number % 3, body=b"%d." % number + bytes(body), KEYS=f"k{number}"))
        offsets.append(put.wrote_offset)
    if clean:
        stop(store)
    else:
        kill(store)
    return offsets


def numbers(store: MessageStore) -> list[int]:
    found = [one for queue_id in range(3) for one in read_all(store, "T", queue_id)]
    found.sort(key=lambda one: one.commit_log_offset)
    return [int(one.body.split(b".")[0]) for one in found]


def log_file(root: Path, index: int) -> Path:
    return sorted((root / "commitlog").iterdir())[index]


def poke(path: Path, position: int, data: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(position)
        file.write(data)


def test_a_clean_stop_is_recovered_by_looking_at_one_record(tmp_path: Path) -> None:
    write(tmp_path, 200, clean=True)
    store, report = reopen(tmp_path)
    assert (report.clean, report.records_read, report.units_written, report.end_reason) == (True, 1, 0, "unused")
    assert numbers(store) == list(range(200))
    stop(store)


def test_a_kill_loses_nothing(tmp_path: Path) -> None:
    write(tmp_path, 200, clean=False)
    store, report = reopen(tmp_path)
    assert (report.clean, report.units_cut, report.damaged) == (False, 0, [])
    assert numbers(store) == list(range(200))
    assert store.flushed_where == store.max_phy_offset
    assert len(store.query_message("T", "k123", 10, 0, 1 << 62).views) == 1
    kill(store)


@pytest.mark.parametrize("clean", [True, False])
def test_removed_consumequeues_are_rebuilt(clean: bool, tmp_path: Path) -> None:
    write(tmp_path, 200, clean=clean)
    shutil.rmtree(tmp_path / "consumequeue")
    store, report = reopen(tmp_path)
    assert report.units_written == 200
    assert numbers(store) == list(range(200))
    kill(store)


def test_units_missing_at_the_end_are_written_again(tmp_path: Path) -> None:
    write(tmp_path, 100, clean=False)
    path = sorted((tmp_path / "consumequeue" / "T" / "1").iterdir())[-1]
    poke(path, 0, bytes(600))
    store, report = reopen(tmp_path)
    assert report.units_written == 3
    assert numbers(store) == list(range(100))
    kill(store)


@pytest.mark.parametrize("start", [0, 300])
@pytest.mark.parametrize("file", [0, 1, 2, 3])
def test_units_that_never_got_to_the_disk_are_written_again_however_many_files_follow(
    file: int, start: int, tmp_path: Path
) -> None:
    """A disk writes the pages of files in any order, so a power cut may leave whole files behind the hole."""
    write(tmp_path, 450, clean=False)
    files = sorted((tmp_path / "consumequeue" / "T" / "1").iterdir())
    assert len(files) == 5
    poke(files[file], start, bytes(600 - start))
    store, report = reopen(tmp_path)
    assert report.units_written == 150 - file * 30 - start // 20
    assert numbers(store) == list(range(450))
    kill(store)


def test_recovery_begins_at_the_checkpoint_and_goes_back_where_units_are_missing(tmp_path: Path) -> None:
    clock = Clock()
    store = open_store(tmp_path, clock=clock)
    for number in range(200):
        clock.now += 1000
        store.put_message(message(queue_id=number % 3, body=b"%d." % number + bytes(1000)))
    store.checkpoint.physic_msg_timestamp = store.checkpoint.logics_msg_timestamp = clock.now
    store.checkpoint.flush()
    kill(store)
    store = MessageStore(small_config(tmp_path, messageIndexEnable=False), store_host=HOST, clock=clock)
    report = store.load()
    assert report.start_offset == 3 * LOG_FILE
    assert numbers(store) == list(range(200))
    kill(store)
    for path in (tmp_path / "consumequeue" / "T" / "2").iterdir():
        if path.name != "0" * 20:
            path.unlink()
    store = MessageStore(small_config(tmp_path, messageIndexEnable=False), store_host=HOST, clock=clock)
    report = store.load()
    assert (report.start_offset, report.units_lost) == (0, 0)
    assert numbers(store) == list(range(200))
    kill(store)


@pytest.mark.parametrize("torn", [3, 4])
def test_the_size_of_a_torn_blank_is_put_right(torn: int, tmp_path: Path) -> None:
    """A blank may begin in the last bytes of a sector whose new content a power cut has lost."""
    offsets = write(tmp_path, 150, clean=False)
    path = log_file(tmp_path, 0)
    before = path.read_bytes()
    last = max(offset for offset in offsets if offset < LOG_FILE)
    blank = last + int.from_bytes(before[last : last + 4], "big")
    assert int.from_bytes(before[blank : blank + 4], "big") == LOG_FILE - blank
    poke(path, blank, bytes(torn))
    store, report = reopen(tmp_path)
    assert path.read_bytes() == before
    assert (report.damaged, numbers(store)) == ([], list(range(150)))
    kill(store)


def test_a_torn_last_record_is_cut_wherever_it_is_torn(tmp_path: Path) -> None:
    *_, last = write(tmp_path / "golden", 10, body=20, clean=False)
    data = log_file(tmp_path / "golden", 0).read_bytes()
    end = last + int.from_bytes(data[last : last + 4], "big")
    for torn in range(last, end, 7):
        root = tmp_path / str(torn)
        shutil.copytree(tmp_path / "golden", root)
        poke(log_file(root, 0), torn, bytes(end - torn))
        if not any(data[torn:end]):
            continue
        store, report = reopen(root)
        assert report.end_offset == last, torn
        assert report.units_cut == 1
        assert numbers(store) == list(range(9))
        put = store.put_message(message(body=b"9.", queue_id=0))
        assert put.wrote_offset == last
        assert numbers(store) == list(range(10))
        # Nothing of the torn record is left behind the new one.
        assert not any(log_file(root, 0).read_bytes()[last + put.wrote_bytes :])
        kill(store)
        shutil.rmtree(root)


def test_records_behind_a_hole_that_were_never_durable_are_cut(tmp_path: Path) -> None:
    offsets = write(tmp_path, 200, clean=False)
    poke(log_file(tmp_path, 1), offsets[100] - LOG_FILE, bytes(100))
    store, report = reopen(tmp_path)
    assert report.end_offset == offsets[100]
    assert report.units_cut == 100
    assert numbers(store) == list(range(100))
    assert len(list((tmp_path / "commitlog").iterdir())) == 2
    assert [len(store.query_message("T", key, 10, 0, 1 << 62).views) for key in ("k99", "k100")] == [1, 0]
    kill(store)


@pytest.mark.parametrize("clean", [True, False])
@pytest.mark.parametrize("damage", ["size", "magic", "body", "topic length", "file start"])
def test_damage_to_records_that_were_durable_costs_no_other_record(damage: str, clean: bool, tmp_path: Path) -> None:
    clock = Clock()
    offsets = write(tmp_path, 200, clean=clean, clock=clock)
    if not clean:
        store, _ = reopen(tmp_path, clock)
        store.checkpoint.physic_msg_timestamp = clock.now
        store.checkpoint.flush()
        kill(store)
    else:
        shutil.rmtree(tmp_path / "consumequeue")  # so that every record is looked at
    victim = next(n for n, offset in enumerate(offsets) if offset >= LOG_FILE) if damage == "file start" else 100
    at = offsets[victim] % LOG_FILE
    where = {"size": 0, "magic": 5, "body": 300, "topic length": 88 + 4 + 1000, "file start": 0}[damage]
    path = log_file(tmp_path, offsets[victim] // LOG_FILE)
    poke(path, at + where, bytes([path.read_bytes()[at + where] ^ 0x55]))
    store, report = reopen(tmp_path, clock)
    (damaged,) = report.damaged
    assert damaged.offset == offsets[victim]
    assert damaged.end == offsets[victim + 1]
    assert store.max_phy_offset > offsets[-1]
    left = {one.queue_offset for queue_id in range(3) for one in read_undamaged(store, queue_id)}
    assert left
    assert sum(len(read_undamaged(store, q)) for q in range(3)) == 199
    if clean:
        assert report.units_lost == 1
    kill(store)


def read_undamaged(store: MessageStore, queue_id: int) -> list[object]:
    from rocketmq_ops.common.message_codec import BadRecordError, decode_message

    found: list[object] = []
    queue = store.consume_queue("T", queue_id)
    assert queue is not None
    for offset in range(store.min_offset("T", queue_id), store.max_offset("T", queue_id)):
        unit = queue.unit(offset)
        assert unit is not None
        view = store.message_at(unit[0], unit[1])
        try:
            if view is not None:
                found.append(decode_message(view))
        except BadRecordError:
            continue
    return found


def test_a_unit_torn_in_its_tag_hash_is_put_right(tmp_path: Path) -> None:
    store = open_store(tmp_path, mappedFileSizeConsumeQueue=60_000)
    for _ in range(100):
        store.put_message(message(TAGS="A"))
    queue = store.consume_queue("T", 0)
    assert queue is not None
    good = queue.unit(25)
    kill(store)
    assert good is not None
    poke(tmp_path / "consumequeue/T/0" / ("0" * 20), 512, bytes(8))  # unit 25 crosses this sector's beginning
    store = MessageStore(small_config(tmp_path, mappedFileSizeConsumeQueue=60_000), store_host=HOST, clock=Clock())
    report = store.load()
    assert report.units_repaired == 1
    queue = store.consume_queue("T", 0)
    assert queue is not None
    assert queue.unit(25) == good
    kill(store)


@pytest.mark.parametrize("index", [True, False])
@pytest.mark.parametrize("written", range(CQ_UNIT_SIZE))
def test_a_last_unit_that_was_being_written_is_put_right(written: int, index: bool, tmp_path: Path) -> None:
    """A field's bytes are written from the last to the first: a kill between them leaves a wrong size, or another tag."""
    store = open_store(tmp_path, messageIndexEnable=index)
    for number in range(40):
        store.put_message(message(body=bytes(1000 + number), TAGS="A"))
    queue = store.consume_queue("T", 0)
    assert queue is not None
    good = queue.unit(39)
    assert good is not None
    kill(store)
    whole, fields = CQ_UNIT.pack(*good), ((0, 8), (8, 12), (12, 20))
    order = [at for start, end in fields for at in reversed(range(start, end))][:written]
    torn = bytes(whole[at] if at in order else 0 for at in range(CQ_UNIT_SIZE))
    poke(tmp_path / "consumequeue/T/0" / f"{600:020d}", 9 * CQ_UNIT_SIZE, torn)
    store = open_store(tmp_path, messageIndexEnable=index)
    queue = store.consume_queue("T", 0)
    assert queue is not None and (queue.unit(39), queue.next_offset) == (good, 40)
    kill(store)


def test_a_missing_middle_file_is_named(tmp_path: Path) -> None:
    write(tmp_path, 200, clean=True)
    path = log_file(tmp_path, 1)
    path.rename(tmp_path / "taken")
    store = MessageStore(small_config(tmp_path), store_host=HOST)
    with pytest.raises(MissingFileError) as caught:
        store.load()
    assert caught.value.path == str(path)
    assert path.name in str(caught.value)
    assert caught.value.next_step
    (tmp_path / "taken").rename(path)
    store, _ = reopen(tmp_path)
    assert numbers(store) == list(range(200))
    kill(store)


def test_a_missing_queue_file_is_named_and_the_advice_works(tmp_path: Path) -> None:
    write(tmp_path, 200, clean=True)
    folder = tmp_path / "consumequeue" / "T" / "1"
    path = sorted(folder.iterdir())[1]
    path.unlink()
    store = MessageStore(small_config(tmp_path), store_host=HOST)
    with pytest.raises(MissingFileError) as caught:
        store.load()
    assert caught.value.path == str(path)
    assert str(folder) in caught.value.next_step
    shutil.rmtree(folder)
    (tmp_path / "checkpoint").unlink()
    (tmp_path / "abort").touch()
    store, _ = reopen(tmp_path)
    assert numbers(store) == list(range(200))
    kill(store)


def test_a_file_of_the_wrong_length_is_named_and_an_empty_last_one_is_removed(tmp_path: Path) -> None:
    write(tmp_path, 100, clean=True)
    empty = tmp_path / "commitlog" / f"{2 * LOG_FILE:020d}"
    empty.touch()
    store, _ = reopen(tmp_path)
    assert numbers(store) == list(range(100))
    assert not empty.exists()
    stop(store)
    other = MessageStore(small_config(tmp_path, mappedFileSizeCommitLog=2 * LOG_FILE), store_host=HOST)
    with pytest.raises(FileLengthError, match="mappedFileSizeCommitLog") as log:
        other.load()
    assert "`mqadmin store salvage`" in log.value.next_step
    queue = next((tmp_path / "consumequeue").glob("*/0/*"))
    os.truncate(queue, 100)
    with pytest.raises(FileLengthError, match="has 100 bytes, mappedFileSizeConsumeQueue") as cut:
        MessageStore(small_config(tmp_path), store_host=HOST).load()
    assert "`mqadmin store rebuild`" in cut.value.next_step


@pytest.mark.parametrize("folder", [True, False])
def test_without_a_commitlog_queues_go_on_at_their_ends(
    folder: bool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A group that had come so far sees what follows; starts without a message in between change nothing."""
    write(tmp_path, 100, clean=True)
    for path in sorted((tmp_path / "commitlog").iterdir()):
        path.unlink()
    if folder:
        (tmp_path / "commitlog").rmdir()
    for end_cleanly in (True, False, True):
        caplog.clear()
        store, report = reopen(tmp_path)
        assert (report.end_reason, report.end_offset) == ("no file", 2 * LOG_FILE)
        assert (store.min_offset("T", 0), store.max_offset("T", 0)) == (34, 34)
        assert (store.min_offset("T", 1), store.max_offset("T", 1)) == (33, 33)
        assert store.max_phy_offset == 2 * LOG_FILE
        (said,) = [line for line in caplog.messages if "lost" in line]
        assert "the queues lead to 100 messages" in said and f"mqadmin store check {tmp_path}" in said
        if end_cleanly:
            stop(store)
        else:
            kill(store)
    store, _ = reopen(tmp_path)
    put = store.put_message(message(body=b"0."))
    assert (put.queue_offset, put.wrote_offset) == (34, 2 * LOG_FILE)
    assert numbers(store) == [0]
    stop(store)
    store, report = reopen(tmp_path)
    assert (store.min_offset("T", 0), numbers(store)) == (34, [0])
    kill(store)


def test_queues_that_got_to_the_disk_before_the_very_first_commitlog_file_go(tmp_path: Path) -> None:
    """A power cut: nothing was durable, so nothing is lost."""
    write(tmp_path, 10, clean=False)
    shutil.rmtree(tmp_path / "commitlog")
    store, report = reopen(tmp_path)
    assert (report.end_reason, report.units_orphaned) == ("no file", 0)
    assert store.put_message(message(body=b"0.")).queue_offset == 0
    assert numbers(store) == [0]
    kill(store)


@pytest.mark.parametrize("known_by", ["note", "groups"])
def test_a_queue_that_is_missing_after_a_clean_stop_is_made_anew(
    known_by: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Our broker notes which queues there are when it stops; after Apache's the offsets of groups tell."""
    write(tmp_path, 200, clean=True)
    shutil.rmtree(tmp_path / "consumequeue" / "T" / "1")
    if known_by == "groups":
        poke(tmp_path / "checkpoint", 2048, bytes(64))
    store = MessageStore(small_config(tmp_path), store_host=HOST, clock=Clock())
    report = store.load([("T", 1, 5), ("T", 2, 7), ("None", 0, 0)] if known_by == "groups" else [])
    assert (report.clean, report.units_written, report.units_repaired) == (True, 67, 0)
    assert "67 consumequeue units were missing" in caplog.text
    assert numbers(store) == list(range(200))
    assert store.put_message(message(queue_id=1)).queue_offset == 67
    stop(store)
    store, report = reopen(tmp_path)
    assert report.records_read == 1
    kill(store)


@pytest.mark.parametrize("files", [1, 2])
def test_a_queue_whose_first_files_are_missing_is_made_anew(files: int, tmp_path: Path) -> None:
    """But not when their records have expired with them."""
    write(tmp_path, 300, clean=True)
    for path in sorted((tmp_path / "consumequeue" / "T" / "1").iterdir())[:files]:
        path.unlink()
    store, report = reopen(tmp_path)
    assert report.units_written == 100
    assert (store.min_offset("T", 1), store.max_offset("T", 1)) == (0, 100)
    assert numbers(store) == list(range(300))
    store.commit_log.file_queue.remove_first(3)
    store.cleaning.clean_queues()
    first = store.min_offset("T", 1)
    assert first >= 30
    stop(store)
    store, report = reopen(tmp_path)
    assert (report.records_read, report.units_written, store.min_offset("T", 1)) == (1, 0, first)
    assert store.put_message(message(queue_id=1)).queue_offset == 100
    kill(store)


def test_a_queue_without_files_and_records_goes_on_where_groups_have_come(tmp_path: Path) -> None:
    """As Apache's broker leaves it when it cleans expired queues. An offset that no store can have had counts not."""
    write(tmp_path, 100, clean=True)
    store = MessageStore(small_config(tmp_path), store_host=HOST, clock=Clock())
    store.load([("Expired", 3, 40), ("Expired", 3, 41), ("Absurd", 0, 1 << 62), ("../evil", 0, 1), ("T", 0, 1)])
    assert (store.min_offset("Expired", 3), store.max_offset("Expired", 3)) == (41, 41)
    assert (store.max_offset("Absurd", 0), store.max_offset("../evil", 0), store.max_offset("T", 0)) == (0, 0, 34)
    assert store.put_message(message("Expired", 3)).queue_offset == 41
    assert [found.queue_offset for found in read_all(store, "Expired", 3)] == [41]
    assert store.put_message(message("Absurd")).queue_offset == 0
    kill(store)


@pytest.mark.parametrize("missing", ["all", "last"])
def test_index_files_that_are_missing_after_a_clean_stop_are_made_anew(
    missing: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock = Clock()
    store = open_store(tmp_path, clock=clock)
    for number in range(700):  # 400 keys a file
        clock.now += 1000
        store.put_message(message(KEYS=f"k{number}"))
    stop(store)
    files = sorted((tmp_path / "index").iterdir())
    assert len(files) == 2
    for path in files if missing == "all" else files[-1:]:
        path.unlink()
    store, report = reopen(tmp_path, clock)
    assert report.clean and report.units_written == 0
    assert "indexed anew" in caplog.text
    for number in range(700):
        assert len(store.query_message("T", f"k{number}", 10, 0, 1 << 62).views) == 1
    stop(store)
    caplog.clear()
    store, report = reopen(tmp_path, clock)
    assert (report.records_read, caplog.messages) == (1, [])
    kill(store)


def test_a_lost_end_of_the_commitlog_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    offsets = write(tmp_path, 200, clean=True)
    log_file(tmp_path, -1).unlink()
    store, report = reopen(tmp_path)
    end = len(list((tmp_path / "commitlog").iterdir())) * LOG_FILE
    lost = sum(offset >= end for offset in offsets)
    assert (report.units_cut, numbers(store)) == (lost, list(range(200 - lost)))
    assert sum(f"{lost} messages that queues lead to are not in the commitlog" in line for line in caplog.messages) == 1
    kill(store)


def test_a_store_of_a_dledger_group_is_refused(tmp_path: Path) -> None:
    write(tmp_path, 10, clean=True)
    (tmp_path / "dledger-n0" / "data").mkdir(parents=True)
    store, _ = reopen(tmp_path)  # an empty folder is no log
    stop(store)
    (tmp_path / "dledger-n0" / "data" / "00000000000000000000").write_bytes(b"x")
    before = sorted(path.name for path in tmp_path.rglob("*"))
    with pytest.raises(DLedgerLogError, match="dledger-n0 is the log of a DLedger group") as refused:
        reopen(tmp_path)
    assert "enableDLegerCommitLog" in refused.value.next_step
    assert sorted(path.name for path in tmp_path.rglob("*")) == before


def test_after_the_first_files_are_deleted_offsets_go_on(tmp_path: Path) -> None:
    write(tmp_path, 200, clean=True)
    log_file(tmp_path, 0).unlink()
    store, _ = reopen(tmp_path)
    assert store.min_phy_offset == LOG_FILE
    first = min(numbers(store))
    assert numbers(store) == list(range(first, 200))
    assert 0 < first < 100
    stop(store)
    shutil.rmtree(tmp_path / "consumequeue")
    store, _ = reopen(tmp_path)
    assert numbers(store) == list(range(first, 200))
    assert store.min_offset("T", 0) == -(-first // 3)
    kill(store)


def test_a_topic_made_anew_after_its_deletion_keeps_its_new_offsets(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    for _ in range(50):
        store.put_message(message(body=b"old"))
    store.delete_topics(["T"])
    for _ in range(5):
        store.put_message(message(body=b"new"))
    kill(store)
    store, report = reopen(tmp_path)
    assert [one.body for one in read_all(store)] == [b"new"] * 5
    assert report.units_written == 0
    kill(store)
    shutil.rmtree(tmp_path / "consumequeue")
    store, report = reopen(tmp_path)
    assert [one.body for one in read_all(store)] == [b"new"] * 5
    kill(store)


def test_random_cuts_of_the_tail_leave_a_whole_prefix(tmp_path: Path) -> None:
    rng = random.Random(7)
    write(tmp_path / "golden", 120, body=700, clean=False)
    for number in range(25):
        root = tmp_path / str(number)
        shutil.copytree(tmp_path / "golden", root)
        index = rng.randrange(2)
        cut = rng.randrange(LOG_FILE)
        poke(log_file(root, index), cut, bytes(rng.randrange(1, LOG_FILE - cut + 1)))
        store, report = reopen(root)
        got = numbers(store)
        assert got == list(range(len(got)))
        assert report.end_offset == store.max_phy_offset
        put = store.put_message(message(body=b"%d." % len(got), queue_id=len(got) % 3))
        assert put.wrote_offset >= report.end_offset
        assert numbers(store) == list(range(len(got) + 1))
        kill(store)
        again, _ = reopen(root)
        assert numbers(again) == list(range(len(got) + 1))
        kill(again)
        shutil.rmtree(root)
