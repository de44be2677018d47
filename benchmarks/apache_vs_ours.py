"""Apache RocketMQ's broker and ours side by side on one machine, under the same Java load.

Both brokers run all the time, each on a fresh store with ASYNC_FLUSH and its defaults; one load JVM drives them in turn
(A B, then B A), so that a slow spell of the machine meets both. Reported: throughput and its ratio, CPU of the broker
process a message, memory, time until ready, and the wall time of `mqadmin topicRoute` of both.

    python benchmarks/apache_vs_ours.py [--quick] [--seconds 5] [--rounds 3] [--modes sync8,drain] [--bodies 128,1024]

Needs a JDK and Maven (see benchmarks/README.md). The processes and the load are in `side_by_side.py`.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.side_by_side import (
    ApacheSide,
    LoadJvm,
    OurSide,
    Side,
    command_time,
    cpu_seconds,
    dev_ready,
    fill_page_cache,
    keep_bytecode,
    machine,
    memory,
    settle,
)
from tests.interop import toolchain

MODES: dict[str, dict[str, Any]] = {
    "sync1": {"op": "sync", "threads": 1},
    "sync8": {"op": "sync", "threads": 8},
    "sync64": {"op": "sync", "threads": 64},
    "async256": {"op": "async", "inflight": 256},
    "batch32": {"op": "batch", "threads": 4, "size": 32},
    "drain": {"op": "drain", "threads": 4},
}
#: What not every broker is asked to do; measured when named.
MORE_MODES: dict[str, dict[str, Any]] = {
    # The half message, and its commit that is not waited for.
    "transaction8": {"op": "transaction", "threads": 8},
    # Delay level 1, until all messages are in their topic: a second of that is the delay.
    "delay8": {"op": "delay", "threads": 8, "level": 1},
    # Timers, each of a second, until all messages are in their topic.
    "timer8": {"op": "delay", "threads": 8, "delayMs": 1000},
    # One message of a hundred is sent to the client; all that were looked at count.
    "sql": {"op": "drain", "threads": 4, "sql": "n = 7"},
    "sql-half": {"op": "drain", "threads": 4, "sql": "n >= 50 AND n IS NOT NULL"},
}
EVERY_MODE = MODES | MORE_MODES


def main() -> None:
    options = parse()
    toolchain.require()
    keep_bytecode()
    with tempfile.TemporaryDirectory(prefix="rocketmq-bench-", dir=options.dir) as folder:
        report = run(options, Path(folder))
    print(markdown(report))
    if options.json:
        Path(options.json).write_text(json.dumps(report, indent=2) + "\n")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--apache", default="5.3.3", choices=toolchain.VERSIONS, help="version of Apache's broker")
    parser.add_argument("--modes", default=",".join(MODES), help="comma separated: " + ", ".join(EVERY_MODE))
    parser.add_argument("--bodies", default="128,1024", help="body sizes in bytes")
    parser.add_argument("--seconds", type=float, default=5.0, help="length of one measurement")
    parser.add_argument(
        "--rounds", type=int, default=3, help="measurements of each mode on each side; the median counts"
    )
    parser.add_argument(
        "--warmup", type=float, default=15.0, help="seconds of load on each side before the first measurement"
    )
    parser.add_argument("--backlog", type=int, default=200_000, help="messages to drain, of each body size")
    parser.add_argument("--quick", action="store_true", help="short: a look at the order of magnitude, not a result")
    parser.add_argument(
        "--cold-memory", action="store_true", help="do not fill free memory with page cache first (see README.md)"
    )
    parser.add_argument("--load-only", action="store_true", help="no start-up, no command times")
    parser.add_argument("--json", help="also write the report there")
    parser.add_argument("--dir", help="folder for the stores (default: the system's temporary folder)")
    options = parser.parse_args()
    if options.quick:
        options.seconds, options.rounds, options.warmup, options.backlog = 1.5, 1, 3.0, 50_000
        options.cold_memory = True
    options.modes = options.modes.split(",")
    unknown = set(options.modes) - set(EVERY_MODE)
    if unknown:
        parser.error(f"unknown modes {', '.join(sorted(unknown))}: choose from {', '.join(EVERY_MODE)}")
    options.bodies = [int(size) for size in options.bodies.split(",")]
    return options


def run(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    report: dict[str, Any] = {
        "machine": machine(),
        "apache": options.apache,
        "quick": options.quick,
        "seconds": options.seconds,
        "cold_memory": options.cold_memory,
    }
    starts = 1 if options.quick or options.load_only else 3
    ready: dict[str, list[dict[str, float]]] = {"apache": [], "ours": []}
    for i in range(starts - 1):
        once: list[Side] = [ApacheSide(folder / f"ready{i}", options.apache), OurSide(folder / f"ready{i}")]
        for side in once:
            ready[side.name].append(side.start())
            side.kill()
    sides: list[Side] = [ApacheSide(folder, options.apache), OurSide(folder)]
    load = LoadJvm(folder)
    try:
        for side in sides:
            ready[side.name].append(side.start())
        report["ready"] = {name: median_of(values) for name, values in ready.items()}
        settle()
        report["memory_idle"] = {side.name: memory(side) for side in sides}
        if not options.load_only:
            report["dev_ready_s"] = statistics.median(dev_ready(folder / f"dev{i}") for i in range(starts))
            report["topic_route"] = {side.name: command_time(side, 1 if options.quick else 5) for side in sides}
        if not options.cold_memory:
            fill_page_cache(folder)
        report["load"] = measure_all(options, load, sides)
        report["memory_loaded"] = {side.name: memory(side) for side in sides}
    finally:
        load.close()
        for side in sides:
            side.kill()
    return report


def median_of(values: list[dict[str, float]]) -> dict[str, float]:
    return {key: statistics.median(value[key] for value in values) for key in values[0]}


def measure_all(options: argparse.Namespace, load: LoadJvm, sides: list[Side]) -> list[dict[str, Any]]:
    for side in sides:
        for mode in ("async256", "sync8", "batch32"):
            load.order(side, {**EVERY_MODE[mode], "topic": "Warm", "body": 128, "seconds": options.warmup / 3})
        load.order(side, {**MODES["drain"], "topic": "Warm"})
    rows = []
    for mode in options.modes:
        for body in options.bodies:
            if EVERY_MODE[mode]["op"] == "drain":
                for side in sides:
                    fill(load, side, mode, body, options.backlog)
            measured: dict[str, list[dict[str, float]]] = {side.name: [] for side in sides}
            for turn in range(options.rounds):
                for side in sides if turn % 2 == 0 else reversed(sides):
                    measured[side.name].append(measure(options, load, side, mode, body))
            row = {"mode": mode, "body": body, **{name: median_of(values) for name, values in measured.items()}}
            row["throughput_ratio"] = row["ours"]["rate"] / row["apache"]["rate"]
            row["cpu_ratio"] = row["ours"]["cpu_us"] / row["apache"]["cpu_us"]
            rows.append(row)
            print(line_of(row), file=sys.stderr, flush=True)
    return rows


def topic_of(mode: str, body: int) -> str:
    """Modes have topics of their own where what is in them matters."""
    return f"{'Load' if mode in MODES and mode != 'drain' else mode.capitalize()}{body}"


def fill(load: LoadJvm, side: Side, mode: str, body: int, backlog: int) -> None:
    order = {**MODES["batch32"], "topic": topic_of(mode, body), "body": body, "seconds": 1.0}
    order["numbered"] = "sql" in EVERY_MODE[mode]
    sent = 0
    while sent < backlog:
        sent += int(load.order(side, order)["messages"])


def measure(options: argparse.Namespace, load: LoadJvm, side: Side, mode: str, body: int) -> dict[str, float]:
    topic = topic_of(mode, body)
    before = cpu_seconds(side.broker_pid)
    result = load.order(side, {**EVERY_MODE[mode], "topic": topic, "body": body, "seconds": options.seconds})
    cpu = cpu_seconds(side.broker_pid) - before
    messages = max(1.0, result["messages"])
    measured = {"rate": messages / result["seconds"], "cpu_us": cpu * 1e6 / messages, "failed": result["failed"]}
    for key in ("p50", "p99"):
        if key in result:
            measured[key] = result[key]
    return measured


def line_of(row: dict[str, Any]) -> str:
    apache, ours = row["apache"], row["ours"]
    latency = (
        f"{apache['p50']:.0f}/{apache['p99']:.0f} | {ours['p50']:.0f}/{ours['p99']:.0f}" if "p50" in ours else "- | -"
    )
    failed = f" (failed: {apache['failed']:.0f}, {ours['failed']:.0f})" if apache["failed"] or ours["failed"] else ""
    return (
        f"| {row['mode']} | {row['body']} | {apache['rate']:,.0f} | {ours['rate']:,.0f} "
        f"| **{row['throughput_ratio']:.2f}**{failed} "
        f"| {apache['cpu_us']:.1f} | {ours['cpu_us']:.1f} | **{row['cpu_ratio']:.2f}** | {latency} |"
    )


def markdown(report: dict[str, Any]) -> str:
    lines = [
        f"Apache RocketMQ {report['apache']} and rocketmq-ops on {report['machine']}"
        + (" (quick look)" if report["quick"] else " (cold memory)" if report["cold_memory"] else ""),
        "",
        "| load | body B | Apache msg/s | ours msg/s | ratio "
        "| Apache CPU µs/msg | ours | ratio | Apache p50/p99 µs | ours |",
        "|---|---|---|---|---|---|---|---|---|---|",
        *(line_of(row) for row in report["load"]),
        "",
        "| | Apache | ours | ratio |",
        "|---|---|---|---|",
    ]

    def pair(what: str, apache: float, ours: float, unit: str, digits: int = 2) -> None:
        lines.append(f"| {what} | {apache:.{digits}f} {unit} | {ours:.{digits}f} {unit} | {ours / apache:.3f} |")

    ready = report["ready"]
    pair("name server and broker say that they are ready", ready["apache"]["boot"], ready["ours"]["boot"], "s")
    pair("start to first message stored", ready["apache"]["first_send"], ready["ours"]["first_send"], "s")
    if "dev_ready_s" in report:
        pair("both in one process (`mqadmin dev`)", ready["apache"]["boot"], report["dev_ready_s"], "s")
    for when in ("idle", "loaded"):
        apache, ours = report[f"memory_{when}"]["apache"], report[f"memory_{when}"]["ours"]
        for key, what in (("anonymous", "anonymous memory"), ("rss", "RSS")):
            pair(f"{what} of broker and name server, {when}", apache[key], ours[key], "MB", 0)
    if "topic_route" in report:
        for key, what in (("wall", "wall time"), ("cpu", "CPU time")):
            pair(
                f"`mqadmin topicRoute`, {what}",
                report["topic_route"]["apache"][key],
                report["topic_route"]["ours"][key],
                "s",
                3,
            )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
