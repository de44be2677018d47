"""What Apache's timer store has on disk: a slot of `timerwheel`, a unit of `timerlog`, and `config/timercheck`.

Source: Slot, TimerLog, TimerCheckpoint. Our note in `timercheck` lies far behind Apache's fields, whose broker neither
reads nor changes it; behind it is its CRC.
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
#: Slots of a wheel, whatever the precision: two rounds of seven days in seconds.
WHEEL_SLOTS: Final = 2 * 7 * 86_400

LOG_UNIT: Final = Layout(
    FieldType("size", "i"),  # of the unit
    FieldType("previous", "q"),  # position of the slot's unit before, -1 without one
    FieldType("magic", "i"),
    FieldType("write_time", "q"),  # ms
    FieldType("delay", "i"),  # ms from there to the slot's time
    FieldType("physical_offset", "q"),  # of the waiting message
    FieldType("message_size", "i"),
    FieldType("topic_hash", "i"),
    FieldType("reserved", "q"),
)
#: Ends a file of the timerlog whose rest is unused.
LOG_BLANK: Final = Layout(FieldType("size", "i"), FieldType("previous", "q"), FieldType("magic", "i"))
LOG_BLANK_MAGIC: Final = -875286124

CHECKPOINT: Final = Layout(
    FieldType("last_read_time", "q"),  # ms
    FieldType("last_timer_log_flush_position", "q"),
    FieldType("last_timer_queue_offset", "q"),
    FieldType("master_timer_queue_offset", "q"),
)
#: Behind it since 5.0.1.
CHECKPOINT_VERSION: Final = Layout(
    FieldType("state_version", "q"), FieldType("timestamp", "q"), FieldType("counter", "q")
)
CHECKPOINT_FILE_SIZE: Final = 4096
NOTE_POSITION: Final = 1024
NOTE_MAGIC: Final = b"TIMERS01"
NOTE: Final = Layout(
    FieldType("magic", f"{len(NOTE_MAGIC)}s"),
    FieldType("fields", CHECKPOINT),
    FieldType("before", CHECKPOINT),
    FieldType("delivered_behind", "q"),  # bytes of the commitlog
    FieldType("waiting", "q"),  # messages
    FieldType("precision", "q"),  # ms
)
NOTE_CRC: Final = Layout(FieldType("crc", "I"))
