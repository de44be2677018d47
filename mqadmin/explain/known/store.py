"""Texts about a broker's store."""

from __future__ import annotations

from typing import Final

from rocketmq_ops.mqadmin.explain.known.entry import CHECK, DISK, LOAD, Known

KNOWN: Final[tuple[Known, ...]] = (
    Known(
        "create-mapped-file",
        "SendMessageProcessor",
        ("create mapped file failed, server is busy or broken.",),
        "the broker could not make the next file of its commitlog: no space, no permission, no memory to map it, or "
        "making it took too long",
        "free space on the disk; check owner and permissions of the store, vm.max_map_count and the limit of memory",
        DISK,
    ),
    Known(
        "create-mapped-file-log",
        "CommitLog",
        ("create mapped file1 error", "create mapped file2 error", "create maped file1 error"),
        "the broker could not make the next file of its commitlog",
        "free space on the disk; check owner and permissions of the store, and vm.max_map_count",
        DISK,
    ),
    Known(
        "mmap-timeout",
        "AllocateMappedFileService",
        ("create mmap timeout ", "this mmap request expired, maybe cause timeout "),
        "the next file of the commitlog was not ready within 5 s: the disk is slow, or the file is being warmed up",
        "look at the disk's write latency; warmMapedFileEnable makes files slower to make",
        DISK,
    ),
    Known(
        "transient-pool",
        "AllocateMappedFileService",
        ("[NOTIFYME]TransientStorePool is not enough",),
        "all buffers of the transient pool are in use: the disk is slower than messages come",
        "send at a lower rate, use a faster disk, or raise transientStorePoolSize",
        LOAD,
    ),
    Known(
        "service-not-available",
        "SendMessageProcessor",
        ("service not available now",),
        "the broker takes no messages: the disk is fuller than diskSpaceWarningLevelRatio (90 %), it is a slave, it is "
        "stopping, or its store failed. CL, CQ and INDEX are the used shares of the disks",
        "free space on the disk; shorten fileReservedTime, or delete expired files; see that the client sends to a "
        "master",
        DISK,
    ),
    Known(
        "disk-full",
        "DefaultMessageStore",
        ("physic disk maybe full soon", "physic disk of commitLog maybe full soon", "logics disk maybe full soon"),
        "the disk is nearly full; above diskSpaceWarningLevelRatio (90 %) the broker refuses messages, above "
        "diskSpaceCleanForciblyRatio (85 %) it deletes files that have not expired",
        "free space; shorten fileReservedTime",
        DISK,
    ),
    Known(
        "delete-failed",
        "DefaultMessageStore",
        ("disk space will be full soon, but delete file failed.",),
        "the disk is nearly full, and there was no expired file to delete, or one is still being read",
        "shorten fileReservedTime, or free space otherwise",
        DISK,
    ),
    Known(
        "not-writable",
        "SendMessageProcessor",
        ("the broker's disk is full [", "message store is not writeable", "message store is not writable"),
        "the store takes no messages: the disk is full, or writing a queue or the index failed before",
        "free space on the disk, then restart the broker if it stays so",
        DISK,
    ),
    Known(
        "store-shut-down",
        "DefaultMessageStore",
        ("message store has shutdown, so",),
        "the broker is stopping: its store takes and gives no messages",
        "wait until it runs again; clients go to other brokers",
        ("clusterList",),
    ),
    Known(
        "offset-not-matched",
        "MappedFileQueue",
        ("Offset not matched. Request offset: ", "Offset for … not matched. Request offset: "),
        "the store was asked for an offset that none of its files holds (3.x: `mapedFileSize`): a consumer far behind "
        "whose messages expired, a slave ahead of its master, or, where firstOffset or lastOffset is off by one file, "
        "a harmless warning of the flush",
        "where consumers stand still or a slave stays behind: compare their offsets; check the store offline",
        ("consumerProgress -g GROUP", "haStatus -b HOST:PORT", "store check STORE_DIR"),
        ("findMapedFileByOffset offset not matched, request Offset: ",),
    ),
    Known(
        "length-not-matched",
        "MappedFileQueue",
        ("length not matched message store config value",),
        "a file of the store has another length than the configuration says: mappedFileSizeCommitLog or "
        "mappedFileSizeConsumeQueue was changed, the file was cut off, or a copy is not complete",
        "set the old size again, or move the file away after `store check` says what it holds",
        CHECK,
    ),
    Known(
        "files-not-adjacent",
        "MappedFileQueue",
        ("the adjacent mappedFile's offset don't match",),
        "a file of a row of equal files is missing or has another name",
        "look for the file; `store check` says which",
        CHECK,
    ),
    Known(
        "request-pos-invalid",
        "DefaultMappedFile",
        ("selectMappedBuffer request pos invalid",),
        "a record was looked for behind what is written of its file: a queue points to where the commitlog ends "
        "earlier, as after a power cut",
        "check the store offline; `store rebuild` makes the queues anew from the commitlog",
        CHECK,
    ),
    Known(
        "illegal-magic",
        "CommitLog",
        ("found a illegal magic code 0x",),
        "the commitlog holds bytes that are no record: damage, or the end of what was written before a crash",
        "check the store before the broker starts again: recovery cuts off what follows",
        ("store check STORE_DIR", "store predict STORE_DIR", "store salvage STORE_DIR TARGET_DIR"),
    ),
    Known(
        "crc-failed",
        "CommitLog",
        ("CRC check failed. bodyCRC=",),
        "the body of a record is not the one that was stored",
        "check the disk and the store; `store salvage` saves what is whole",
        ("store check STORE_DIR", "store salvage STORE_DIR TARGET_DIR"),
    ),
    Known(
        "reput-fell-behind",
        "DefaultMessageStore",
        ("this usually indicate that the dispatch behind too much and the commitlog has expi",),
        "queues were built so slowly that the commitlog they are built from expired: messages between are lost to "
        "consumers",
        "look at the disk; keep files longer",
        ("brokerStatus -b HOST:PORT", "store check STORE_DIR"),
    ),
    Known(
        "already-started",
        "DefaultMessageStore",
        ("Lock failed, MQ already started",),
        "another broker runs on the same store (or one that was thought to be stopped)",
        "stop that process; two brokers never share storePathRootDir",
    ),
    Known(
        "wrong-store",
        "DefaultMessageStore",
        ("the store may be wrong, so shutdown abnormally, and keep abort file.",),
        "the broker stops and leaves the mark of a crash, so that the next start recovers its files thoroughly",
        "read the lines before it; `store predict` says what the next start will do",
        CHECK,
    ),
    Known(
        "delay-offset-invalid",
        "ScheduleMessageService",
        ("schedule CQ offset invalid.",),
        "a delay level's offset lies outside its queue: delayOffset.json is older or newer than the store",
        "the broker goes on at the nearest offset; check the store",
        ("store check STORE_DIR",),
    ),
)
