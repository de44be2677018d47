"""Every kind of seeded damage is found by `check` and called by its right name; nothing is found on sound stores."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.golden_data import STORES, unpack_store
from tests.store.inspect import damage as d
from tests.store.inspect.damage import Sound, check

GOLDEN = "5.3.3-clean"
HEADER = {
    "beginTimestamp": 7, "endTimestamp": 15, "beginPhyOffset": 23, "endPhyOffset": 31, "hashSlotCount": 35,
    "indexCount": 39,
}  # fmt: skip

# name: (how it is done, what must be found)
ON_GOLDEN: dict[str, tuple[d.Make, str]] = {
    # one bit in each field of a record
    "record storeSize": (d.flip_field("storeSize"), "CL-LENGTHS"),
    "record storeSize, negative": (d.flip_field("storeSize", 0, 7), "CL-SIZE"),
    "record storeSize, beyond the file": (d.flip_field("storeSize", 0, 6), "CL-SIZE"),
    "record magic": (d.flip_field("magic"), "CL-MAGIC"),
    "record bodyCRC": (d.flip_field("bodyCRC"), "CL-CRC"),
    "record queueId": (d.flip_field("queueId"), "CL-QUEUE-ID"),
    "record queueId, impossible": (d.flip_field("queueId", 0, 7), "CL-QUEUE-ID"),
    "record queueOffset": (d.flip_field("queueOffset"), "CL-QUEUE-OFFSET"),
    "record queueOffset, far": (d.flip_field("queueOffset", 3, 1), "CL-QUEUE-OFFSET"),
    "record queueOffset, negative": (d.flip_field("queueOffset", 0, 7), "CL-QUEUE-OFFSET"),
    "record commitLogOffset": (d.flip_field("commitLogOffset"), "CL-PHYSICAL"),
    "record sysFlag, compressed": (d.flip_field("sysFlag"), "CL-FLAG"),
    "record sysFlag, multi tags": (d.flip_field("sysFlag", -1, 1), "CL-FLAG"),
    "record sysFlag, prepared": (d.flip_field("sysFlag", -1, 2), "CL-FLAG"),
    "record sysFlag, committed": (d.flip_field("sysFlag", -1, 3), "CL-FLAG"),
    "record sysFlag, inner batch": (d.flip_field("sysFlag", -1, 7), "CL-FLAG"),
    "record sysFlag, unwrap": (d.flip_field("sysFlag", -1, 6), "CL-FLAG"),
    "record sysFlag, IPv6 born host": (d.flip_field("sysFlag", -1, 4), "CL-LENGTHS"),
    "record sysFlag, compression type": (d.flip_field("sysFlag", -2, 0), "CL-FLAG"),
    "record sysFlag, unknown bit": (d.flip_field("sysFlag", 0, 3), "CL-BITS"),
    "record bornTimestamp, far": (d.flip_field("bornTimestamp", 2, 4), "CL-BORN"),
    "record bornHost, port": (d.flip_field("bornHost", 4, 4), "CL-HOST"),
    "record storeTimestamp": (d.flip_field("storeTimestamp", 4, 0), "CL-TIME"),
    "record storeTimestamp, negative": (d.flip_field("storeTimestamp", 0, 7), "CL-TIME"),
    "record storeHost, address": (d.flip_field("storeHost", 3), "CL-HOST"),
    "record storeHost, port": (d.flip_field("storeHost"), "CL-HOST"),
    "record storeHost, high byte of port": (d.flip_field("storeHost", 4), "CL-HOST"),
    "record reconsumeTimes": (d.flip_field("reconsumeTimes"), "CL-RECONSUME"),
    "record reconsumeTimes, impossible": (d.flip_field("reconsumeTimes", 0), "CL-RECONSUME"),
    "record preparedTransactionOffset": (d.flip_field("preparedTransactionOffset"), "CL-PREPARED"),
    "record bodyLength": (d.flip_field("bodyLength"), "CL-LENGTHS"),
    "record bodyLength, negative": (d.flip_field("bodyLength", 0, 7), "CL-LENGTHS"),
    "record body": (d.flip_field("body", 2), "CL-CRC"),
    "record topicLength": (d.flip_field("topicLength"), "CL-LENGTHS"),
    "record topic": (d.flip_field("topic", 3), "CL-TOPIC"),
    "record propertiesLength": (d.flip_field("propertiesLength"), "CL-LENGTHS"),
    "record tag": (d.flip_in_properties(b"TAGS\x01"), "CQ-TAG"),
    "record tag's name": (d.flip_in_properties(b"TAG"), "CQ-TAG"),
    "record key": (d.flip_in_properties(b"KEYS\x01", 2), "IX-ENTRY"),
    "record unique key": (d.flip_in_properties(b"UNIQ_KEY\x01", 5), "IX-ENTRY"),
    "record property separator": (d.flip_in_properties(b"KEYS"), "CL-PROPERTIES"),
    "record property not UTF-8": (d.flip_in_properties(b"WAIT\x01", 0, 7), "CL-PROPERTIES"),
    "last record queueId": (d.flip_field("queueId", choose=Sound.last), "CL-QUEUE-ID"),
    "last record queueOffset": (d.flip_field("queueOffset", choose=Sound.last), "CL-QUEUE-OFFSET"),
    "last record topic": (d.flip_field("topic", 3, choose=Sound.last), "CL-TOPIC"),
    "last record storeTimestamp": (d.flip_field("storeTimestamp", 2, choose=Sound.last), "CL-TIME"),
    "records swapped": (d.swap_records, "CL-PHYSICAL"),
    # ranges and ends of the commitlog
    "record zeroed": (d.zero_record, "CL-HOLE"),
    "sector zeroed": (d.zero_sector, "CL-HOLE"),
    "second file's head zeroed": (d.zero_file_head, "CL-HOLE"),
    "tail zeroed": (d.zero_tail, "CQ-BEYOND"),
    "torn tail": (d.tear_last(100), "CL-TORN"),
    "blank size": (d.damage_blank, "CL-BLANK"),
    "blank magic": (d.damage_blank_magic, "CL-BLANK"),
    "bytes behind the blank": (d.bytes_behind_blank, "CL-TRAILING"),
    "bytes behind the end": (d.bytes_behind_end, "CL-TRAILING"),
    # files of the commitlog
    "first file missing": (d.remove_log(0), "CL-FIRST"),
    "last file missing": (d.remove_log(-1), "CQ-BEYOND"),
    "files swapped": (d.swap_log_files, "CL-SWAPPED"),
    "last file shorter": (d.resize_log(-1, -4096), "CL-LENGTH"),
    "first file shorter": (d.resize_log(0, -4096), "CL-LENGTH"),
    "last file longer": (d.resize_log(-1, 4096), "CL-LENGTH"),
    "first file longer": (d.resize_log(0, 4096), "CL-LENGTH"),
    "last file empty": (lambda s: d.os.truncate(s.log[-1], 0), "CL-LENGTH"),
    "foreign file": (d.add_file("commitlog/core.1234"), "CL-STRANGER"),
    "name out of line": (lambda s: d.rename(s.log[1], f"{262_145:020d}"), "CL-NAME"),
    # units of a consumequeue, and its files
    "unit offset": (d.flip_unit(7), "CQ-OFFSET"),
    "unit offset, far": (d.flip_unit(2), "CQ-OFFSET"),
    "unit offset, negative": (d.flip_unit(0, 7), "CQ-OFFSET"),
    "unit size": (d.flip_unit(11), "CQ-SIZE"),
    "unit size, negative": (d.flip_unit(8, 7), "CQ-SIZE"),
    "unit tag": (d.flip_unit(19), "CQ-TAG"),
    "unit tag, high half": (d.flip_unit(12), "CQ-TAG"),
    "units zeroed": (d.zero_units, "CQ-MISSING"),
    "units swapped": (d.swap_units, "CQ-OFFSET"),
    "unit too many": (d.extra_unit, "CQ-ORPHAN"),
    "unit beyond the log": (d.unit_beyond, "CQ-BEYOND"),
    "stale queue": (d.stale_queue, "CQ-BEHIND"),
    "queue of another store": (d.foreign_queue, "CQ-FOREIGN"),
    "queues swapped": (d.swap_queues, "CQ-FOREIGN"),
    "queue removed": (d.remove_queue, "CQ-NO-QUEUE"),
    "foreign file in a queue": (lambda s: d.make_file(s.queue().parent / "notes"), "CQ-STRANGER"),
    "queue file shorter": (lambda s: d.os.truncate(s.queue(), 5990), "CQ-LENGTH"),
    "queue file shorter by whole units": (lambda s: d.os.truncate(s.queue(), 100), "CQ-LENGTH"),
    # the index
    **{f"index {name}": (d.flip_index_header(at), "IX-HEADER") for name, at in HEADER.items()},
    "index beginTimestamp, far": (d.flip_index_header(2), "IX-HEADER"),
    "index slot": (d.flip_index_slot, "IX-SLOT"),
    "index entry hash": (d.flip_index_entry(3), "IX-ENTRY"),
    "index entry offset": (d.flip_index_entry(11), "IX-ENTRY"),
    "index entry time": (d.flip_index_entry(15), "IX-TIME"),
    "index entry chain": (d.flip_index_entry(19), "IX-CHAIN"),
    "index entries zeroed": (d.zero_entries, "IX-ENTRY"),
    "stale index": (d.stale_index, "IX-BEHIND"),
    "index removed": (d.remove_index, "IX-NONE"),
    "foreign file in index": (d.add_file("index/readme.txt"), "IX-STRANGER"),
    "index file shorter": (lambda s: d.os.truncate(s.index(), 80_000), "IX-LENGTH"),
    "index file longer": (lambda s: d.os.truncate(s.index(), s.index().stat().st_size + 4), "IX-LENGTH"),
    # the checkpoint
    **{f"checkpoint field {i}": (d.checkpoint_field(i), "CP-VALUE") for i in range(5)},
    **{f"checkpoint field {i}, last bit": (d.checkpoint_field(i, 7), "CP-VALUE") for i in range(5)},
    "checkpoint in the future": (d.checkpoint_future, "CP-VALUE"),
    "checkpoint padding": (lambda s: d.flip(s.path("checkpoint"), 2000), "CP-TRAILING"),
    "checkpoint missing": (lambda s: s.path("checkpoint").unlink(), "CP-MISSING"),
    "checkpoint cut": (d.cut_file("checkpoint", 24), "CP-LENGTH"),
    # configuration and the rest
    "abort left": (lambda s: s.path("abort").write_bytes(b""), "AB-PRESENT"),
    "config of 0 bytes": (d.cut_file("config/topics.json", 0), "CF-EMPTY"),
    "config of zeros": (d.replace_file("config/topics.json", bytes(512)), "CF-EMPTY"),
    "config half written": (d.half_config("consumerOffset.json"), "CF-BROKEN"),
    "config of another shape": (d.replace_file("config/consumerOffset.json", b"[1]"), "CF-BROKEN"),
    "config's table of a wrong type": (d.replace_file("config/topics.json", b'{"topicConfigTable":5}'), "CF-BROKEN"),
    "config not text": (d.replace_file("config/subscriptionGroup.json", b"\xff\xfe\x00{"), "CF-BROKEN"),
    "config only as .bak": (d.rename_config, "CF-MISSING"),
    ".bak broken": (d.half_config("topics.json.bak"), "CF-BACKUP"),
    ".bak newer": (d.newer_backup, "CF-BAK-NEWER"),
    "offset beyond its queue": (d.edit_config("consumerOffset.json", b"{0:75", b"{0:9975"), "OF-BEYOND"),
    "offset negative": (d.edit_config("consumerOffset.json", b"{0:75", b"{0:-5"), "OF-BEYOND"),
    "offset no number": (d.edit_config("consumerOffset.json", b"{0:75", b'{0:"x"'), "CF-BROKEN"),
    "delay offset beyond": (d.edit_config("delayOffset.json", b"1:", b"1:7"), "OF-BEYOND"),
    "offsets of an unknown topic": (d.edit_config("consumerOffset.json", b"GoldOrders@", b"Nowhere@"), "OF-TOPIC"),
    "offsets of an unknown group": (d.edit_config("consumerOffset.json", b"@Gold_sql", b"@NoGroup"), "OF-GROUP"),
    "topic lost from its file": (d.edit_config("topics.json", b'"GoldTx":{', b'"GoldXt":{'), "TP-UNKNOWN"),
}

ON_OWN: dict[str, tuple[d.Make, str]] = {
    "middle file missing": (d.remove_log(1), "CL-GAP"),
    "two middle files missing": (lambda s: d.remove(s.log[1], s.log[2]), "CL-GAP"),
    "middle file's units": (d.remove_log(2), "CQ-LOST"),
    "middle file zeroed": (lambda s: d.zero(s.log[1], 0, 65536), "CL-HOLE"),
    "middle file longer": (d.resize_log(1, 512), "CL-LENGTH"),
    "middle file shorter": (d.resize_log(1, -512), "CL-LENGTH"),
    "middle file empty": (lambda s: d.os.truncate(s.log[1], 0), "CL-LENGTH"),
    "middle files swapped": (lambda s: d.swap(s.log[1], s.log[2]), "CL-SWAPPED"),
    "first file missing": (d.remove_log(0), "CL-FIRST"),
    "last file missing": (d.remove_log(-1), "CQ-BEYOND"),
    "queue's middle file missing": (lambda s: s.path(f"consumequeue/Topic0/0/{600:020d}").unlink(), "CQ-GAP"),
    "queue's last file missing": (lambda s: s.path(f"consumequeue/Topic0/0/{3000:020d}").unlink(), "CQ-BEHIND"),
    "queue's middle file zeroed": (
        lambda s: d.zero(s.path(f"consumequeue/Topic0/0/{600:020d}"), 0, 600), "CQ-MISSING"),
    "index's middle file missing": (lambda s: sorted(s.path("index").iterdir())[1].unlink(), "IX-MISSING"),
    "index's last file missing": (lambda s: max(s.path("index").iterdir()).unlink(), "IX-BEHIND"),
    "note in the checkpoint": (lambda s: d.flip(s.path("checkpoint"), 1024 + 20), "CP-TRAILING"),
}  # fmt: skip


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("own") / "store"
    d.write_own_store(root)
    return root


@pytest.fixture(scope="module")
def golden(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return unpack_store(GOLDEN, tmp_path_factory.mktemp("golden"))


def _found(sound: Path, target: Path, make: d.Make) -> dict[str, int]:
    shutil.copytree(sound, target)
    make(Sound(target))
    return check(target).report.counts


@pytest.mark.parametrize("kind", ON_GOLDEN)
def test_damage_is_found_and_named(golden: Path, tmp_path: Path, kind: str) -> None:
    make, expected = ON_GOLDEN[kind]
    assert expected in _found(golden, tmp_path / "store", make)


@pytest.mark.parametrize("kind", ON_OWN)
def test_damage_of_longer_chains(own: Path, tmp_path: Path, kind: str) -> None:
    make, expected = ON_OWN[kind]
    assert len(Sound(own).log) >= 4
    assert expected in _found(own, tmp_path / "store", make)


@pytest.mark.parametrize("name", STORES)
def test_nothing_is_found_on_golden_stores(tmp_path: Path, name: str) -> None:
    counts = check(unpack_store(name, tmp_path)).report.counts
    counts.pop("AB-PRESENT", None)
    assert counts == {}


def test_nothing_is_found_on_a_store_of_ours(own: Path) -> None:
    result = check(own)
    assert result.report.counts == {}
    assert result.report.facts["records"] == 700
