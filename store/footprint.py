"""What a store will take of the disk, from its configuration, in words for the operator."""

from __future__ import annotations

from rocketmq_ops.store.config import MessageStoreConfig
from rocketmq_ops.store.files.filesystem import DiskUsage
from rocketmq_ops.store.layout.consume_queue import CQ_UNIT_SIZE
from rocketmq_ops.store.layout.index import file_size


def footprint(config: MessageStoreConfig, usage: DiskUsage) -> str:
    """The sizes of its files, how long they stay, and how much room there is; `usage` is of the commitlog's disk."""
    units = -(-config.mappedFileSizeConsumeQueue // CQ_UNIT_SIZE)
    room = usage.total * config.diskMaxUsedSpaceRatio // 100 - usage.used
    until = f"{amount(room)} from now" if room > 0 else "they are already"
    parts = [
        f"disk: {config.storePathRootDir}, blocks taken as messages come: commitlog files of "
        f"{amount(config.mappedFileSizeCommitLog)} kept {config.fileReservedTime} h, less once "
        f"{config.diskMaxUsedSpaceRatio}% of the disk are used ({until})",
        f"consumequeue files of {amount(units * CQ_UNIT_SIZE)} (each {units:,} messages of a queue)",
    ]
    if config.messageIndexEnable:
        size = file_size(config.maxHashSlotNum, config.maxIndexNum)
        parts.append(f"index files of {amount(size)} (each {config.maxIndexNum - 1:,} keys)")
    return ", ".join(parts)


def amount(size: int) -> str:
    """Bytes with the unit that suits them."""
    value = float(size)
    for unit in ("bytes", "KiB", "MiB"):
        if value < 1024:
            return f"{value:.4g} {unit}"
        value /= 1024
    return f"{value:,.1f} GiB" if value % 1 else f"{value:,.0f} GiB"
