"""The `checkpoint` file: Apache's fields at its start, and our notes far behind them.

Source of the fields: StoreCheckpoint of 5.5; older ones know the first five and leave the sixth as it is. Apache's
broker neither reads nor changes the bytes of the notes. Behind each note is its CRC.
"""

from __future__ import annotations

from typing import Final

from rocketmq_ops.common.layout import FieldType, Layout
from rocketmq_ops.store.layout.index import HEADER_SIZE

FILE_SIZE: Final = 4096
CHECKPOINT: Final = Layout(
    FieldType("physic_msg_timestamp", "q", "physicMsgTimestamp"),  # ms
    FieldType("logics_msg_timestamp", "q", "logicsMsgTimestamp"),
    FieldType("index_msg_timestamp", "q", "indexMsgTimestamp"),
    FieldType("master_flushed_offset", "q", "masterFlushedOffset"),  # bytes of the commitlog
    FieldType("confirm_phy_offset", "q", "confirmPhyOffset"),
    # where the last record begins whose unit, like all before it, is surely in its consumequeue
    FieldType("logics_physical_offset", "q", "logicsPhysicalOffset"),
)
FIELDS: Final = CHECKPOINT.struct

#: Far behind Apache's fields and in a disk sector of its own, so that one is never torn by the other.
NOTE_POSITION: Final = 1024
NOTE_MAGIC: Final = b"IDXSYNC1"
NOTE: Final = Layout(
    FieldType("magic", f"{len(NOTE_MAGIC)}s"),
    FieldType("file_name", "q"),
    FieldType("header", f"{HEADER_SIZE}s"),
    FieldType("done", "q"),
)
QUEUES_NOTE_POSITION: Final = 2048
QUEUES_NOTE_MAGIC: Final = b"QUEUES01"
QUEUES_NOTE: Final = Layout(
    FieldType("magic", f"{len(QUEUES_NOTE_MAGIC)}s"),
    FieldType("physic_msg_timestamp", "q"),
    FieldType("logics_msg_timestamp", "q"),
    FieldType("queues", "q"),
    FieldType("crc", "I"),  # of the queues' names
)
NOTE_CRC: Final = Layout(FieldType("crc", "I")).struct
