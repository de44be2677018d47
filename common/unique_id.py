"""The producer's unique message id (UNIQ_KEY), as Apache's MessageClientIDSetter builds it.

16 bytes in upper-case hex for IPv4: address, low 16 bits of the pid, 4 bytes of identity, ms since the month began,
and a counter.
"""

from __future__ import annotations

import os
import secrets
import socket
from datetime import datetime, timedelta

from rocketmq_ops.common import clock
from rocketmq_ops.common.errors import RocketMQError


def local_ip() -> str:
    """The IPv4 address other hosts would see, found without sending a packet; 127.0.0.1 where there is none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
            return str(probe.getsockname()[0])
        except OSError:
            return "127.0.0.1"


def month_start_ms(now_ms: int) -> int:
    """Local midnight of the first day of the month of `now_ms`, in ms."""
    moment = datetime.fromtimestamp(now_ms / 1000)
    return int(moment.replace(day=1, hour=0, minute=0, second=0, microsecond=0).timestamp() * 1000)


class UniqueIdFactory:
    """Makes ids that are unique within this process and, with overwhelming likelihood, among hosts."""

    def __init__(self, ip: str | None = None, pid: int | None = None) -> None:
        address = socket.inet_pton(socket.AF_INET, ip or local_ip())
        process = (os.getpid() if pid is None else pid) & 0xFFFF
        self._prefix = (address + process.to_bytes(2, "big") + secrets.token_bytes(4)).hex().upper()
        self._counter = secrets.randbelow(0x10000)
        self._start = self._next_start = 0

    def create(self) -> str:
        """The next id."""
        now = clock.now_ms()
        if now >= self._next_start:
            self._start = month_start_ms(now)
            self._next_start = month_start_ms(self._start + 32 * 86_400_000)
        self._counter = (self._counter + 1) & 0xFFFF
        return f"{self._prefix}{(now - self._start) & 0xFFFFFFFF:08X}{self._counter:04X}"


def near_time_of(unique_id: str, now_ms: int | None = None) -> int:
    """The time in ms at which an id was made, up to the months that it does not distinguish.

    Raises RocketMQError for another text.
    """
    try:
        raw = bytes.fromhex(unique_id)
    except ValueError:
        raw = b""
    if len(raw) not in (16, 28):
        raise RocketMQError(
            f"invalid unique message id '{unique_id}': expected 32 hex digits, or 56 for an IPv6 producer"
        )
    span = int.from_bytes(raw[-6:-2], "big")
    now = clock.now_ms() if now_ms is None else now_ms
    start = month_start_ms(now)
    if start + span >= now:
        before = datetime.fromtimestamp(start / 1000) - timedelta(days=1)
        start = month_start_ms(int(before.timestamp() * 1000))
    return start + span
