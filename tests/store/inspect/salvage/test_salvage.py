"""Salvage keeps what was untouched, puts right what can be proven, drops the rest, and says all of it in its proof."""

from __future__ import annotations

import errno
import os
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.common.fastjson import loads
from rocketmq_ops.common.message import MessageExt
from rocketmq_ops.common.message_codec import encode_record
from rocketmq_ops.store.inspect.check.check_store import check_store
from rocketmq_ops.store.inspect.check.findings import Severity
from rocketmq_ops.store.inspect.reading.store_files import StoreDirectory
from rocketmq_ops.store.inspect.salvage.numbering import Numbering
from rocketmq_ops.store.inspect.salvage.proof import PROOF_NAME, Doubtful, Ignored, Total
from rocketmq_ops.store.inspect.salvage.rebuild import RebuildOptions
from rocketmq_ops.store.inspect.salvage.record_fields import with_fields
from rocketmq_ops.store.inspect.salvage.salvage_store import salvage
from rocketmq_ops.store.inspect.salvage.verify import verify
from rocketmq_ops.store.layout.record_crc import record_crc_ok
from tests.golden_data import STORES, manifest
from tests.store.inspect.salvage.salvage_helpers import (
    FILE,
    changed,
    dropped,
    field_of,
    flip,
    golden,
    lines,
    log_file,
    new_place,
    open_saved,
    orders,
    overwrite,
    read_log,
    same_message,
    saved_from,
    served,
    tree,
)
from tests.store.store_helpers import kill

OP_TOPIC = "RMQ_SYS_TRANS_OP_HALF_TOPIC"


def assert_proven(root: Path, target: Path) -> None:
    assert verify(target).problems == []
    assert verify(target, root).problems == []


def assert_serves(target: Path, messages: list[dict[str, Any]]) -> None:
    """Our store serves each of these messages, where the proof says."""
    store, proof = open_saved(target), lines(target)
    found = served(store)
    kill(store)
    for message in messages:
        place = new_place(proof, message)
        assert place is not None, f"{message['commitLogOffset']} was dropped"
        if message["topic"] != OP_TOPIC:  # whose bodies name half messages by their queue offset, which may have moved
            assert same_message(found[place], message), place


@pytest.mark.parametrize("name", STORES)
def test_a_sound_store_comes_out_as_it_was(name: str, tmp_path: Path) -> None:
    root, target = golden(tmp_path, name), tmp_path / "saved"
    result = saved_from(root, target)
    assert (result.changed, result.dropped, result.doubtful) == (0, 0, {})
    assert set(result.configs.values()) == {"kept"}
    before, after = tree(root), tree(target)
    for path, data in before.items():
        if path.startswith(("commitlog", "consumequeue", "index")) and any(data):
            assert after[path] == data, path
    assert {p for p in after if p.startswith(("commitlog", "consumequeue", "index"))} <= set(before)
    assert_proven(root, target)
    assert_serves(target, manifest(name))


def test_the_damaged_store_is_only_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root, target = golden(tmp_path), tmp_path / "saved"
    overwrite(root, 5000, bytes(3000))
    before = tree(root)
    times = {p: p.stat().st_mtime_ns for p in root.rglob("*")}
    real, opened = os.open, []

    def watched(path: Any, flags: int, *rest: Any, **more: Any) -> int:
        if str(path).startswith(str(root)):
            opened.append(flags)
        return real(path, flags, *rest, **more)

    monkeypatch.setattr(os, "open", watched)
    saved_from(root, target)
    verify(target, root)
    assert len(opened) > 20
    assert {flags & (os.O_ACCMODE | os.O_CREAT | os.O_TRUNC | os.O_APPEND) for flags in opened} == {os.O_RDONLY}
    assert tree(root) == before
    assert {p: p.stat().st_mtime_ns for p in root.rglob("*")} == times


@pytest.mark.parametrize(
    ("field", "byte", "mask"),
    [
        ("queueId", 3, 0x01), ("queueId", 0, 0x80), ("queueOffset", 7, 0x02), ("queueOffset", 0, 0x80),
        ("commitLogOffset", 6, 0x10), ("sysFlag", 3, 0x08), ("sysFlag", 3, 0x04), ("sysFlag", 3, 0x0C), ("sysFlag", 3, 0x02),
        ("sysFlag", 3, 0x40), ("sysFlag", 3, 0x01), ("sysFlag", 2, 0x01), ("storeHost", 0, 0x40),
        ("storeHost", 6, 0x10), ("storeHost", 4, 0x10), ("reconsumeTimes", 3, 0x01), ("reconsumeTimes", 0, 0x80),
        ("preparedTransactionOffset", 7, 0x04), ("preparedTransactionOffset", 0, 0x80), ("topic", 3, 0x10), ("topic", 0, 0x80),
    ],
)  # fmt: skip
def test_a_damaged_field_is_put_right_where_something_proves_its_value(
    field: str, byte: int, mask: int, tmp_path: Path
) -> None:
    root, target = golden(tmp_path), tmp_path / "saved"
    message = orders()[20]
    place = (message["commitLogOffset"], message["storeSize"])
    sound = read_log(root, *place)
    flip(root, field_of(root, message, field).offset + byte, mask)
    result = saved_from(root, target)
    assert read_log(target, *place) == sound
    assert (result.dropped, result.changed, result.doubtful) == (0, 1, {})
    assert list(changed(target)) == [message["commitLogOffset"]]
    assert_proven(root, target)


@pytest.mark.parametrize(
    ("field", "byte", "mask"),
    [
        ("storeSize", 3, 0x01), ("storeSize", 2, 0x40), ("storeSize", 0, 0x80), ("magic", 0, 0x01), ("magic", 3, 0x0C),
        ("magic", 3, 0x10), ("sysFlag", 3, 0x10), ("sysFlag", 3, 0x20), ("bodyLength", 3, 0x01), ("bodyLength", 2, 0x10),
        ("bodyLength", 0, 0x80), ("topicLength", 0, 0x02), ("topicLength", 0, 0x80), ("propertiesLength", 1, 0x01),
        ("propertiesLength", 0, 0x80),
    ],
)  # fmt: skip
@pytest.mark.parametrize("which", [0, 20, 30])
def test_a_record_that_cannot_be_read_is_mended_where_one_field_makes_it_whole(
    field: str, byte: int, mask: int, which: int, tmp_path: Path
) -> None:
    root, target = golden(tmp_path), tmp_path / "saved"
    message = orders()[which]
    place = (message["commitLogOffset"], message["storeSize"])
    sound = read_log(root, *place)
    flip(root, field_of(root, message, field).offset + byte, mask)
    result = saved_from(root, target)
    assert read_log(target, *place) == sound
    assert (result.dropped, result.changed, result.doubtful) == (0, 1, {})
    assert list(changed(target)[message["commitLogOffset"]].fields) == [field]
    assert_proven(root, target)


def test_bits_that_a_newer_broker_may_have_set_stay(tmp_path: Path) -> None:
    root, target = golden(tmp_path), tmp_path / "saved"
    message = orders()[20]
    flip(root, field_of(root, message, "sysFlag").offset + 2, 0x80)
    result = saved_from(root, target)
    assert (result.dropped, result.changed, result.doubtful) == (0, 0, {})
    place = (message["commitLogOffset"], message["storeSize"])
    assert read_log(target, *place) == read_log(root, *place)
    assert_proven(root, target)


@pytest.mark.parametrize("byte", [1, 3, 5])
def test_a_damaged_store_time_is_put_between_its_neighbours(byte: int, tmp_path: Path) -> None:
    root, target = golden(tmp_path), tmp_path / "saved"
    message = orders()[20]
    flip(root, field_of(root, message, "storeTimestamp").offset + byte)
    result = saved_from(root, target)
    assert (result.dropped, result.changed, result.doubtful) == (0, 1, {})
    line = changed(target)[message["commitLogOffset"]]
    assert line.why == "neighbours"
    new = line.fields["storeTimestamp"][1]
    assert isinstance(new, int)
    assert 0 <= message["storeTimestamp"] - new < 1000
    assert_proven(root, target)


@pytest.mark.parametrize(("field", "finding"), [("bornTimestamp", "CL-BORN"), ("properties", "CL-PROPERTIES")])
def test_what_nothing_proves_is_kept_and_declared(field: str, finding: str, tmp_path: Path) -> None:
    root, target = golden(tmp_path), tmp_path / "saved"
    message = orders()[20]
    flip(root, field_of(root, message, field).offset, 0x80)
    result = saved_from(root, target)
    assert (result.dropped, result.changed, result.doubtful) == (0, 0, {finding: 1})
    doubts = [line for line in lines(target) if isinstance(line, Doubtful) and line.remains]
    assert [(d.finding, d.offset) for d in doubts] == [(finding, message["commitLogOffset"])]
    assert_proven(root, target)


def test_a_lost_message_is_filled_and_those_behind_it_move_up_with_the_consumers(tmp_path: Path) -> None:
    root, target = golden(tmp_path), tmp_path / "saved"
    lost = orders()[40]
    flip(root, field_of(root, lost, "body").offset)
    result = saved_from(root, target)
    assert (result.dropped, result.dropped_bytes, result.doubtful) == (1, lost["storeSize"], {})
    line = dropped(target)[0]
    assert (line.reason, line.topic, line.queue_id) == ("crc", "GoldOrders", lost["queueId"])
    assert (line.offset, line.queue_offset) == (lost["commitLogOffset"], lost["queueOffset"])
    assert_proven(root, target)
    assert_serves(target, [m for m in manifest("5.3.3-clean") if m != lost])
    behind = [m for m in orders() if m["queueId"] == lost["queueId"] and m["queueOffset"] > lost["queueOffset"]]
    assert result.changed == len(behind) > 10
    proof = lines(target)
    assert [new_place(proof, m) for m in behind] == [(m["topic"], m["queueId"], m["queueOffset"] - 1) for m in behind]
    old, new = (loads((r / "config" / "consumerOffset.json").read_bytes())["offsetTable"] for r in (root, target))
    before, after = old["GoldOrders@Gold_group"], new["GoldOrders@Gold_group"]
    for queue, offset in before.items():
        moved = int(queue) == lost["queueId"] and offset > lost["queueOffset"]
        assert after[queue] == offset - moved
    assert before != after


def test_neighbouring_losses_share_filler(tmp_path: Path) -> None:
    root, target = golden(tmp_path), tmp_path / "saved"
    by_place = sorted(manifest("5.3.3-clean"), key=lambda m: int(m["commitLogOffset"]))
    for message in by_place[100:105]:
        flip(root, field_of(root, message, "body").offset)
    result = saved_from(root, target)
    assert result.dropped == 5
    assert_proven(root, target)
    assert check_store(StoreDirectory(target)).report.counts == {}


def test_a_missing_last_file_takes_the_consumers_back_to_the_new_end(tmp_path: Path) -> None:
    root, target = golden(tmp_path), tmp_path / "saved"
    log_file(root, FILE).unlink()
    saved_from(root, target)
    assert_proven(root, target)
    assert_serves(target, [m for m in manifest("5.3.3-clean") if m["commitLogOffset"] < FILE])
    store = open_saved(target)
    offsets = loads((target / "config" / "consumerOffset.json").read_bytes())["offsetTable"]
    for name, queues in offsets.items():
        for queue, offset in queues.items():
            assert offset <= store.max_offset(name.partition("@")[0], int(queue))
    kill(store)


def test_a_missing_first_file_leaves_the_offsets_of_the_rest(tmp_path: Path) -> None:
    root, target = golden(tmp_path), tmp_path / "saved"
    log_file(root, 0).unlink()
    result = saved_from(root, target)
    assert (result.dropped, result.changed) == (0, 0)
    assert_proven(root, target)
    assert_serves(target, [m for m in manifest("5.3.3-clean") if m["commitLogOffset"] >= FILE])


def test_swapped_files_are_put_back(tmp_path: Path) -> None:
    root, target = golden(tmp_path), tmp_path / "saved"
    first, second = log_file(root, 0), log_file(root, FILE)
    first.rename(root / "aside")
    second.rename(first)
    (root / "aside").rename(second)
    result = saved_from(root, target)
    assert (result.dropped, result.changed) == (0, 0)
    assert_proven(root, target)
    assert_serves(target, manifest("5.3.3-clean"))


def test_a_short_file_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    root, target = golden(tmp_path), tmp_path / "saved"
    os.truncate(log_file(root, 0), 100_000)
    saved_from(root, target)
    assert log_file(target, 0).stat().st_size == FILE
    assert_proven(root, target)
    whole = [m for m in manifest("5.3.3-clean") if m["commitLogOffset"] + m["storeSize"] <= 100_000]
    assert_serves(target, whole + [m for m in manifest("5.3.3-clean") if m["commitLogOffset"] >= FILE])


def test_a_short_file_alone_gets_the_size_that_is_given(tmp_path: Path) -> None:
    root, target = golden(tmp_path), tmp_path / "saved"
    log_file(root, FILE).unlink()
    os.truncate(log_file(root, 0), 100_000)
    salvage(StoreDirectory(root), target, RebuildOptions(mapped_file_size_commit_log=FILE))
    assert log_file(target, 0).stat().st_size == FILE
    assert_proven(root, target)


def test_bytes_past_the_file_size_are_left_out(tmp_path: Path) -> None:
    root, target = golden(tmp_path), tmp_path / "saved"
    with log_file(root, 0).open("ab") as log:
        log.write(b"more" * 1000)
    saved_from(root, target)
    assert log_file(target, 0).stat().st_size == FILE
    (line,) = [line for line in lines(target) if isinstance(line, Ignored)]
    assert (line.position, line.size, line.reason) == (FILE, 4000, "past-file-size")
    assert_proven(root, target)
    assert_serves(target, manifest("5.3.3-clean"))


def test_a_store_without_a_single_record_becomes_an_empty_one(tmp_path: Path) -> None:
    root, target = golden(tmp_path), tmp_path / "saved"
    for path in (root / "commitlog").iterdir():
        path.write_bytes(random.Random(1).randbytes(FILE))
    result = saved_from(root, target)
    assert (result.kept, result.units) == (0, 0)
    assert_proven(root, target)
    kill(open_saved(target))


def test_op_messages_follow_the_half_messages_that_moved(tmp_path: Path) -> None:
    root, target = golden(tmp_path), tmp_path / "saved"
    store = open_saved(golden(tmp_path / "sound"))
    halves = [m for place, m in sorted(served(store).items()) if place[0] == "RMQ_SYS_TRANS_HALF_TOPIC"]
    ops = [m for place, m in sorted(served(store).items()) if place[0] == OP_TOPIC]
    kill(store)
    assert len(halves) > 3
    assert ops
    flip(root, halves[1].commit_log_offset + 88)  # the body of the second half
    saved_from(root, target)
    assert_proven(root, target)
    store = open_saved(target)
    now = served(store)
    kill(store)
    by_id = {m.commit_log_offset: m for m in now.values()}
    moved = 0
    for op in ops:
        before, after = op.body.decode(), by_id[op.commit_log_offset].body.decode()
        assert len(before) == len(after)
        for old, new in zip(before.split(","), after.split(","), strict=True):
            if old and old == str(halves[1].queue_offset):
                assert new == "x" * len(old)
            elif old:
                half = next(h for h in halves if h.queue_offset == int(old))
                assert by_id[half.commit_log_offset].queue_offset == int(new)
                moved += int(old) != int(new)
    assert moved > 0


def test_a_broken_configuration_comes_from_its_bak(tmp_path: Path) -> None:
    root, target = golden(tmp_path), tmp_path / "saved"
    (root / "config" / "topics.json").write_bytes(b"")
    (root / "config" / "subscriptionGroup.json").write_bytes(b"{\0\0\0")
    (root / "config" / "subscriptionGroup.json.bak").unlink(missing_ok=True)
    result = saved_from(root, target)
    assert (result.configs["topics.json"], result.configs["subscriptionGroup.json"]) == ("from .bak", "lost")
    assert (target / "config" / "topics.json").read_bytes() == (root / "config" / "topics.json.bak").read_bytes()
    assert_proven(root, target)


def test_how_far_the_damaged_log_was_is_not_said_of_the_new_one(tmp_path: Path) -> None:
    """Its offsets are other ones: a start would look for what was delivered in the wrong place."""
    root, target = golden(tmp_path), tmp_path / "saved"
    (root / "config" / "delayOffset.json").write_text('{"offsetTable":{1:0},"logEnd":1000}')
    result = saved_from(root, target)
    assert result.configs["delayOffset.json"] == "kept"
    assert loads((target / "config" / "delayOffset.json").read_bytes()) == {"offsetTable": {1: 0}}
    assert_proven(root, target)


def test_a_full_disk_is_said_and_the_proof_does_not_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root, target = golden(tmp_path), tmp_path / "saved"
    before, real, left = tree(root), os.pwrite, [20]

    def filling(*args: Any) -> int:
        left[0] -= 1
        if left[0] < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(*args)

    monkeypatch.setattr(os, "pwrite", filling)
    with pytest.raises(RocketMQError, match="No space left on device"):
        saved_from(root, target)
    monkeypatch.undo()
    assert tree(root) == before
    assert not verify(target).ok


def damage(root: Path, chance: random.Random) -> list[tuple[int, int]]:
    """Damage the log at random; the ranges of commitlog offsets that are touched."""
    touched = []
    for _ in range(chance.randrange(1, 5)):
        kind = chance.choice(("flip", "flip", "zero", "noise", "cut", "gone"))
        base = chance.choice((0, FILE))
        path = log_file(root, base)
        if not path.exists():
            continue
        size = path.stat().st_size
        at, length = chance.randrange(size), chance.randrange(1, 6000)
        if kind == "flip":
            flip(root, base + at, 1 << chance.randrange(8))
            length = 1
        elif kind in ("zero", "noise"):
            length = min(length, size - at)
            overwrite(root, base + at, bytes(length) if kind == "zero" else chance.randbytes(length))
        elif kind == "cut" and at > 1000:
            os.truncate(path, at)
            length = FILE
        elif kind == "gone" and chance.random() < 0.2:
            path.unlink()
            at, length = 0, FILE
        else:
            continue
        touched.append((base + at, base + at + length))
    for path in sorted((root / "consumequeue").rglob("*")):
        if path.is_file() and chance.random() < 0.02:
            path.unlink()
    return touched


@pytest.mark.parametrize("seed", range(24))
def test_random_damage_loses_nothing_that_it_did_not_touch(seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)
    name = STORES[seed % 2 and 2]
    root, target = golden(tmp_path, name), tmp_path / "saved"
    touched = damage(root, chance)
    if not any(log_file(root, base).exists() for base in (0, FILE)):
        return
    salvage(StoreDirectory(root), target, RebuildOptions(mapped_file_size_commit_log=FILE))
    assert_proven(root, target)
    total = next(line for line in lines(target) if isinstance(line, Total))
    report = check_store(StoreDirectory(target)).report
    found = {f.id for f in report.findings if Severity[f.severity.upper()] >= Severity.ERROR}
    assert found <= set(total.findings)
    sound = [
        m for m in manifest(name)
        if not any(m["commitLogOffset"] < end and start < m["commitLogOffset"] + m["storeSize"] for start, end in touched)
    ]  # fmt: skip
    assert_serves(target, sound)


def test_the_target_must_be_new(tmp_path: Path) -> None:
    root, target = golden(tmp_path), tmp_path / "saved"
    target.mkdir()
    (target / PROOF_NAME).touch()
    with pytest.raises(RocketMQError, match="not empty"):
        saved_from(root, target)
    with pytest.raises(RocketMQError, match="is inside the store"):
        saved_from(root, root / "saved")


def record_with_crc(offset: int, number: int) -> bytes:
    """A record as a broker with enabledAppendPropCRC writes it."""
    item = MessageExt(
        topic="Covered", queue_id=0, queue_offset=number, commit_log_offset=offset, store_size=0, body=b"body " * 8, body_crc=0,
        flag=0, sys_flag=0, born_timestamp=1_700_000_000_000, born_host=("127.0.0.1", 1), store_timestamp=1_700_000_000_000,
        store_host=("127.0.0.1", 2), reconsume_times=0, prepared_transaction_offset=0,
        properties={"TAGS": "t", "KEYS": f"k{number}", "__CRC32#": "0000000000\x02"}, offset_msg_id="",
    )  # fmt: skip
    bare = encode_record(item)
    return with_fields(bare, {"queueOffset": number})


def test_the_crc_over_the_record_decides_and_follows_a_message_that_moves(tmp_path: Path) -> None:
    root, target, log = tmp_path / "damaged", tmp_path / "saved", b""
    for number in range(6):
        log += record_with_crc(len(log), number)
    size = len(log) // 6
    assert all(record_crc_ok(log[i * size : (i + 1) * size]) for i in range(6))
    (root / "commitlog").mkdir(parents=True)
    (root / "commitlog" / f"{0:020d}").write_bytes(log.ljust(FILE, b"\0"))
    flip(root, 2 * size + log[2 * size : 3 * size].index(b"TAGS") + 5, 1)  # the tag, which nothing else covers here
    flip(root, 4 * size + 63, 1)  # the store time: its neighbours say what it was, the CRC proves it
    result = saved_from(root, target)
    assert [(d.offset, d.reason) for d in dropped(target)] == [(2 * size, "record-crc")]
    assert (result.kept, result.changed) == (5, 3)
    for i in (0, 1, 3, 4, 5):
        record = read_log(target, i * size, size)
        assert record_crc_ok(record)
        assert int.from_bytes(record[20:28], "big") == (i if i < 2 else i - 1)
        assert record[56:64] == log[56:64]
    assert_proven(root, target)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ([5, 6, 7], [5, 6, 7]),
        ([0, 1, 5, 6], [0, 1, 2, 3]),
        ([0, 1, 900, 3, 4], [0, 1, 2, 3, 4]),  # one number is damaged
        ([0, 1, -5, 3, 4], [0, 1, 2, 3, 4]),
        ([0, 1, 1 << 60, 3, 4], [0, 1, 2, 3, 4]),
        ([900, 4, 5, 6], [3, 4, 5, 6]),
        ([0, 1, 2, 0, 1], [0, 1, 2, 3, 4]),  # the topic was created anew
        ([0, 1, 1, 2, 3], [0, 1, 2, 3, 4]),
    ],
)
def test_numbers_are_dense_whatever_is_missing_or_damaged(old: list[int], new: list[int]) -> None:
    numbering = Numbering()
    offsets = np.arange(len(old), dtype=np.int64) * 200 + 1_000_000
    found, _, _ = numbering.assign(np.array(old, np.int64), offsets, None)
    assert found.tolist() == new


def test_a_consumer_moves_with_its_message_and_never_past_the_end() -> None:
    numbering = Numbering()
    offsets = np.arange(7, dtype=np.int64) * 200 + 1_000_000
    numbering.assign(np.array([10, 11, 12, 15, 16, 17, 20]), offsets, None)
    assert [numbering.new(old) for old in (3, 10, 12, 13, 14, 15, 17, 18, 20, 21, 500)] == [
        3, 10, 12, 13, 13, 13, 15, 16, 16, 17, 17,
    ]  # fmt: skip
    assert Numbering().new(7) == 0
