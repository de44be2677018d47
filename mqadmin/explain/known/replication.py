"""Texts about flushing and replication."""

from __future__ import annotations

from typing import Final

from rocketmq_ops.mqadmin.explain.known.entry import LOAD, REPLICAS, Known

KNOWN: Final[tuple[Known, ...]] = (
    Known(
        "groupcommit-failed",
        "CommitLog",
        ("do groupcommit, wait for flush failed",),
        "SYNC_FLUSH: the message was not on disk within syncFlushTimeout (5 s)",
        "look at the disk's write latency",
        LOAD,
    ),
    Known(
        "sync-transfer-failed",
        "CommitLog",
        ("do sync transfer other node, wait return, but failed",),
        "SYNC_MASTER: no slave confirmed the message in time",
        "look at the slave and the network between",
        REPLICAS,
    ),
    Known(
        "transfer-timeout",
        "GroupTransferService",
        ("transfer message to slave timeout",),
        "SYNC_MASTER: no slave confirmed the message within slaveTimeout (3 s)",
        "look at the slave's disk and the network between",
        REPLICAS,
    ),
    Known(
        "slave-ahead",
        "DefaultHAClient",
        ("master pushed offset not equal the max phy offset in slave",),
        "the log of the slave and what its master sends do not fit: the slave holds messages that the master lacks, as "
        "after a switch of masters or an exchanged disk",
        "stop the slave, keep its store, and let it begin with an empty one",
        ("haStatus -b HOST:PORT", "store diff STORE_DIR OTHER_DIR"),
    ),
    Known(
        "not-enough-replicas",
        "SendMessageProcessor",
        ("in-sync replicas not enough",),
        "fewer replicas are in sync than inSyncReplicas (or minInSyncReplicas) demands",
        "bring the slaves back",
        ("haStatus -c CLUSTER", "getSyncStateSet -c CLUSTER -a HOST:PORT"),
    ),
)
