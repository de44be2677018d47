"""A link to a server that can be cut: the same port on another loopback address, forwarded byte for byte."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from rocketmq_ops.common.tasks import Tasks
from tests.chaos.owners import Place, places_of

SERVER, REACHED = "127.0.0.1", "127.0.0.2"


class Link:
    """Forwards `127.0.0.2:port` to `127.0.0.1:port`, unless it is cut or hangs."""

    def __init__(self, port: int) -> None:
        self.port = port
        #: Both sides of each connection, by the place of who has made it.
        self._open: dict[Place, list[asyncio.StreamWriter]] = {}
        self._flows = asyncio.Event()
        self._flows.set()
        #: Who is cut off; None stands for everybody.
        self._cut: list[Callable[[], int] | None] = []
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

    def cut(self, process: Callable[[], int] | None = None) -> None:
        """Close what is open; whoever connects is closed at once. Of a process alone, by its pid, where one is given."""
        self._cut.append(process)
        whose = None if process is None else places_of(process())
        for peer, both in self._open.items():
            if whose is None or peer in whose:
                for writer in both:
                    writer.transport.abort()

    def join(self, process: Callable[[], int] | None = None) -> None:
        """The end of a cut."""
        self._cut.remove(process)

    def _is_cut_off(self, peer: Place) -> bool:
        return any(process is None or peer in places_of(process()) for process in self._cut)

    def hang(self) -> None:
        """Bytes are kept until `heal`."""
        self._flows.clear()

    def heal(self) -> None:
        self._flows.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            peer: Place = writer.get_extra_info("peername")
            if self._is_cut_off(peer):
                writer.transport.abort()
                return
            both = self._open[peer] = [writer]  # a cut that comes before the server is reached ends it, too
            try:
                there, away = await asyncio.open_connection(SERVER, self.port)
                both.append(away)
                if writer.transport.is_closing():
                    return
                async with asyncio.TaskGroup() as directions:
                    directions.create_task(self._copy(reader, away))
                    directions.create_task(self._copy(there, writer))
            except* OSError:
                pass
            finally:
                if self._open.get(peer) is both:
                    del self._open[peer]
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
