"""Apache's broker on stores that we rebuilt and salvaged: it starts, and its client reads exactly what the proof says."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.interop import stores
from tests.interop.apache import Broker, Driver
from tests.interop.ours import OurNameServer
from tests.interop.raw import wait_for_route

from rocketmq_ops.common.message_codec import decode_message
from rocketmq_ops.store.config import MessageStoreConfig
from rocketmq_ops.store.inner_message import InnerMessage
from rocketmq_ops.store.inspect.reading.scan import Block, walk
from rocketmq_ops.store.inspect.reading.store_files import StoreDirectory
from rocketmq_ops.store.inspect.salvage.proof import PROOF_NAME, Changed, Dropped, Kept, read_proof
from rocketmq_ops.store.inspect.salvage.rebuild import rebuild
from rocketmq_ops.store.inspect.salvage.salvage_store import salvage
from rocketmq_ops.store.inspect.salvage.verify import verify
from rocketmq_ops.store.message_store import MessageStore

VERSIONS = ("5.3.3", "5.5.0")  # each on the golden store that it wrote
# Their queues grow when the broker starts: it delivers what was delayed.
GROWING = ("GoldDelay", "SCHEDULE_TOPIC_XXXX", "RMQ_SYS", "rmq_sys", "%RETRY%", "OFFSET_MOVED")
OUR_SIZES = {**stores.SIZES, "mappedFileSizeCommitLog": "65536"}

Queues = dict[tuple[str, int], list[stores.Message]]


@dataclass
class Proof:
    """What a proof says, to be asked message by message."""

    kept: list[Kept] = field(default_factory=list)
    changed: dict[int, Changed] = field(default_factory=dict)
    dropped: list[Dropped] = field(default_factory=list)

    @classmethod
    def read(cls, store: Path) -> Proof:
        proof = cls()
        for line in read_proof(store / PROOF_NAME):
            if isinstance(line, Kept):
                proof.kept.append(line)
            elif isinstance(line, Changed):
                proof.changed[line.offset] = line
            elif isinstance(line, Dropped):
                proof.dropped.append(line)
        return proof

    def apply(self, message: stores.Message) -> stores.Message | None:
        """The message as the new store must serve it, None when it was dropped."""
        offset = message["commitLogOffset"]
        for line in self.kept:
            if line.offset <= offset < line.offset + line.size:
                place = (message["topic"], message["queueId"])
                by = next((s.by for s in line.shifts if (s.topic, s.queue_id) == place), 0)
                return {**message, "queueOffset": message["queueOffset"] - by}
        if offset in self.changed:
            new = {name: values[1] for name, values in self.changed[offset].fields.items() if name in message}
            return {**message, **new}
        assert any(d.offset <= offset < d.offset + d.size for d in self.dropped), f"nothing is said of {offset}"
        return None

    def expected(self, messages: list[stores.Message]) -> Queues:
        return stores.by_queue([m for m in map(self.apply, messages) if m is not None])


@pytest.fixture(scope="module")
def nameserver(scratch: Path) -> Iterator[str]:
    server = OurNameServer(scratch / "salvage-namesrv")
    server.child.wait_for("boot success")
    yield server.address
    server.child.kill()


def golden(version: str) -> str:
    return f"{version}-clean"


def check_served(
    driver: Driver, nameserver: str, folder: Path, store: Path, expected: Queues, sizes: dict[str, str], keyed: str
) -> None:
    """Start Apache's broker on the store and pull every queue: each holds what is expected, and nothing else."""
    version = driver.version
    broker = Broker(version, folder / "apache", nameserver, store=store, name=f"broker-{folder.name}", settings=sizes)
    try:
        broker.wait_ready()
        wait_for_route(nameserver, keyed, broker.name)
        found = stores.read_queues(driver, nameserver, expected, broker.name)
        for queue, messages in expected.items():
            wanted = [stores.comparable(m) for m in messages]
            got = [stores.comparable(m) for m in found[queue]]
            assert got[: len(wanted)] == wanted, queue
            if not queue[0].startswith(GROWING):
                assert len(got) == len(wanted), queue
        message = next(
            m for (topic, _), ms in expected.items() if topic == keyed for m in ms if "KEYS" in m["properties"]
        )
        key = message["properties"]["KEYS"].split()[0]
        printed = driver.mqadmin("queryMsgByKey", "-n", nameserver, "-t", keyed, "-k", key)
        assert message["msgId"] in printed
    finally:
        broker.child.kill()


@pytest.mark.parametrize("version", VERSIONS)
def test_apaches_broker_serves_a_store_with_rebuilt_queues_and_index(
    version: str, scratch: Path, nameserver: str, drivers: Callable[[str], Driver]
) -> None:
    folder = scratch / f"rebuilt-{version}"
    store = stores.unpack(golden(version), folder)
    rebuild(StoreDirectory(store), folder / "new")
    for name in ("consumequeue", "index"):
        shutil.rmtree(store / name)
    (store / "checkpoint").unlink()
    for name in ("consumequeue", "index", "checkpoint"):
        (folder / "new" / name).rename(store / name)
    expected = stores.by_queue(stores.manifest(golden(version)))
    check_served(drivers(version), nameserver, folder, store, expected, stores.SIZES, "GoldOrders")


def flip(store: Path, offset: int, mask: int = 0x10) -> None:
    base = offset - offset % 262144
    with (store / "commitlog" / f"{base:020d}").open("r+b") as log:
        log.seek(offset - base)
        old = log.read(1)[0]
        log.seek(offset - base)
        log.write(bytes([old ^ mask]))


def damage_middle(store: Path, name: str) -> None:
    """Bodies, a magic, fields, and a zeroed range: what leads to filler, renumbered queues and repairs."""
    orders = [m["commitLogOffset"] for m in stores.manifest(name) if m["topic"] == "GoldOrders"]
    for offset in orders[10:16:2]:
        flip(store, offset + 88)
    flip(store, orders[20] + 4)
    flip(store, orders[25] + 27)  # the queue offset, which the unit knows
    flip(store, orders[30] + 57)  # the store time, which lies between its neighbours'
    with (store / "commitlog" / f"{0:020d}").open("r+b") as log:
        log.seek(orders[40])
        log.write(bytes(orders[44] - orders[40] + 200))
    flip(store, 262144 + 5)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("unclean", [False, True])
def test_apaches_broker_serves_what_the_proof_of_a_salvage_says(
    unclean: bool, version: str, scratch: Path, nameserver: str, drivers: Callable[[str], Driver]
) -> None:
    folder = scratch / f"salvaged-{'unclean' if unclean else 'clean'}-{version}"
    damaged, saved = stores.unpack(golden(version), folder / "damaged"), folder / "store"
    damage_middle(damaged, golden(version))
    result = salvage(StoreDirectory(damaged), saved)
    assert result.dropped == 4  # three bodies and the zeroed range; what one field makes whole is mended
    assert result.changed > 50
    assert verify(saved, damaged).problems == []
    if unclean:  # recovery then walks the whole log, and dispatches all of it again
        (saved / "abort").touch()
        (saved / "checkpoint").unlink()
        shutil.rmtree(saved / "consumequeue")
        shutil.rmtree(saved / "index")
    expected = Proof.read(saved).expected(stores.manifest(golden(version)))
    assert sum(map(len, expected.values())) > {"5.3.3": 400, "5.5.0": 380}[version]
    check_served(drivers(version), nameserver, folder, saved, expected, stores.SIZES, "GoldOrders")


def write_store(root: Path) -> list[stores.Message]:
    """A store of ours with several small files; its messages as the manifests tell them."""
    config = MessageStoreConfig(
        storePathRootDir=str(root), mappedFileSizeCommitLog=65536, mappedFileSizeConsumeQueue=6000, maxHashSlotNum=1000,
        maxIndexNum=4000, maxMessageSize=32768,
    )  # fmt: skip
    store = MessageStore(config, store_host=("127.0.0.1", 10911))
    store.load()
    for i in range(600):
        properties = {"UNIQ_KEY": f"7F0000010000{i:020d}", "KEYS": f"key{i}", "TAGS": f"tag{i % 3}", "WAIT": "true"}
        text = "".join(f"{k}\x01{v}\x02" for k, v in properties.items())
        store.put_message(
            InnerMessage(
                topic="SavedTopic", queue_id=i % 4, flag=i % 7, sys_flag=0, born_timestamp=1_700_000_000_000,
                born_host=bytes([127, 0, 0, 1, 0, 0, 1, 2]), body=f"body {i} ".encode() * 20, properties=properties,
                properties_bytes=text.encode(),
            )
        )  # fmt: skip
    store.close()
    (root / "abort").unlink(missing_ok=True)
    blocks = [b for b in walk(StoreDirectory(root).commitlog) if isinstance(b, Block)]
    messages = [decode_message(block.record(i)) for block in blocks for i in range(block.count)]
    return [
        {"topic": m.topic, "queueId": m.queue_id, "queueOffset": m.queue_offset, "commitLogOffset": m.commit_log_offset,
         "msgId": m.msg_id, "offsetMsgId": m.offset_msg_id, "properties": m.properties, "flag": m.flag}
        for m in messages
    ]  # fmt: skip


@pytest.mark.parametrize("version", VERSIONS)
def test_apaches_broker_passes_over_a_file_that_is_all_blank(
    version: str, scratch: Path, nameserver: str, drivers: Callable[[str], Driver]
) -> None:
    folder = scratch / f"blank-{version}"
    messages = write_store(folder / "damaged")
    assert len(messages) == 600
    (folder / "damaged" / "commitlog" / f"{65536:020d}").unlink()
    salvage(StoreDirectory(folder / "damaged"), folder / "store")
    assert verify(folder / "store", folder / "damaged").problems == []
    expected = Proof.read(folder / "store").expected(messages)
    count = sum(map(len, expected.values()))
    assert 200 < count < 500
    config = folder / "store" / "config"
    config.mkdir(exist_ok=True)
    (config / "topics.json").write_text(
        '{"dataVersion":{"counter":1,"stateVersion":0,"timestamp":1700000000000},"topicConfigTable":{"SavedTopic":'
        '{"order":false,"perm":6,"readQueueNums":4,"topicFilterType":"SINGLE_TAG","topicName":"SavedTopic",'
        '"topicSysFlag":0,"writeQueueNums":4}}}'
    )
    broker = Broker(
        version,
        folder / "apache",
        nameserver,
        store=folder / "store",
        name=f"broker-blank-{version}",
        settings=OUR_SIZES,
    )
    try:
        broker.wait_ready()
        wait_for_route(nameserver, "SavedTopic", broker.name)
        found = stores.read_queues(drivers(version), nameserver, expected, broker.name)
        for queue, wanted in expected.items():
            got = [
                {name: m[name] for name in ("queueOffset", "commitLogOffset", "msgId", "flag")} for m in found[queue]
            ]
            assert got == [{name: m[name] for name in got[0]} for m in wanted], queue
    finally:
        broker.child.kill()
