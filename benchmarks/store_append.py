"""Cost of the store alone: append with dispatch and index, and draining a queue, in µs a message.

Run: python benchmarks/store_append.py [--count N] [--profile]. No network, no broker: one thread, one store in a
temporary folder. The message is what a Java client's send becomes: a unique key, a key, a tag and flags as
properties, so two index entries each.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import pstats
import tempfile
import time

from rocketmq_ops.common.message import Message
from rocketmq_ops.common.message_codec import encode_batch
from rocketmq_ops.store.config import MessageStoreConfig
from rocketmq_ops.store.filter import TagFilter
from rocketmq_ops.store.inner_message import InnerMessage
from rocketmq_ops.store.message_store import MessageStore

QUEUES = 8
BORN = bytes([127, 0, 0, 1, 0, 0, 0x80, 0])


def messages(count: int, body: bytes) -> list[InnerMessage]:
    """Messages as the broker would hand them over."""
    result = []
    for number in range(count):
        properties = {
            "KEYS": f"order-{number}",
            "UNIQ_KEY": f"FD0000000000000000000000000000021FAF30946E0968A1{number >> 16:04X}{number & 0xFFFF:04X}",
            "CLUSTER": "DefaultCluster",
            "WAIT": "true",
            "TAGS": "TagA",
        }
        encoded = "".join(f"{k}\x01{v}\x02" for k, v in properties.items()).encode()
        result.append(InnerMessage("BenchmarkTest", number % QUEUES, body, properties, encoded, BORN, 1795246864178))
    return result


def append(store: MessageStore, batch: list[InnerMessage]) -> float:
    """µs a message."""
    put = store.put_message
    began = time.perf_counter()
    for msg in batch:
        put(msg)
    return (time.perf_counter() - began) / len(batch) * 1e6


def drain(store: MessageStore, tag_filter: TagFilter | None = None) -> tuple[float, int]:
    """µs a message, and views a message times 1000."""
    count = views = 0
    began = time.perf_counter()
    for queue_id in range(QUEUES):
        offset = store.min_offset("BenchmarkTest", queue_id)
        while True:
            result = store.get_message("group", "BenchmarkTest", queue_id, offset, 32, tag_filter)
            if not result.count:
                break
            count += result.count
            views += len(result.views)
            offset = result.next_begin_offset
    return (time.perf_counter() - began) / count * 1e6, views * 1000 // count


async def run(count: int, profile: bool) -> None:
    for size in (128, 1024):
        with tempfile.TemporaryDirectory(prefix="store-append-") as folder:
            config = MessageStoreConfig(storePathRootDir=folder)
            store = MessageStore(config, store_host=("127.0.0.1", 10911))
            store.load()
            store.start()
            append(store, messages(1000, b"x" * size))
            work = messages(count, b"x" * size)
            profiler = cProfile.Profile()
            if profile:
                profiler.enable()
            put_us = append(store, work)
            if profile:
                profiler.disable()
                pstats.Stats(profiler).sort_stats("tottime").print_stats(14)
            get_us, views = drain(store)
            tag_us, _ = drain(store, TagFilter.of(["TagA"]))
            print(
                f"{size:5d} B: put {put_us:5.2f} µs, get {get_us:5.2f} µs ({views / 1000:.2f} views a message), "
                f"get by tag {tag_us:5.2f} µs"
            )
            items = [Message("BenchmarkTest", b"x" * size, tags="TagA", keys=f"k{i}") for i in range(32)]
            body = encode_batch(items)
            began = time.perf_counter()
            for _ in range(max(1, count // 320)):
                store.put_messages(InnerMessage("BenchmarkTest", 0, body, {}, b"", BORN, 1795246864178))
            batch_us = (time.perf_counter() - began) / max(1, count // 320) / 32 * 1e6
            print(f"         put in batches of 32: {batch_us:5.2f} µs a message")
            await store.shutdown()
            began = time.perf_counter()
            store = MessageStore(config, store_host=("127.0.0.1", 10911))
            report = store.load()
            print(f"         load after a clean stop: {(time.perf_counter() - began) * 1e3:.0f} ms")
            assert report.clean
            await store.shutdown()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--profile", action="store_true")
    options = parser.parse_args()
    asyncio.run(run(options.count, options.profile))


if __name__ == "__main__":
    main()
