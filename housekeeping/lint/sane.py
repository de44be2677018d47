"""Values that a broker takes without a word and that are hardly meant: another unit, or outside of what works.

Read by the lint of files and by the doctor's rules about a running broker's configuration. Bounds are those of
MessageStoreConfig and DefaultMessageStore of 5.3.3 where these correct a value in silence.
"""

from __future__ import annotations

from typing import Final, NamedTuple

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30


class Sane(NamedTuple):
    """What a key's value is counted in, and from where to where it is plausible. `corrected`: what the broker does."""

    unit: str
    low: int
    high: int
    corrected: str = ""


SANE: Final[dict[str, Sane]] = {
    "accessMessageInMemoryMaxRatio": Sane("percent of the memory", 1, 95),
    "brokerPermission": Sane("bits: 2 write, 4 read, 6 both", 2, 7),
    "commitIntervalCommitLog": Sane("ms", 1, 60_000),
    "defaultTopicQueueNums": Sane("queues", 1, 1024),
    "deleteCommitLogFilesInterval": Sane("ms", 0, 600_000),
    "diskMaxUsedSpaceRatio": Sane("percent of the disk", 10, 95, "a value outside of it counts as 10 or 95"),
    "diskSpaceCleanForciblyRatio": Sane("percent of the disk", 30, 85, "a value outside of it counts as 30 or 85"),
    "diskSpaceWarningLevelRatio": Sane("percent of the disk", 35, 90, "a value outside of it counts as 35 or 90"),
    "fileReservedTime": Sane("hours", 1, 24 * 366),
    "flushConsumerOffsetInterval": Sane("ms", 100, 600_000),
    "flushDelayOffsetInterval": Sane("ms", 100, 600_000),
    "flushIntervalCommitLog": Sane("ms", 1, 60_000),
    "flushIntervalConsumeQueue": Sane("ms", 1, 60_000),
    "haMaxGapNotInSync": Sane("bytes", MIB, 1 << 40),
    "haSendHeartbeatInterval": Sane("ms", 100, 60_000),
    "haHousekeepingInterval": Sane("ms", 1_000, 600_000),
    "mappedFileSizeCommitLog": Sane("bytes of a commitlog file", 16 * MIB, 2 * GIB - 1),
    "mappedFileSizeConsumeQueue": Sane("bytes of a consumequeue file, 20 a message", 20 * 10_000, 20 * 10_000_000),
    "maxMessageSize": Sane("bytes", KIB, 64 * MIB),
    "osPageCacheBusyTimeOutMills": Sane("ms", 50, 60_000),
    "registerBrokerTimeoutMills": Sane("ms", 1_000, 120_000),
    "registerNameServerPeriod": Sane("ms", 10_000, 60_000, "a value outside of it counts as 10000 or 60000"),
    "sendThreadPoolQueueCapacity": Sane("requests", 100, 1_000_000),
    "slaveTimeout": Sane("ms", 100, 120_000),
    "syncFlushTimeout": Sane("ms", 100, 120_000),
    "transactionCheckInterval": Sane("ms", 1_000, 3_600_000),
    "transactionTimeOut": Sane("ms", 1_000, 3_600_000),
    "waitTimeMillsInPullQueue": Sane("ms", 100, 600_000),
    "waitTimeMillsInSendQueue": Sane("ms", 10, 60_000),
}

#: The bytes of a unit of a consumequeue (ConsumeQueue.CQ_STORE_UNIT_SIZE): files are counted in them.
_UNIT_SIZE: Final = 20


def implausible(key: str, value: str) -> str | None:
    """Why a number is hardly meant so, with the key's unit; None where it is plausible, or is no number."""
    sane = SANE.get(key)
    if sane is None or not value.strip().lstrip("-").isdecimal():
        return None
    number = int(value)
    if key == "mappedFileSizeConsumeQueue" and number == 300_000:
        return (
            f"{key}=300000 is the number of messages of a file, counted in bytes it holds {number // _UNIT_SIZE} of "
            "them: Apache's default is 300000 * 20 = 6000000"
        )
    if sane.low <= number <= sane.high:
        return None
    return (
        f"{key}={number} is counted in {sane.unit}, where {sane.low} to {sane.high} is plausible"
        f"{f'; {sane.corrected}' if sane.corrected else ''}"
    )
