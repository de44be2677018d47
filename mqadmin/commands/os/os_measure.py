"""`mqadmin os measure`: what a disk can do for a broker."""

from __future__ import annotations

from typing import Annotated

from rocketmq_ops.housekeeping.host.measure import LEAST_BYTES, DiskMeasure, measure
from rocketmq_ops.housekeeping.host.record import RefusedError
from rocketmq_ops.mqadmin.declare import Opt, command
from rocketmq_ops.mqadmin.errors import CommandError, usage
from rocketmq_ops.mqadmin.exit_codes import ExitCode
from rocketmq_ops.mqadmin.lang import tr_message
from rocketmq_ops.mqadmin.render.outcome import Cell, Outcome, Table
from rocketmq_ops.mqadmin.run import Run
from rocketmq_ops.mqadmin.values import path, positive

DEFAULT_SECONDS, DEFAULT_MIB = 9, 256


@command(result=DiskMeasure, offline=True, example="mqadmin os measure /data/rocketmq")
async def os_measure(
    run: Run,
    directory: Annotated[str, Opt("DIR", help="a folder on the disk that the broker will use", parse=path)],
    seconds: Annotated[
        int, Opt("--seconds", help=f"measure for about so long (default {DEFAULT_SECONDS})", parse=positive)
    ] = DEFAULT_SECONDS,
    mebibytes: Annotated[
        int, Opt("--mib", help=f"write at most so many MiB (default {DEFAULT_MIB})", parse=positive)
    ] = DEFAULT_MIB,
) -> Outcome:
    """Writes one file without a name, so that nothing is left behind, and not where a broker is running.

    Appends of 4 KiB that are synced one by one, as SYNC_FLUSH does; then writes in a row, and to random places.
    """
    if mebibytes << 20 < LEAST_BYTES:
        raise usage(f"too few --mib: {mebibytes}", f"give {LEAST_BYTES >> 20} or more")
    try:
        data = measure(directory, seconds=seconds, most_bytes=mebibytes << 20)
    except RefusedError as error:
        raise CommandError(error.cause, error.next_step, ExitCode.REFUSED) from error
    return Outcome(data=data, blocks=_blocks(data))


def _blocks(data: DiskMeasure) -> list[Table | str]:
    sync = data.sync
    rows: list[list[Cell]] = [
        [sync.count, *(_milliseconds(us) for us in (sync.p50, sync.p90, sync.p99, sync.p999, sync.max))]
    ]
    rates: list[list[Cell]] = [
        [
            "in a row, 1 MiB",
            round(data.sequential.megabytes_per_second, 1),
            round(data.sequential.writes_per_second, 1),
        ],
        ["random, 4 KiB", round(data.random.megabytes_per_second, 1), round(data.random.writes_per_second, 1)],
    ]
    return [
        f"{data.directory}: {data.bytes / 1e6:.0f} MB written in {data.seconds:.1f} s",
        Table(["#APPENDS SYNCED", "#P50 MS", "#P90 MS", "#P99 MS", "#P99.9 MS", "#MAX MS"], rows),
        Table(["#WRITES", "#MB/S", "#WRITES/S"], rates, ours=("#WRITES",)),
        *map(tr_message, data.notes),
    ]


def _milliseconds(microseconds: int | None) -> float | None:
    return None if microseconds is None else round(microseconds / 1000, 3)
