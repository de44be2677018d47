"""A link that is cut for everybody, or for one process alone."""

from __future__ import annotations

import asyncio
import contextlib
import sys

import pytest

from tests.chaos.link import REACHED, SERVER, Link
from tests.interop.processes import free_port

#: Connects, says so, and again when the connection has ended.
CLIENT = """
import socket, sys
while True:
    try:
        with socket.create_connection((sys.argv[1], int(sys.argv[2]))) as s:
            s.sendall(b"x")
            if s.recv(1):
                print("there", flush=True)
                s.recv(1)
    except OSError:
        pass
    print("away", flush=True)
    sys.stdin.readline()
"""


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(1024):
        writer.write(data)
    writer.close()


@pytest.mark.skipif(sys.platform != "linux", reason="who has a connection is read from /proc")
def test_one_process_is_cut_off_and_nobody_else() -> None:
    async def main() -> None:
        port = free_port()
        server, link = await asyncio.start_server(echo, SERVER, port), Link(port)
        await link.start()
        pipe = asyncio.subprocess.PIPE
        command = [sys.executable, "-c", CLIENT, REACHED, str(port)]
        client = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe)
        assert client.stdout is not None and client.stdin is not None

        async def heard() -> bytes:
            assert client.stdout is not None
            return (await client.stdout.readline()).strip()

        def again() -> None:
            assert client.stdin is not None
            client.stdin.write(b"\n")

        def pid() -> int:
            return client.pid

        try:
            own_reader, own = await asyncio.open_connection(REACHED, port)
            assert await heard() == b"there"
            link.cut(pid)
            assert await heard() == b"away"
            again()
            assert await heard() == b"away", "it comes back, and is closed at once"
            own.write(b"y")
            assert await own_reader.readexactly(1) == b"y", "this process is not cut off"
            other_reader, other = await asyncio.open_connection(REACHED, port)
            other.write(b"z")
            assert await other_reader.readexactly(1) == b"z"
            link.join(pid)
            again()
            assert await heard() == b"there"
            link.cut()
            assert await heard() == b"away"
            assert await own_reader.read() == b""
            link.join()
            own.close()
            other.close()
        finally:
            client.kill()
            await client.wait()
            await link.stop()
            server.close()

    asyncio.run(asyncio.wait_for(main(), 60))


def test_a_cut_while_the_server_is_being_reached_leaves_nothing_open(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        port = free_port()
        server, link = await asyncio.start_server(echo, SERVER, port), Link(port)
        await link.start()
        asked, goes_on = asyncio.Event(), asyncio.Event()
        connect = asyncio.open_connection

        async def late(host: str, to: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
            asked.set()
            await goes_on.wait()
            return await connect(host, to)

        monkeypatch.setattr(asyncio, "open_connection", late)
        try:
            reader, writer = await connect(REACHED, port)
            await asked.wait()
            link.cut()
            goes_on.set()
            writer.write(b"x")
            with contextlib.suppress(ConnectionError):
                assert await asyncio.wait_for(reader.read(1), 30) == b"", "nothing comes through"
            writer.close()
        finally:
            monkeypatch.undo()
            await link.stop()
            server.close()

    asyncio.run(main())
