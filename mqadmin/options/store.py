"""Options about a store's files. What is a key of the broker's configuration has the key's own spelling."""

from __future__ import annotations

from typing import Annotated

from rocketmq_ops.mqadmin.declare import Opt
from rocketmq_ops.mqadmin.values import natural, positive, timestamp

StoreDir = Annotated[str, Opt("STORE_DIR", help="the broker's storePathRootDir")]
TargetDir = Annotated[str, Opt("TARGET_DIR", help="a new directory")]
CommitLogDir = Annotated[
    str, Opt("--commitlog", help="the broker's storePathCommitLog, where it is not STORE_DIR/commitlog")
]
IndexSlots = Annotated[int, Opt("--maxHashSlotNum", help="default: a quarter of maxIndexNum", parse=positive)]
IndexEntries = Annotated[
    int, Opt("--maxIndexNum", help="default: read from the store's index, where it has one", parse=positive)
]
LogFileSize = Annotated[
    int, Opt("--mappedFileSizeCommitLog", help="bytes; default: the length of most files", parse=positive)
]
ReservedHours = Annotated[int, Opt("--fileReservedTime", help="hours that files are kept (default 72)", parse=natural)]
QueueFileSize = Annotated[
    int, Opt("--mappedFileSizeConsumeQueue", help="bytes; default: the length of most files", parse=positive)
]
StoredFrom = Annotated[
    int, Opt("-b", "--begin", help="stored from: ms, or yyyy-MM-dd#HH:mm:ss:SSS", parse=timestamp, metavar="TIME")
]
StoredUntil = Annotated[
    int, Opt("-e", "--end", help="stored until: ms, or yyyy-MM-dd#HH:mm:ss:SSS", parse=timestamp, metavar="TIME")
]
StoredId = Annotated[str, Opt("-i", "--id", help="offset message id, or unique key")]
WithoutCrc = Annotated[bool, Opt("--no-crc", help="leave out the CRCs of bodies")]
