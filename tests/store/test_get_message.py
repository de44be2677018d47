"""get_message: statuses and corrected offsets, limits, filters, and views that outlive their file."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rocketmq_ops.common.message_codec import decode_messages, read_record, record_properties
from rocketmq_ops.store.filter import TagFilter
from rocketmq_ops.store.get_result import GetMessageResult, GetStatus
from rocketmq_ops.store.layout.consume_queue import CQ_UNIT, CQ_UNIT_SIZE
from rocketmq_ops.store.message_store import MessageStore
from tests.store.store_helpers import Clock, kill, message, open_store, read_all


def get(store: MessageStore, offset: int, count: int = 32, **more: object) -> GetMessageResult:
    return store.get_message("group", "T", 0, offset, count, **more)  # type: ignore[arg-type]


def offsets(result: GetMessageResult) -> list[int]:
    return [found.queue_offset for view in result.views for found in decode_messages(view)]


def test_statuses_and_next_offsets_outside_the_queue(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    nothing = get(store, 5)
    assert (nothing.status, nothing.next_begin_offset) == (GetStatus.NO_MESSAGE_IN_QUEUE, 0)
    for _ in range(10):
        store.put_message(message())
    queue = store.consume_queue("T", 0)
    assert queue is not None
    queue.min_offset = 3
    cases = {
        2: (GetStatus.OFFSET_TOO_SMALL, 3), 10: (GetStatus.OFFSET_OVERFLOW_ONE, 10),
        11: (GetStatus.OFFSET_OVERFLOW_BADLY, 10), 3: (GetStatus.FOUND, 10),
    }  # fmt: skip
    for offset, (status, next_offset) in cases.items():
        result = get(store, offset)
        assert (result.status, result.next_begin_offset) == (status, next_offset)
        assert (result.min_offset, result.max_offset) == (3, 10)
    assert (store.stats.get_found, store.stats.get_missed, store.stats.transferred_messages) == (1, 4, 7)
    kill(store)


def test_the_longest_get_is_kept(tmp_path: Path) -> None:
    clock = Clock()
    store = open_store(tmp_path, clock=clock)
    store.put_message(message())

    class Slow(TagFilter):
        __slots__ = ("ms",)
        checks_record = True

        def __init__(self, ms: int) -> None:
            self.tag_codes, self.ms = None, ms

        def matches_record(self, buffer: memoryview, start: int, end: int) -> bool:
            clock.now += self.ms
            return True

    for ms, longest in ((0, "0"), (12, "12"), (5, "12")):
        assert get(store, 0, message_filter=Slow(ms)).count == 1
        assert store.runtime_info()["getMessageEntireTimeMax"] == longest
    kill(store)


def test_a_unit_with_a_negative_size_is_no_message_for_a_filter(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    for _ in range(3):
        store.put_message(message())
    queue = store.consume_queue("T", 0)
    assert queue is not None
    physical, _, code = queue.unit(1) or (0, 0, 0)
    CQ_UNIT.pack_into(queue.file_queue.files[0].view, CQ_UNIT_SIZE, physical, -7, code)
    result = get(store, 0, message_filter=TagFilter({code}))
    assert offsets(result) == [0]
    assert result.total_size == sum(map(len, result.views))
    kill(store)


def test_a_slave_leaves_a_consumers_offset_as_it_is(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    store.put_message(message())
    store.config.brokerRole = "SLAVE"
    assert get(store, 7).next_begin_offset == 7
    store.config.offsetCheckInSlave = True
    assert get(store, 7).next_begin_offset == 1
    kill(store)


def test_counts_and_bytes_are_limited(tmp_path: Path) -> None:
    store = open_store(tmp_path, mappedFileSizeCommitLog=4 << 20)
    size = store.put_message(message(body=bytes(10_000))).wrote_bytes
    for _ in range(59):
        store.put_message(message(body=bytes(10_000)))
    assert get(store, 0, 5).count == 5
    assert get(store, 0, 0).count == 1
    assert get(store, 0, 100).count == 262144 // size
    assert get(store, 0, 100, max_bytes=3 * size).count == 3
    assert get(store, 0, 100, max_bytes=3 * size - 1).count == 2
    assert get(store, 0, 100, max_bytes=1).count == 1
    store.config.maxTransferBytesOnMessageInMemory = 4 << 20
    # A file of the queue ends a call: 30 units in each here.
    assert get(store, 0, 100).count == 30
    store.config.maxTransferCountOnMessageInMemory = 7
    result = get(store, 10, 100)
    assert (result.count, result.next_begin_offset, offsets(result)) == (7, 17, list(range(10, 17)))
    kill(store)


def test_messages_far_behind_come_in_smaller_portions(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    for _ in range(30):
        store.put_message(message())
    store.reader._memory = 1
    result = get(store, 0)
    assert (result.count, result.suggest_pulling_from_slave) == (8, True)
    store.reader._memory = 1 << 30
    assert (get(store, 0).count, get(store, 0).suggest_pulling_from_slave) == (30, False)
    kill(store)


@pytest.mark.parametrize(("ratio", "in_memory"), [(40, 300), (10, 0), (0, 0)])
def test_a_slave_takes_less_to_be_in_memory_than_its_setting(tmp_path: Path, ratio: int, in_memory: int) -> None:
    store = open_store(tmp_path)
    store.reader._memory, store.config.accessMessageInMemoryMaxRatio = 1000, ratio
    assert store.reader.bytes_in_memory() == ratio * 10
    store.config.brokerRole = "SLAVE"
    assert store.reader.bytes_in_memory() == in_memory
    kill(store)


def test_records_side_by_side_share_a_view(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    for queue_id in (0, 0, 0, 1, 0, 0):
        store.put_message(message(queue_id=queue_id))
    result = get(store, 0)
    assert [len(list(decode_messages(view))) for view in result.views] == [3, 2]
    assert offsets(result) == [0, 1, 2, 3, 4]
    kill(store)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 1), st.integers(1, 4), st.integers(0, 700)), min_size=1, max_size=25),
    st.integers(0, 60),
    st.integers(1, 40),
    st.sampled_from([100, 600, 5_000, 1 << 20]),
)
def test_runs_of_records_are_read_as_single_records_are(
    tmp_path_factory: pytest.TempPathFactory,
    puts: list[tuple[int, int, int]],
    offset: int,
    most: int,
    most_bytes: int,
) -> None:
    store = open_store(tmp_path_factory.mktemp("runs"))
    for queue_id, count, length in puts:
        for _ in range(count):
            store.put_message(message(queue_id=queue_id, body=bytes(length)))
    found = []
    for at_once in (True, False):
        with pytest.MonkeyPatch.context() as patch:
            if not at_once:
                patch.setattr(store.reader, "_collect_run", lambda *_: None)
            for _ in range(3):  # a row is compiled when it is seen again
                result = store.get_message("g", "T", 0, offset, most, None, most_bytes)
            content = b"".join(result.views)
            found.append((result.status, result.count, result.total_size, result.next_begin_offset, content))
    assert found[0] == found[1]
    kill(store)


@pytest.mark.parametrize("body", [100, 9000])
def test_a_read_across_commitlog_files_is_in_order(body: int, tmp_path: Path) -> None:
    store = open_store(tmp_path)
    for number in range(29):
        store.put_message(message(body=bytes([number]) * body))
    result = get(store, 0)
    bodies = [found.body[0] for view in result.views for found in decode_messages(view)]
    assert bodies == list(range(result.count))
    assert [found.body[0] for found in read_all(store)] == list(range(29))
    kill(store)


def test_a_tag_filter_skips_by_hash_and_moves_the_offset_on(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    for number in range(25):
        store.put_message(message(TAGS="A" if number % 5 == 0 else "B"))
    result = get(store, 0, message_filter=TagFilter.of(["A"]))
    assert (result.status, offsets(result), result.next_begin_offset) == (GetStatus.FOUND, [0, 5, 10, 15, 20], 25)
    limited = get(store, 1, 2, message_filter=TagFilter.of(["A"]))
    assert (offsets(limited), limited.next_begin_offset) == ([5, 10], 11)
    none = get(store, 0, message_filter=TagFilter.of(["C"]))
    assert (none.status, none.next_begin_offset) == (GetStatus.NO_MATCHED_MESSAGE, 25)
    kill(store)


def test_a_call_scans_a_bounded_part_of_the_queue(tmp_path: Path) -> None:
    store = open_store(tmp_path, mappedFileSizeConsumeQueue=60_000, mappedFileSizeCommitLog=1 << 20)
    for _ in range(1000):
        store.put_message(message(TAGS="B"))
    result = get(store, 0, message_filter=TagFilter.of(["A"]))
    assert (result.status, result.next_begin_offset) == (GetStatus.NO_MATCHED_MESSAGE, 800)
    kill(store)


def test_a_filter_may_look_at_the_record(tmp_path: Path) -> None:
    class Even:
        tag_codes = None
        checks_record = True

        def matches_record(self, buffer: memoryview, start: int, end: int) -> bool:
            record = buffer[start:end]
            view = read_record(record)
            assert view is not None
            return int(record_properties(record, view)["n"]) % 2 == 0

    store = open_store(tmp_path)
    for number in range(10):
        store.put_message(message(n=str(number)))
    result = get(store, 0, message_filter=Even())
    assert (offsets(result), result.filtered_count, result.next_begin_offset) == ([0, 2, 4, 6, 8], 5, 10)
    kill(store)


def test_messages_of_a_deleted_file_are_skipped_and_views_of_it_stay_readable(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    for number in range(20):
        store.put_message(message(body=bytes([number]) * 9000))
    held = get(store, 0).views[0]
    before = bytes(held)
    in_first_file = len([1 for found in read_all(store) if found.commit_log_offset < 65536])
    store.commit_log.file_queue.remove_first(1)
    assert bytes(held) == before
    assert next(decode_messages(held)).body == bytes(9000)
    removed = get(store, 0, 2)
    assert (removed.status, removed.next_begin_offset) == (GetStatus.FOUND, in_first_file + 2)
    assert get(store, 0, 2, message_filter=TagFilter([0])).next_begin_offset == in_first_file + 2
    store.config.maxFilterMessageSize = 20
    assert get(store, 0, 2).status == GetStatus.MESSAGE_WAS_REMOVING
    assert get(store, 0, 2, message_filter=TagFilter([0])).status == GetStatus.MESSAGE_WAS_REMOVING
    queue = store.consume_queue("T", 0)
    assert queue is not None
    queue.delete_expired(store.min_phy_offset)
    assert store.min_offset("T", 0) == in_first_file
    assert len(read_all(store)) == 20 - in_first_file
    kill(store)


def test_query_by_key_and_unique_key_gives_the_records(tmp_path: Path) -> None:
    clock = Clock()
    store = open_store(tmp_path, clock=clock)
    for number in range(30):
        clock.now += 1000
        store.put_message(message(KEYS=f"k{number % 3} common", UNIQ_KEY=f"U{number:031d}"))
    start, end = clock.now - 100_000, clock.now

    def keys(key: str, count: int = 32, begin: int = start, until: int = end) -> list[int]:
        result = store.query_message("T", key, count, begin, until)
        assert result.total_size == sum(map(len, result.views))
        return [found.queue_offset for view in result.views for found in decode_messages(view)]

    assert keys("k1") == list(range(1, 30, 3))
    assert keys("common", 4) == [26, 27, 28, 29]
    assert keys(f"U{17:031d}") == [17]
    assert keys("k1", begin=end - 5000) == [25, 28]
    clock.now += 750
    store.put_message(message(KEYS="late"))
    assert keys("late", begin=clock.now, until=clock.now) == [30]
    assert keys("late", begin=clock.now - 1000, until=clock.now - 1) == []
    assert keys("nothing") == []
    kill(store)
