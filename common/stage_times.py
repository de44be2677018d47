"""How a prober learns when a message of its own went through each stage in a broker of this project.

What lives here: the property by which a message asks for it, the field by which a request for runtime figures asks for
the times, and how they stand in its answer. Apache's clients send neither, and Apache's brokers pass over both: a
property is stored with the message as any is, and a field that a request does not have is not read. Noting the times
is `broker/stats/stage_times.py`'s.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

#: A message with this property, whatever its value, has the times of its stages noted.
PROPERTY_STAGES: Final = "ROCKETMQ_OPS_STAGES"
#: The field of GET_BROKER_RUNTIME_INFO that names the topic whose times are wanted.
STAGES_OF_TOPIC: Final = "stagesOfTopic"
#: The key of the answer that says that the broker notes times; its value is the broker's flushDiskType.
FLUSH_KEY: Final = "stageTimes"
_PREFIX: Final = f"{FLUSH_KEY}_"


class StageTimes(msgspec.Struct, kw_only=True, rename="camel"):
    """When a message was where, in us after its frame was read; None for what was not, or not yet.

    `flushed`: its record is durable. `dispatched`: consumequeue and index have it. `woken`: a held pull for its queue
    had its turn. `answered`: that pull's answer was given to the connection.
    """

    appended: int | None = None
    dispatched: int | None = None
    flushed: int | None = None
    woken: int | None = None
    answered: int | None = None


#: By (queue id, queue offset).
StageTable = dict[tuple[int, int], StageTimes]


def stage_keys(times: StageTable, flush_disk_type: str) -> dict[str, str]:
    """The keys of the answer that has these times."""
    found = {FLUSH_KEY: flush_disk_type}
    for (queue_id, offset), stages in times.items():
        values = msgspec.structs.astuple(stages)
        found[f"{_PREFIX}{queue_id}_{offset}"] = ",".join("" if value is None else str(value) for value in values)
    return found


def split_stage_keys(table: Mapping[str, str]) -> tuple[dict[str, str], str | None, StageTable]:
    """Runtime figures without these keys, the broker's flushDiskType (None: it notes no times), and the times.

    What cannot be read is left out.
    """
    figures = {key: value for key, value in table.items() if not key.startswith(FLUSH_KEY)}
    times: StageTable = {}
    for key, value in table.items():
        place = key.removeprefix(_PREFIX).split("_") if key.startswith(_PREFIX) else ()
        fields = value.split(",")
        if len(place) == 2 and len(fields) == len(StageTimes.__struct_fields__):
            try:
                times[int(place[0]), int(place[1])] = StageTimes(
                    **{
                        name: int(field) if field else None
                        for name, field in zip(StageTimes.__struct_fields__, fields, strict=True)
                    }
                )
            except ValueError:
                continue
    return figures, table.get(FLUSH_KEY), times
