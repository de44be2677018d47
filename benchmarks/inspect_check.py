"""How fast `store check` is: a generated store in the page cache, one core, beside the machine's `cat` and zlib.crc32.

    python benchmarks/inspect_check.py [--mib 256] [--body 128 --body 4096]

Each measurement runs in a process of its own, pinned to one core, and prints its peak resident memory.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import zlib
from pathlib import Path

import numpy as np

from rocketmq_ops.common.addresses import pack_host
from rocketmq_ops.common.record_layout import HEAD_V4, MAGIC_V1, PROPERTIES_LENGTH
from rocketmq_ops.store.inspect.check.check_store import PARTS, CheckOptions, check_store
from rocketmq_ops.store.inspect.reading.store_files import StoreDirectory
from rocketmq_ops.store.inspect.salvage.rebuild import rebuild
from rocketmq_ops.store.layout.blank import blank_of

FILE_SIZE = 64 << 20
QUEUES = 8
START = 1_700_000_000_000
TARGETS = {128: ("records/s", 450_000), 4096: ("MB/s", 1_000)}


def generate(root: Path, mib: int, body_size: int) -> None:
    """A commitlog of `mib` MiB: eight queues of one topic, a tag, a unique key."""
    folder = root / "commitlog"
    folder.mkdir(parents=True)
    config = root / "config"
    config.mkdir()
    topic = {"topicName": "BenchTopic", "readQueueNums": QUEUES, "writeQueueNums": QUEUES, "perm": 6}
    (config / "topics.json").write_text(json.dumps({"topicConfigTable": {"BenchTopic": topic}}))
    (config / "consumerOffset.json").write_text(json.dumps({"offsetTable": {}}))
    bodies = [os.urandom(body_size) for _ in range(64)]
    crcs = [zlib.crc32(body) & 0x7FFFFFFF for body in bodies]
    born, store = pack_host("127.0.0.1", 40000), pack_host("127.0.0.1", 10911)
    number = 0
    for base in range(0, mib << 20, FILE_SIZE):
        parts: list[bytes] = []
        position = 0
        while True:
            properties = b"UNIQ_KEY\x01%032X\x02TAGS\x01Tag%d\x02WAIT\x01true\x02" % (number, number % 5)
            tail = b"\x0aBenchTopic" + PROPERTIES_LENGTH.pack(len(properties)) + properties
            size = HEAD_V4.size + body_size + len(tail)
            if position + size + 8 > FILE_SIZE:
                break
            now = START + number // 40
            parts.append(
                HEAD_V4.pack(
                    size, MAGIC_V1, crcs[number % 64], number % QUEUES, 0, number // QUEUES, base + position, 0, now - 1,
                    born, now, store, 0, 0, body_size,
                )
            )  # fmt: skip
            parts.append(bodies[number % 64])
            parts.append(tail)
            position += size
            number += 1
        parts.append(blank_of(FILE_SIZE - position))
        with open(folder / f"{base:020d}", "wb") as file:
            file.write(b"".join(parts))
            file.truncate(FILE_SIZE)


def peak_mib() -> float:
    """Peak resident memory of this process; ru_maxrss would tell the parent's."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def measure(root: Path, parts: tuple[str, ...], crc: bool) -> dict[str, float]:
    """One check in this process: seconds, what it saw, peak memory."""
    store = StoreDirectory(root)
    began = time.perf_counter()
    result = check_store(store, CheckOptions(parts=parts, crc=crc))
    seconds = time.perf_counter() - began
    if result.report.findings:
        raise SystemExit(f"findings on a generated store: {result.report.findings[:3]}")
    return {"seconds": seconds, "bytes": result.end_offset, "rss": peak_mib(), **result.report.facts}


def units(root: Path) -> dict[str, float]:
    """Only the comparison of units with records, without the walk that feeds it."""
    from rocketmq_ops.store.inspect.check.findings import Report
    from rocketmq_ops.store.inspect.check.queues import QueueCheck
    from rocketmq_ops.store.inspect.reading.dispatch_columns import DispatchDeriver
    from rocketmq_ops.store.inspect.reading.scan import Block, walk

    store, report = StoreDirectory(root), Report()
    queues, deriver = QueueCheck(store, report), DispatchDeriver()
    seconds, end = 0.0, 0
    for block in walk(store.commitlog, crc=False):
        if not isinstance(block, Block):
            continue
        dispatch = deriver.derive(block)
        began = time.perf_counter()
        queues.block(block, dispatch)
        seconds += time.perf_counter() - began
        end = int(block.offsets[-1] + block.head["size"][-1])
    began = time.perf_counter()
    queues.finish(0, end, [])
    seconds += time.perf_counter() - began
    if report.findings:
        raise SystemExit(f"findings on a generated store: {report.findings[:3]}")
    return {"seconds": seconds, "rss": peak_mib(), **report.facts}


def in_a_process(root: Path, what: str) -> dict[str, float]:
    """The best of three runs of `what`, each in a fresh process on one core."""
    runs = []
    for _ in range(3):
        done = subprocess.run(
            [sys.executable, __file__, "--run", what, "--store", str(root)], capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise SystemExit(done.stderr)
        runs.append(json.loads(done.stdout))
    return min(runs, key=lambda run: run["seconds"])


def machine(root: Path) -> str:
    """MB/s of `cat` over the commitlog, and of zlib.crc32 over as much."""
    files = [str(p) for p in sorted((root / "commitlog").iterdir())]
    size = sum(os.path.getsize(f) for f in files)
    began = time.perf_counter()
    with open(os.devnull, "wb") as null:
        subprocess.run(["sh", "-c", 'cat "$@" | cat', "sh", *files], stdout=null, check=True)
    cat = time.perf_counter() - began
    data = Path(files[0]).read_bytes()
    began = time.perf_counter()
    zlib.crc32(data)
    crc = time.perf_counter() - began
    return f"cat | cat {size / cat / 1e6:,.0f} MB/s, zlib.crc32 {len(data) / crc / 1e6:,.0f} MB/s"


def report(root: Path, body: int) -> None:
    """Measure one store and print it."""
    print(f"bodies of {body} bytes: {machine(root)}")
    log = in_a_process(root, "log")
    rate, mb = log["records"] / log["seconds"], log["bytes"] / log["seconds"] / 1e6
    unit, target = TARGETS.get(body, ("records/s", 0))
    print(
        f"  commitlog with CRCs: {rate:,.0f} records/s, {mb:,.0f} MB/s (target {target:,} {unit}), RSS {log['rss']:.0f} MiB"
    )
    cq = in_a_process(root, "units")
    print(f"  consumequeue: {cq['units'] / cq['seconds']:,.0f} units/s (target 10,000,000), RSS {cq['rss']:.0f} MiB")
    full = in_a_process(root, "full")
    print(
        f"  everything: {full['records'] / full['seconds']:,.0f} records/s, {full['bytes'] / full['seconds'] / 1e6:,.0f} MB/s, "
        f"{full['seconds']:.1f} s, RSS {full['rss']:.0f} MiB"
    )


def main() -> None:
    """Generate, measure, remove."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--mib", type=int, default=256)
    parser.add_argument("--body", type=int, action="append")
    parser.add_argument("--run", choices=["log", "units", "full"])
    parser.add_argument("--store", type=Path)
    args = parser.parse_args()
    if args.run:
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
        if args.run == "units":
            print(json.dumps(units(args.store)))
        else:
            print(json.dumps(measure(args.store, ("commitlog",) if args.run == "log" else PARTS, True)))
        return
    print(f"python {sys.version.split()[0]}, numpy {np.__version__}, one core")
    for body in args.body or [128, 4096]:
        folder = Path(tempfile.mkdtemp(prefix="inspect-bench-"))
        try:
            generate(folder / "log", args.mib, body)
            rebuild(StoreDirectory(folder / "log"), folder / "store")
            for name in ("commitlog", "config"):
                (folder / "log" / name).rename(folder / "store" / name)
            report(folder / "store", body)
        finally:
            shutil.rmtree(folder)


if __name__ == "__main__":
    main()
