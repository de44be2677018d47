"""A link to a server that can be cut: the same port on another loopback address, forwarded byte for byte."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from rocketmq_ops.common.tasks import Tasks

SERVER, REACHED = "127.0.0.1", "127.0.0.2"


class Link:
    """Forwards `127.0.0.2:port` to `127.0.0.1:port`, unless it is cut or hangs."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._open: set[asyncio.StreamWriter] = set()
        self._flows = asyncio.Event()
        self._flows.set()
        self._cut = False
        self._connections = Tasks()

    async def start(self) -> None:
        self._server = await asyncio.start_server(
            lambda reader, writer: self._connections.start(self._serve(reader, writer), "link") and None,
            REACHED,
            self.port,
        )

    async def stop(self) -> None:
        self.cut()
        self._server.close()
        await self._connections.stop()

    def cut(self) -> None:
        """Close what is open; whoever connects is closed at once."""
        self._cut = True
        for writer in self._open:
            writer.transport.abort()

    def hang(self) -> None:
        """Bytes are kept until `heal`."""
        self._flows.clear()

    def heal(self) -> None:
        self._cut = False
        self._flows.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            if self._cut:
                writer.transport.abort()
                return
            there, away = await asyncio.open_connection(SERVER, self.port)
            both = {writer, away}
            self._open |= both
            try:
                async with asyncio.TaskGroup() as directions:
                    directions.create_task(self._copy(reader, away))
                    directions.create_task(self._copy(there, writer))
            except* OSError:
                pass
            finally:
                self._open -= both
                for each in both:
                    each.transport.abort()
            return
        writer.transport.abort()

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1 << 16):
            await self._flows.wait()
            writer.write(data)
            await writer.drain()
        raise ConnectionResetError("the other side has closed")
