"""A store with a topic that has batch queues, as Apache's 5.x writes it: made from a store of ours, whose records and
queues of that topic are changed in place."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path

from rocketmq_ops.store.inspect.reading.store_files import StoreDirectory
from rocketmq_ops.store.inspect.salvage.rebuild import rebuild
from tests.store.inspect.damage import Sound, overwrite, write_config
from tests.store.store_helpers import Clock, message, open_store

BATCHES = 40
SIZE = 5  # messages of a batch; every third record is a single message


def base_of(number: int) -> int:
    """The queue offset of the first message of the record with this number."""
    return sum(1 if i % 3 == 2 else SIZE for i in range(number))


def write_batch_store(root: Path, **config: object) -> None:
    """Records of B in batches, of T one by one; the queues of B are built as a broker builds them."""

    async def write() -> None:
        clock = Clock()
        store = open_store(root, clock=clock, **config)
        store.start()
        for i in range(BATCHES):
            clock.now += 1_000
            batch = {} if i % 3 == 2 else {"INNER_NUM": str(SIZE), "INNER_BASE": f"{base_of(i)}"}
            for topic, more in (("T", {}), ("B", batch)):
                one = message(topic, 0, b"body %d " % i * 30, KEYS=f"key-{i}", TAGS="A", **more)
                assert store.put_message(one).status == 0
        await store.shutdown()

    asyncio.run(write())
    write_config(root)
    topics = json.loads((root / "config" / "topics.json").read_text())
    topics["topicConfigTable"]["B"]["attributes"] = {"queue.type": "BatchCQ"}
    (root / "config" / "topics.json").write_text(json.dumps(topics))
    for number, record in enumerate(r for r in Sound(root).records() if r.topic == "B"):
        if base_of(number) != number:
            at = record.position + record.field("queueOffset").offset
            overwrite(record.file, at, base_of(number).to_bytes(8, "big"))
    shutil.rmtree(root / "consumequeue" / "B")
    built = root.with_name(root.name + "-built")
    store = StoreDirectory(root)
    rebuild(store, built)
    store.close()
    shutil.move(built / "batchconsumequeue", root / "batchconsumequeue")
    shutil.rmtree(built)
