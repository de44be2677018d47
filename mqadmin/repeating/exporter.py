"""An exporter for Prometheus: `GET /metrics` answers with the text of the last run."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

from rocketmq_ops.common.addresses import parse_address
from rocketmq_ops.common.errors import RocketMQError, system_words

#: A request has one line and some headers; what is longer is none of a collector.
_MOST_BYTES = 16 << 10
_SECONDS = 5.0


@contextlib.asynccontextmanager
async def served(address: str, text: Callable[[], str]) -> AsyncIterator[None]:
    """Serve while the block runs. Raises RocketMQError when it cannot listen at `address`."""
    host, port = parse_address(address)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            async with asyncio.timeout(_SECONDS):
                head = await reader.readuntil(b"\r\n\r\n")
                writer.write(_response(head, text()))
                await writer.drain()
        writer.close()

    try:
        server = await asyncio.start_server(answer, host, port, limit=_MOST_BYTES)
    except OSError as error:
        reason = system_words(error)
        raise RocketMQError(f"cannot listen at {address}: {reason}", "give another address with --listen") from None
    async with server:
        yield


def _response(head: bytes, text: str) -> bytes:
    method, _, rest = head.partition(b" ")
    path = rest.partition(b" ")[0].partition(b"?")[0]
    if method != b"GET":
        status, body = "405 Method Not Allowed", "GET only\n"
    elif path not in (b"/metrics", b"/"):
        status, body = "404 Not Found", "the metrics are at /metrics\n"
    elif not text:
        status, body = "503 Service Unavailable", "the first run has not ended yet\n"
    else:
        status, body = "200 OK", text
    content = body.encode()
    return (
        f"HTTP/1.1 {status}\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"
        f"Content-Length: {len(content)}\r\nConnection: close\r\n\r\n"
    ).encode() + content
