"""A transport with a bound on the requests that one server has at a time, whatever they ask for."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Container

from rocketmq_ops.client.api.session import Transport
from rocketmq_ops.remoting.command import RemotingCommand


class PerServer:
    """At most `most` requests to each address at a time, and those of the codes `waiting`, which are held there."""

    def __init__(self, transport: Transport, most: int, waiting: Container[int]) -> None:
        self._transport = transport
        self._waiting = waiting
        self._gates: defaultdict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(most))

    async def invoke(self, addr: str, command: RemotingCommand, timeout_ms: int = 3000) -> RemotingCommand:
        """The answer of one server; `timeout_ms` begins when its turn has come."""
        if command.code in self._waiting:
            return await self._transport.invoke(addr, command, timeout_ms)
        async with self._gates[addr]:
            return await self._transport.invoke(addr, command, timeout_ms)

    async def invoke_oneway(self, addr: str, command: RemotingCommand, timeout_ms: int = 3000) -> None:
        """Send without waiting for an answer."""
        await self._transport.invoke_oneway(addr, command, timeout_ms)

    def peer_certificate(self, addr: str) -> bytes | None:
        """The certificate of the server."""
        return self._transport.peer_certificate(addr)

    async def close(self) -> None:
        """Close all connections."""
        await self._transport.close()
