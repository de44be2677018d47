"""Dumping a store: records a second as JSONL, and a key's lookup through the index, each beside what the machine itself
does.

Run: python benchmarks/inspect_dump.py [--records N] [--body BYTES]. Makes a store with our own store code,
which leaves it in the page cache, then runs `mqadmin store dump` as a process of its own, start of the
interpreter included. CPU seconds tell more than wall seconds on a machine that others use too; both are printed.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import zlib
from pathlib import Path

from rocketmq_ops.store.config import MessageStoreConfig
from rocketmq_ops.store.inner_message import InnerMessage
from rocketmq_ops.store.message_store import MessageStore

BORN = bytes([127, 0, 0, 1, 0, 0, 0x80, 0])
CHILD = """
import resource, sys
from rocketmq_ops.mqadmin.main import run
code = run(sys.argv[1:])
sys.stdout.flush()
used = resource.getrusage(resource.RUSAGE_SELF)
peak = next((line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")), "0")
sys.stderr.write(f"\\nUSED {used.ru_utime + used.ru_stime} {int(peak) // 1024}")
sys.exit(code)
"""


async def make_store(folder: str, records: int, body: bytes) -> None:
    """Messages as a Java client sends them: a unique key, a key, a tag, flags."""
    store = MessageStore(MessageStoreConfig(storePathRootDir=folder), store_host=("127.0.0.1", 10911))
    store.load()
    store.start()
    for number in range(records):
        notes = {
            "KEYS": f"order-{number}",
            "UNIQ_KEY": f"FD0000000000000000000000000000021FAF3094{number:016X}",
            "CLUSTER": "DefaultCluster",
            "WAIT": "true",
            "TAGS": f"Tag{number % 7}",
        }
        encoded = "".join(f"{k}\x01{v}\x02" for k, v in notes.items()).encode()
        store.put_message(InnerMessage("Orders", number % 8, body, notes, encoded, BORN, 1_795_246_864_178 + number))
    await store.shutdown()


def timed(*arguments: str) -> tuple[float, float, int, int]:
    """Wall seconds, CPU seconds, peak MB and lines of one `mqadmin` run."""
    began = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-c", CHILD, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as child:
        assert child.stdout is not None and child.stderr is not None
        lines = 0
        while data := child.stdout.read(1 << 20):
            lines += data.count(b"\n")
        tail = child.stderr.read().decode()
    wall = time.perf_counter() - began
    if child.returncode != 0:
        raise SystemExit(tail)
    cpu, peak = tail.rpartition("USED ")[2].split()
    return wall, float(cpu), int(peak), lines


def machine(log: Path) -> dict[str, float]:
    """MB/s of `cat`, and of crc32 and sha256 over blocks of the log."""
    size = sum(extent_bytes(f) for f in log.iterdir())
    command = f"head -c {size} {log}/* 2>/dev/null | cat > /dev/null"
    began = time.perf_counter()
    subprocess.run(["sh", "-c", command], check=False)
    speeds = {"cat": size / (time.perf_counter() - began) / 1e6}
    block = next(log.iterdir()).open("rb").read(8 << 20)
    for name, function in (("crc32", zlib.crc32), ("sha256", hashlib.sha256)):
        began = time.process_time()
        for _ in range(8):
            function(block)
        speeds[name] = 8 * len(block) / (time.process_time() - began) / 1e6
    return speeds


def extent_bytes(file: Path) -> int:
    """What the file takes on the disk: preallocated files are mostly holes."""
    return file.stat().st_blocks * 512


def measure(root: Path, records: int, rounds: int) -> dict[str, object]:
    """All figures of one store."""
    # The interpreter, numpy and the first record: what every dump pays before it begins.
    start_cpu = statistics.median(
        timed("store", "dump", str(root), "--limit", "1", "--output", "jsonl")[1] for _ in range(3)
    )
    result: dict[str, object] = {"records": records, "start_cpu_s": round(start_cpu, 3)}
    for body in ("none", "utf-8"):
        runs = [timed("store", "dump", str(root), "--output", "jsonl", "--body", body) for _ in range(rounds)]
        if any(lines != records for *_, lines in runs):
            raise SystemExit(f"not every record was dumped: {runs}")
        wall, cpu = (statistics.median(run[i] for run in runs) for i in (0, 1))
        result[f"jsonl body {body}"] = {
            "records_per_wall_s": round(records / wall),
            "records_per_cpu_s": round(records / (cpu - start_cpu)),
            "peak_mb": max(run[2] for run in runs),
        }
    for key in (0, records // 2, records - 1):
        wall, cpu, peak, lines = timed(
            "store", "dump", str(root), "-t", "Orders", "--key", f"order-{key}", "--output", "jsonl"
        )
        assert lines == 1
        result[f"key of record {key}"] = {
            "wall_s": round(wall, 3),
            "beyond_start_cpu_s": round(cpu - start_cpu, 3),
            "peak_mb": peak,
        }
    return result


def main() -> None:
    """Make the store where none is given, and print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=300_000)
    parser.add_argument("--body", type=int, default=128, help="bytes")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="inspect-dump-") as folder:
        asyncio.run(make_store(folder, options.records, os.urandom(options.body // 2).hex().encode()))
        log = Path(folder) / "commitlog"
        speeds = machine(log)
        report = {
            "python": sys.version.split()[0],
            "body_bytes": options.body,
            "machine_mb_s": {name: round(speed) for name, speed in speeds.items()},
            **measure(Path(folder), options.records, options.rounds),
        }
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
