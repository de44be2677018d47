"""Messages that no consumer gets after a start: `check` reports them, `predict` counts them, and both agree."""

from __future__ import annotations

import asyncio
import json
import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.common.topics import SCHEDULE_TOPIC
from rocketmq_ops.store.inspect.predict.prediction import BROKERS
from rocketmq_ops.store.inspect.predict.reach import Reach, gone_in_front, store_times
from rocketmq_ops.store.inspect.reading.broker_config import load_table
from rocketmq_ops.store.inspect.reading.store_files import StoreDirectory
from rocketmq_ops.store.inspect.reading.strangers import java_long
from rocketmq_ops.store.inspect.reading.timers import TIMER_TOPIC
from rocketmq_ops.store.inspect.salvage.rebuild import rebuild
from rocketmq_ops.store.inspect.salvage.salvage_store import salvage
from rocketmq_ops.store.inspect.salvage.verify import verify
from tests.store.inspect import damage as d
from tests.store.inspect.damage import Make, Sound, check, foretell
from tests.store.store_helpers import Clock, message, open_store

MESSAGES = 700


def config(name: str, data: bytes | None) -> Make:
    def make(s: Sound) -> None:
        path = s.path(f"config/{name}")
        if data is None:
            path.unlink()
        else:
            path.write_bytes(data or b"")

    return make


def nul(name: str) -> Make:
    return lambda s: s.path(f"config/{name}").write_bytes(bytes(s.path(f"config/{name}").stat().st_size)) and None


def no_config(s: Sound) -> None:
    shutil.rmtree(s.path("config"))


def queues_of(topic: str, count: int) -> Make:
    def make(s: Sound) -> None:
        path = s.path("config/topics.json")
        content = json.loads(path.read_text())
        content["topicConfigTable"][topic]["readQueueNums"] = count
        path.write_text(json.dumps(content))

    return make


def forget(topic: str) -> Make:
    def make(s: Sound) -> None:
        path = s.path("config/topics.json")
        content = json.loads(path.read_text())
        del content["topicConfigTable"][topic]
        path.write_text(json.dumps(content))

    return make


# name: (how it is done, what is found and how bad it is, messages out of reach with 5.3, and unsure ones)
OUT_OF_REACH: dict[str, tuple[Make, dict[str, str], int, int]] = {
    "no config folder": (no_config, {"CF-GONE": "critical"}, MESSAGES, 0),
    "topics gone": (config("topics.json", None), {"CF-GONE": "critical"}, MESSAGES, 0),
    "topics empty": (config("topics.json", b""), {"CF-EMPTY": "critical"}, MESSAGES, 0),
    "topics full of NULs": (nul("topics.json"), {"CF-EMPTY": "critical"}, MESSAGES, 0),
    "topics without a table": (config("topics.json", b"{}"), {"CF-BROKEN": "critical"}, MESSAGES, 0),
    "topics of a wrong type": (config("topics.json", b'{"topicConfigTable":[]}'), {"CF-BROKEN": "critical"}, MESSAGES, 0),
    "topics a list": (config("topics.json", b"[]"), {"CF-BROKEN": "critical"}, MESSAGES, 0),
    "topics without entries": (config("topics.json", b'{"topicConfigTable":{}}'), {"TP-UNKNOWN": "critical"}, MESSAGES, 0),
    "one topic lost": (forget("Topic1"), {"TP-UNKNOWN": "critical"}, MESSAGES // 2, 0),
    "offsets gone": (config("consumerOffset.json", None), {"CF-GONE": "critical"}, 0, MESSAGES),
    "offsets empty": (config("consumerOffset.json", b""), {"CF-EMPTY": "critical"}, 0, MESSAGES),
    "offsets full of NULs": (nul("consumerOffset.json"), {"CF-EMPTY": "critical"}, 0, MESSAGES),
    "offsets without a table": (config("consumerOffset.json", b"{}"), {"CF-BROKEN": "critical"}, 0, MESSAGES),
    "offsets of a wrong type": (config("consumerOffset.json", b'{"offsetTable":5}'), {"CF-BROKEN": "critical"}, 0, MESSAGES),
    "no queues": (queues_of("Topic0", 0), {"TP-QUEUES": "critical"}, MESSAGES // 2, 0),
    "fewer queues": (queues_of("Topic0", 1), {"TP-QUEUES": "critical"}, MESSAGES // 4, 0),
}  # fmt: skip


@pytest.mark.parametrize("kind", OUT_OF_REACH)
def test_what_the_configuration_puts_out_of_reach(own: Path, kind: str) -> None:
    make, expected, out_of_reach, unsure = OUT_OF_REACH[kind]
    make(Sound(own))
    assert {f.id: f.severity for f in check(own).report.findings if f.severity == "critical"} == expected
    prediction = foretell(own, "5.3")
    assert (prediction.lost, prediction.out_of_reach) == (out_of_reach, out_of_reach)
    assert prediction.unsure == (0 if kind == "no config folder" else unsure)
    assert prediction.starts


def test_a_usable_backup_is_as_good(own: Path) -> None:
    path = own / "config" / "topics.json"
    path.rename(path.with_name("topics.json.bak"))
    assert {f.id: f.severity for f in check(own).report.findings} == {"CF-MISSING": "warning"}
    for broker in BROKERS:
        assert foretell(own, broker).lost == 0
    path.write_bytes(b"")
    assert [f.severity for f in check(own).report.findings] == ["error"]
    assert foretell(own, "5.3").lost == 0
    path.write_bytes(b"{}")  # can be read, so that no broker of Apache's looks at the .bak
    assert "critical" in {f.severity for f in check(own).report.findings}
    assert foretell(own, "5.3").lost == MESSAGES


def test_a_broken_file_with_a_broken_backup_ends_the_start(own: Path) -> None:
    for name in ("topics.json", "topics.json.bak"):
        (own / "config" / name).write_bytes(b'{"half')
    assert [f.severity for f in check(own).report.findings if f.id == "CF-BROKEN"] == ["critical"]
    assert not any(foretell(own, broker).starts for broker in BROKERS)


def test_queues_that_were_taken_away_after_all_was_consumed(own: Path) -> None:
    queues_of("Topic0", 1)(Sound(own))
    path = own / "config" / "consumerOffset.json"
    path.write_text(json.dumps({"offsetTable": {"Topic0@G": {"0": 3, "1": 175}, "Topic0@H": {"0": 175, "1": 175}}}))
    assert "TP-QUEUES" not in check(own).report.counts
    assert foretell(own, "5.3").lost == 0
    path.write_text(json.dumps({"offsetTable": {"Topic0@G": {"0": 3, "1": 100}}}))
    assert check(own).report.counts["TP-QUEUES"] == 1
    assert foretell(own, "5.3").lost == 75


def test_a_broker_killed_before_it_wrote_any_offset(own: Path) -> None:
    (own / "config" / "consumerOffset.json").unlink()
    (own / "abort").touch()
    assert check(own).report.counts == {"AB-PRESENT": 1}
    assert foretell(own, "5.3").unsure == 0


def test_a_retry_topic_comes_back_with_its_group(tmp_path: Path) -> None:
    write(tmp_path, [("%RETRY%G", 0), ("%DLQ%G", 0), ("T", 0)])
    for topic in ("%RETRY%G", "%DLQ%G"):
        forget(topic)(Sound(tmp_path))
    assert {f.id: f.severity for f in check(tmp_path).report.findings} == {"TP-UNKNOWN": "warning"}
    assert foretell(tmp_path, "5.3").lost == 0


@pytest.mark.parametrize("data", [None, b"", b"\0\0\0", b"{}", b'{"offsetTable":[]}'])
def test_delay_offsets(tmp_path: Path, data: bytes | None) -> None:
    """Apache's broker begins again at the start of each level: nothing is lost, but delivered again."""
    write(tmp_path, [("SCHEDULE_TOPIC_XXXX", 2)] * 5 + [("T", 0)])
    assert check(tmp_path).report.counts == {}
    config("delayOffset.json", data)(Sound(tmp_path))
    assert {f.severity for f in check(tmp_path).report.findings} == {"error"}
    prediction = foretell(tmp_path, "5.3")
    assert (prediction.lost, prediction.repeated) == (0, 5)


def write(root: Path, places: list[tuple[str, int]]) -> None:
    """A store with one message in each of the queues, a minute between two."""

    async def run() -> None:
        clock = Clock()
        store = open_store(root, clock=clock)
        store.start()
        for topic, queue in places:
            clock.now += 60_000
            assert store.put_message(message(topic, queue, b"x", DELAY="3")).status == 0
        await store.shutdown()

    asyncio.run(run())
    d.write_config(root)


def offsets(root: Path, **groups: int) -> None:
    """The offsets of groups in each queue of Topic0."""
    table = {f"Topic0@{group}": {"0": offset, "1": offset} for group, offset in groups.items()}
    (root / "config" / "consumerOffset.json").write_text(json.dumps({"offsetTable": table}))


@pytest.mark.parametrize("broker", BROKERS)
def test_messages_before_the_log_are_lost_to_the_groups_that_were_due(own: Path, broker: str) -> None:
    first = Sound(own).log[1]
    before = [r for r in Sound(own).records() if r.offset < int(first.name) and r.topic == "Topic0"]
    assert len(before) > 20
    offsets(own, Late=3, Done=MESSAGES // 4)
    d.remove_log(0)(Sound(own))
    prediction = foretell(own, broker)
    assert prediction.lost == len(before) - 2 * 3
    assert any("not yet consumed or delivered" in line for line in prediction.warnings)
    assert {f.severity for f in check(own).report.findings if f.id == "CL-FIRST"} == {"critical"}
    offsets(own, Done=MESSAGES // 4)
    assert foretell(own, broker).lost == 0
    assert {f.severity for f in check(own).report.findings if f.id == "CL-FIRST"} == {"warning"}


def test_messages_that_may_have_expired_are_not_lost(own: Path) -> None:
    offsets(own, Late=3)
    d.remove_log(0)(Sound(own))
    store = StoreDirectory(own)
    reach = Reach({}, {"Topic0@Late": {"0": 3}}, {})
    times = store_times(store)
    assert times is not None
    assert gone_in_front(store, reach, times[1] - times[0]) == {}
    assert set(gone_in_front(store, reach, times[1] - times[0] + 1)) == {("Topic0", 0)}
    store.close()


def test_the_time_that_files_are_kept_is_an_option(own: Path) -> None:
    offsets(own, Late=3)
    d.remove_log(0)(Sound(own))
    assert foretell(own, "5.3", reserved_hours=1).lost > 0
    assert foretell(own, "5.3", reserved_hours=0).lost == 0


@pytest.mark.parametrize("broker", BROKERS)
def test_delayed_messages_before_the_log_are_lost(tmp_path: Path, broker: str) -> None:
    """Those that their level has not delivered; where the levels' offsets are lost, nobody can tell."""
    root = tmp_path / "store"

    async def run() -> None:
        store = open_store(root, clock=Clock())
        store.start()
        for i in range(200):
            # As the broker parks a message of level 3.
            parked = message(SCHEDULE_TOPIC, 2, b"x" * 500, DELAY="3", REAL_TOPIC="T", REAL_QID="0")
            assert store.put_message(parked if i % 2 else message("T", 0, b"x" * 500)).status == 0
        await store.shutdown()

    asyncio.run(run())
    d.write_config(root)
    levels = root / "config" / "delayOffset.json"
    levels.write_text('{"offsetTable":{3:2}}')
    first = int(Sound(root).log[1].name)
    before = [r for r in Sound(root).records() if r.offset < first and r.topic == SCHEDULE_TOPIC]
    assert len(before) > 4
    d.remove_log(0)(Sound(root))
    assert foretell(root, broker).lost == len(before) - 2
    assert {f.severity for f in check(root).report.findings if f.id == "CL-FIRST"} == {"critical"}
    levels.write_text('{"offsetTable":{3:100}}')
    assert foretell(root, broker).lost == 0
    levels.unlink()
    assert foretell(root, broker).lost == 0


def test_a_deleted_topic_is_not_missed(own: Path) -> None:
    shutil.rmtree(own / "consumequeue" / "Topic1")
    forget("Topic1")(Sound(own))
    assert {f.id: f.severity for f in check(own).report.findings} == {"CQ-NO-QUEUE": "info"}
    assert foretell(own, "5.3").lost == 0


def test_a_queue_deleted_among_others_is_never_filled_again(own: Path) -> None:
    """Apache's brokers dispatch again from the newest unit of all queues on, so what lies before stays unseen."""
    shutil.rmtree(own / "consumequeue" / "Topic1")
    assert {f.severity for f in check(own).report.findings if f.id == "CQ-NO-QUEUE"} == {"critical"}
    # 5.x does not dispatch the very record behind the newest unit, 4.9 does.
    assert [foretell(own, broker).lost for broker in ("5.3", "4.9")] == [MESSAGES // 2, MESSAGES // 2 - 1]


def test_all_queues_deleted(own: Path) -> None:
    """All are dispatched again when there is no unit at all."""
    shutil.rmtree(own / "consumequeue")
    assert {f.id: f.severity for f in check(own).report.findings} == {"CQ-NO-QUEUE": "error"}
    assert [foretell(own, broker).lost for broker in ("5.3", "4.9")] == [0, 0]


@pytest.mark.parametrize(("messages", "severity", "lost"), [(MESSAGES, "critical", True), (30, "error", False)])
def test_all_queues_deleted_before_a_start_that_does_not_read_the_whole_log(
    messages: int, severity: str, lost: bool, tmp_path: Path
) -> None:
    """After an unclean stop dispatching begins at a file that the checkpoint gives; with one file that is the first."""
    root = tmp_path / "store"
    d.write_own_store(root, messages)
    (root / "abort").touch()
    shutil.rmtree(root / "consumequeue")
    assert {f.severity for f in check(root).report.findings if f.id == "CQ-NO-QUEUE"} == {severity}
    assert [bool(foretell(root, broker).lost) for broker in ("5.5", "5.3", "4.9")] == [lost] * 3


def test_without_queues_and_topics_all_is_out_of_reach(own: Path) -> None:
    shutil.rmtree(own / "consumequeue")
    shutil.rmtree(own / "config")
    assert "critical" in {f.severity for f in check(own).report.findings if f.id == "CF-GONE"}
    assert [foretell(own, broker).lost for broker in ("5.3", "4.9")] == [MESSAGES, MESSAGES]


@pytest.mark.parametrize("broker", ["5.3", "4.9"])
def test_messages_in_a_zeroed_range_are_lost_wherever_it_is(own: Path, broker: str) -> None:
    """In a file that recovery does not read nothing is cut, but the messages are gone."""
    records = Sound(own).records()
    hit = records[20:25]
    d.zero(hit[0].file, hit[0].position, sum(len(r.data) for r in hit))
    assert foretell(own, broker).lost == 5
    assert "CL-HOLE" in check(own).report.counts


def test_messages_in_and_behind_a_zeroed_range_that_recovery_reads(own: Path) -> None:
    hit = Sound(own).records()[650]
    d.zero(hit.file, hit.position, len(hit.data))
    for broker in ("5.3", "4.9"):
        prediction = foretell(own, broker)
        assert (prediction.end_offset, prediction.records_cut, prediction.lost) == (hit.offset, 49, 50)


def copy_of(name: str) -> Make:
    return lambda s: shutil.copyfile(s.log[0], s.path(f"commitlog/{name}")) and None


# name -> (how it comes there, severity, which brokers refuse)
STRANGERS: dict[str, tuple[Make, str, set[str]]] = {
    ".DS_Store": (lambda s: s.path("commitlog/.DS_Store").write_bytes(bytes(6148)) and None, "critical", {"4.9", "5.3"}),
    "a copy": (copy_of(f"{0:020d}.bak"), "critical", {"4.9", "5.3"}),
    "lost+found": (lambda s: s.path("commitlog/lost+found").mkdir(), "warning", {"4.9"}),
    "an empty file at the end": (d.add_file("commitlog/zz", b""), "warning", {"4.9"}),
    "an empty file at the start": (d.add_file("commitlog/.x", b""), "critical", {"4.9", "5.3"}),
    "a number": (copy_of("999999"), "critical", set()),
}  # fmt: skip


@pytest.mark.parametrize("kind", STRANGERS)
def test_foreign_files_in_the_commitlog(own: Path, kind: str) -> None:
    make, severity, who = STRANGERS[kind]
    make(Sound(own))
    assert {f.id: f.severity for f in check(own).report.findings} == {"CL-STRANGER": severity}
    assert {broker for broker in ("4.9", "5.3") if not foretell(own, broker).starts} == who


def test_foreign_files_in_a_queue(own: Path) -> None:
    (own / "consumequeue" / "Topic0" / "0" / ".DS_Store").write_bytes(bytes(6148))
    assert {f.id: f.severity for f in check(own).report.findings} == {"CQ-STRANGER": "critical"}
    assert not foretell(own, "5.3").starts


@pytest.mark.parametrize(
    ("name", "value"),
    [("0", 0), ("+12", 12), ("-3", -3), ("٣", 3), ("", None), ("1e3", None), ("9223372036854775808", None), ("1 ", None)],
)  # fmt: skip
def test_numbers_as_java_reads_them(name: str, value: int | None) -> None:
    assert java_long(name) == value


def dledger(root: Path) -> None:
    """The commitlog's records as entries of a DLedger log, as it would be without a commitlog."""
    shutil.rmtree(root / "commitlog")
    (root / "dledger-n0" / "data").mkdir(parents=True)
    (root / "dledger-n0" / "data" / f"{0:020d}").write_bytes(struct.pack(">iiq", 1, 148, 0) + bytes(200))


def test_the_log_of_a_dledger_group_is_named(own: Path) -> None:
    dledger(own)
    assert {f.id: f.severity for f in check(own).report.findings} == {"CL-DLEDGER": "critical"}
    for broker in ("4.9", "5.3"):
        prediction = foretell(own, broker)
        assert prediction.lost == MESSAGES
        assert any("dledger-n0/data" in warning for warning in prediction.warnings)


@pytest.mark.parametrize("make", [salvage, rebuild])
@pytest.mark.parametrize("how", ["no folder", "no files", "dledger"])
def test_nothing_is_built_without_a_commitlog(own: Path, tmp_path: Path, make: Callable[..., Any], how: str) -> None:
    dledger(own)
    if how != "dledger":
        shutil.rmtree(own / "dledger-n0")
    if how == "no files":
        (own / "commitlog").mkdir()
    store = StoreDirectory(own)
    with pytest.raises(
        RocketMQError, match="DLedger group, dledger-n0/data" if how == "dledger" else "no commitlog file"
    ):
        make(store, tmp_path / "target")
    store.close()
    assert not (tmp_path / "target").exists()


def test_salvage_says_which_configuration_is_lost(own: Path, tmp_path: Path) -> None:
    """A file that is not there at all, and one without its table, whose .bak has it."""
    topics = own / "config" / "topics.json"
    shutil.copyfile(topics, own / "config" / "topics.json.bak")
    topics.write_bytes(b"{}")
    (own / "config" / "consumerOffset.json").unlink()
    store = StoreDirectory(own)
    result = salvage(store, tmp_path / "target")
    store.close()
    assert (result.configs["topics.json"], result.configs["consumerOffset.json"]) == ("from .bak", "lost")
    assert foretell(tmp_path / "target", "5.3").out_of_reach == 0
    assert verify(tmp_path / "target", own).ok


READ = 1_795_000_000_000


def timers(root: Path, offset: int, slots: list[tuple[int, int]], read_until: int = READ) -> None:
    """A timer store that goes on at `offset` of its queue, with (time in s after READ, messages) in its wheel."""
    (root / "config" / "timercheck").write_bytes(struct.pack(">4q", read_until, 0, offset, offset).ljust(4096, b"\0"))
    wheel = b"".join(struct.pack(">qqqii", READ // 1000 + time, 0, 52, count, 0) for time, count in slots)
    (root / "timerwheel").write_bytes(wheel.ljust(64 * 32, b"\0"))


def test_timers_in_rocksdb(tmp_path: Path) -> None:
    """Every store of 5.5 has the folder; the manifest shows whether timers were in it."""
    write(tmp_path, [(TIMER_TOPIC, 0)] * 6 + [("T", 0)])
    timers(tmp_path, 6, [])
    rocks = tmp_path / "rocksdbstore"
    rocks.mkdir()
    (rocks / "CURRENT").write_bytes(b"MANIFEST-000005\n")
    for content, expected in (
        (b"\0default\0timer", set()),
        (b"\0timer\x03\x20sys_topic_scan_offset_checkpoint\x01", {"TM-ROCKSDB"}),
    ):
        (rocks / "MANIFEST-000005").write_bytes(content)
        assert {f.id for f in check(tmp_path).report.findings} == expected


def test_timers_that_wait(tmp_path: Path) -> None:
    write(tmp_path, [(TIMER_TOPIC, 0)] * 6 + [("T", 0)])
    timers(tmp_path, 6, [(-900, 3), (2_000, 2), (3_000, 1)])
    assert {f.id: f.severity for f in check(tmp_path).report.findings} == {"TM-PENDING": "warning"}
    assert check(tmp_path).report.findings[0].evidence == {"messages": 3, "until": READ + 3_000_000}
    assert {broker: foretell(tmp_path, broker).lost for broker in ("5.3", "4.9", "ours")} == {
        "5.3": 0,
        "4.9": 3,
        "ours": 0,
    }
    timers(tmp_path, 4, [(-900, 3), (2_000, 2)])  # two are not in the wheel yet
    assert foretell(tmp_path, "4.9").timers_lost == 4


def test_timers_that_are_all_delivered(tmp_path: Path) -> None:
    write(tmp_path, [(TIMER_TOPIC, 0)] * 6 + [("T", 0)])
    timers(tmp_path, 6, [(-900, 3), (-1, 3)])
    assert check(tmp_path).report.counts == {}
    assert [foretell(tmp_path, broker).lost for broker in BROKERS] == [0] * len(BROKERS)


def test_a_timer_store_ahead_of_the_commitlog(tmp_path: Path) -> None:
    write(tmp_path, [(TIMER_TOPIC, 0)] * 6 + [("T", 0)])
    timers(tmp_path, 9, [])
    assert {f.id: f.severity for f in check(tmp_path).report.findings} == {"TM-AHEAD": "error"}
    assert any("continues at 9 of rmq_sys_wheel_timer" in text for text in foretell(tmp_path, "5.3").warnings)


# content -> what each of Apache's brokers then has, as tried: entries of the table, None for nothing, "bak" for the .bak
DECODED: dict[bytes, tuple[Any, Any, Any]] = {
    b"": ("bak", "bak", "bak"),
    b"\0\0\0\0": ("bak", "bak", "bak"),
    b"{}": (None, None, None),
    b"[]": (None, None, "bak"),
    b"null": (None, None, None),
    b"1": ("bak", "bak", "bak"),
    b'"x"': ("bak", "bak", "bak"),
    b'{"topicConfigTable":{}}': ({}, {}, {}),
    b'{"topicConfigTable":[]}': ("bak", "bak", "bak"),
    b'{"topicConfigTable":null}': ("bak", "bak", "bak"),
    b'{"topicConfigTable":{"T":{"readQ': ("bak", "bak", "bak"),
    b"   ": (None, None, "bak"),
}


@pytest.mark.parametrize("data", DECODED)
def test_what_apache_loads(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "topics.json").write_bytes(data)
    (tmp_path / "config" / "topics.json.bak").write_bytes(b'{"topicConfigTable":{"B":{}}}')
    store = StoreDirectory(tmp_path)
    loaded = [load_table(store, "topics.json", broker) for broker in ("4.9", "5.3", "5.5")]
    assert ["bak" if one.file.endswith(".bak") else one.table for one in loaded] == list(DECODED[data])
