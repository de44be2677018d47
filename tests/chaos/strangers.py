"""Who begins handshakes of TLS with a server, and ends none."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import suppress

from rocketmq_ops.common.tasks import Tasks
from tests.chaos.link import SERVER

#: More than a server has of clients.
STRANGERS = 500


def hello() -> bytes:
    """The first bytes of a client."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    outgoing = ssl.MemoryBIO()
    with suppress(ssl.SSLWantReadError):
        context.wrap_bio(ssl.MemoryBIO(), outgoing).do_handshake()
    return outgoing.read()


async def strangers(port: int, seconds: float) -> None:
    """Keep STRANGERS connections with a handshake, or the half of its first record, open for so long."""
    first = hello()
    writers: list[asyncio.StreamWriter] = []

    async def come(number: int) -> None:
        with suppress(OSError):
            _, writer = await asyncio.open_connection(SERVER, port)
            writers.append(writer)
            writer.write(first if number % 2 else first[: len(first) // 2])

    tasks = Tasks()
    for number in range(STRANGERS):
        tasks.start(come(number), "stranger")
    await asyncio.sleep(seconds)
    await tasks.stop()
    for writer in writers:
        writer.transport.abort()
