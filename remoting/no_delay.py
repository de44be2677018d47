"""Small writes leave at once (TCP_NODELAY)."""

from __future__ import annotations

import asyncio
import socket


def send_at_once(transport: asyncio.BaseTransport) -> None:
    """Let what is written to a TCP connection leave without waiting for the peer's acknowledgement of what left before.

    Otherwise an answer right after another waits for the peer's delayed acknowledgement, some 40 ms. asyncio's own loop
    sets it on connections that it makes, not on those that a listener made by `socket.create_server` accepts."""
    raw = transport.get_extra_info("socket")
    if raw is not None and raw.family in (socket.AF_INET, socket.AF_INET6):
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
