"""What Apache's timer store has on disk: a slot of `timerwheel`, and `config/timercheck`.

Source: Slot, TimerCheckpoint.
"""

from __future__ import annotations

from typing import Final

from rocketmq_ops.common.layout import FieldType, Layout

SLOT: Final = Layout(
    FieldType("time", "q"),  # in units of timerPrecisionMs
    FieldType("first", "q"),  # positions in the timerlog
    FieldType("last", "q"),
    FieldType("count", "i"),  # messages
    FieldType("magic", "i"),
)
CHECKPOINT: Final = Layout(
    FieldType("last_read_time", "q"),  # ms
    FieldType("last_timer_log_flush_position", "q"),
    FieldType("last_timer_queue_offset", "q"),
    FieldType("master_timer_queue_offset", "q"),
)
