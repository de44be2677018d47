"""Cost of the index alone: hashing keys, putting them, querying them; in µs.

Run: python benchmarks/index_append.py [--count N]. One thread, an index with Apache's sizes (5,000,000 slots) in a
temporary folder, so the slots are hit at random over 20 MB.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from rocketmq_ops.common.clock import now_ms
from rocketmq_ops.common.java_hash import hash_onto, unique_key_hash_onto
from rocketmq_ops.store.config import MessageStoreConfig
from rocketmq_ops.store.files.checkpoint import StoreCheckpoint
from rocketmq_ops.store.files.filesystem import OsFileSystem
from rocketmq_ops.store.index.index_service import IndexService
from rocketmq_ops.store.running_flags import RunningFlags


def timed(name: str, count: int, work: Callable[[], object]) -> None:
    """Run once and print µs of CPU for each of `count`."""
    began = time.process_time()
    work()
    print(f"{name:44s} {(time.process_time() - began) / count * 1e6:6.2f} µs")


def plain_hash(text: str) -> int:
    """String.hashCode character by character, to compare with."""
    value = 0
    for unit in text.encode():
        value = value * 31 + unit
    return value & 0xFFFFFFFF


def run(count: int) -> None:
    """Print the table."""
    rng = random.Random(1)
    unique = [f"7F0000010A2C18B4AAC2{rng.getrandbits(48):012X}" for _ in range(count)]
    keys = [f"order-{number}" for number in range(count)]
    timed("hash of a unique key, one character at a time", count, lambda: [plain_hash(key) for key in unique])
    timed("hash of a unique key (32 digits)", count, lambda: [unique_key_hash_onto(key) for key in unique])
    timed("hash of a key (11 characters)", count, lambda: [hash_onto(key) for key in keys])
    with tempfile.TemporaryDirectory(prefix="index-append-") as folder:
        config = MessageStoreConfig(storePathRootDir=folder)
        fs = OsFileSystem()
        checkpoint = StoreCheckpoint(fs, f"{folder}/checkpoint")
        checkpoint.load()
        index = IndexService(fs, config, checkpoint, RunningFlags(), now_ms)
        index.load(clean=True)
        offset = 0

        def put(number_of_keys: int) -> None:
            nonlocal offset
            for one, key in zip(unique, keys, strict=True):
                offset += 200
                index.put_keys("BenchmarkTest", one, key if number_of_keys == 2 else None, offset, 1_700_000_000_000)

        put(1)  # takes the blocks of the slots
        timed("message with a unique key", count, lambda: put(1))
        timed("message with a unique key and a key", count, lambda: put(2))
        some = unique[:: max(1, count // 5000)]
        timed("query", len(some), lambda: [index.query_offset("BenchmarkTest", one, 32, 0, 1 << 62) for one in some])
        (path,) = (Path(folder) / "index").iterdir()
        print(f"{index.files[-1].count - 1} entries take {path.stat().st_blocks * 512 >> 10} KiB of disk")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100_000)
    run(parser.parse_args().count)
