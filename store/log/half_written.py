"""Finding a record that a power cut has left half written, where no CRC shows it.

What lives here: that one test. What does not: walking and cutting the commitlog (`recovery.py`), which refuses
records whose lengths or body are damaged without it; topic and properties are covered by no CRC.
"""

from __future__ import annotations

from rocketmq_ops.common.record_layout import PROPERTIES_LENGTH

_SECTOR = 512


def is_half_written(view: memoryview, topic_at: int, end: int, properties_length: int) -> bool:
    """True when of a record that seems whole a disk sector with topic or properties was never written.

    `view` is a whole commitlog file, `topic_at` and `end` are the record's topic and end in it. A disk writes whole
    sectors; one that was not written since the file was made is zero, which text never is over such a length."""
    # Without properties a record ends with their length, 0.
    last = end if properties_length else end - PROPERTIES_LENGTH.size
    if not view[last - 1]:
        return True
    for sector in range(topic_at - topic_at % _SECTOR + _SECTOR, last, _SECTOR):
        if not view[sector] and not any(view[sector : min(sector + _SECTOR, last)]):
            return True
    return False
