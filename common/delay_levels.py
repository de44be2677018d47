"""The delays of messageDelayLevel: a broker's setting by which delayed messages are due."""

from __future__ import annotations

from typing import Final

from rocketmq_ops.common.errors import RocketMQError

#: The setting's default, here and in Apache's brokers.
DEFAULT_DELAY_LEVELS: Final = "1s 5s 10s 30s 1m 2m 3m 4m 5m 6m 7m 8m 9m 10m 20m 30m 1h 2h"
#: Key of this toolkit's broker alone in delayOffset.json: where the commitlog ended when the levels were as the file
#: says, so that what was delivered since lies behind it. Apache's broker passes over it, and writes the file without.
LOG_END: Final = "logEnd"
_UNIT_MS: Final = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


def parse_delay_levels(text: str = DEFAULT_DELAY_LEVELS) -> list[int]:
    """The delays in ms, level 1 first (DefaultMessageStore.parseDelayLevel). Raises RocketMQError naming a bad one."""
    delays = []
    for word in text.split():
        if word[-1] not in _UNIT_MS or not word[:-1].isascii() or not word[:-1].isdigit():
            raise RocketMQError(
                f"invalid delay '{word}' in messageDelayLevel", "write a number with s, m, h or d, for example 30s"
            )
        delays.append(int(word[:-1]) * _UNIT_MS[word[-1]])
    return delays
