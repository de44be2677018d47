"""Sockets that servers listen on: how they are bound, and how listening ends."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from collections.abc import Callable

from rocketmq_ops.common.addresses import AddressError, format_address, resolve_host
from rocketmq_ops.remoting.errors import RemotingBindError

#: The next step by errno.
_CANNOT_LISTEN = {
    errno.EADDRINUSE: "stop what listens there, or choose another port",
    errno.EACCES: "choose a port above 1023",
    errno.EADDRNOTAVAIL: "set bindAddress to an address of this machine",
}


def listening_socket(host: str, port: int) -> socket.socket:
    """A bound socket. Raises OSError.

    As Java binds: a name stands for one address, an IPv4-mapped one is that of IPv4, and `::` takes the connections of
    IPv4 too, where asyncio by itself would listen on every address of a name, and keep IPv4 out.
    """
    try:
        numeric = resolve_host(host)
    except AddressError as error:
        raise OSError(str(error)) from None
    family = socket.AF_INET6 if ":" in numeric else socket.AF_INET
    dual = family == socket.AF_INET6 and socket.has_dualstack_ipv6() and numeric == "::"
    made = socket.create_server((numeric, port), family=family, dualstack_ipv6=dual)
    made.setblocking(False)
    return made


def bound_socket(host: str, port: int) -> socket.socket:
    """As `listening_socket`, for the port that a server was given. Raises RemotingBindError."""
    address = format_address(host, port)
    if not 0 <= port <= 65535:  # uvloop would take the port modulo 65536
        raise RemotingBindError(
            f"cannot listen on {address}: invalid port", "choose a port from 1 to 65535", address=address
        )
    try:
        return listening_socket(host, port)
    except OSError as error:
        reason = os.strerror(error.errno).lower() if error.errno and error.errno > 0 else str(error)
        if error.errno == errno.EADDRINUSE:
            from rocketmq_ops.common.processes import holder_of_port  # only for a message

            reason += holder_of_port(host, port)
        raise RemotingBindError(
            f"cannot listen on {address}: {reason}",
            _CANNOT_LISTEN.get(error.errno or 0, "check bindAddress and listenPort"),
            address=address,
        ) from error


class Listeners:
    """The sockets that one server listens on, each bound before by `bound_socket`."""

    def __init__(self) -> None:
        self._servers: list[asyncio.Server] = []
        #: Between a stop and the next start: whoever was accepted before and is only now told of is not to be let in.
        self.are_stopped = False

    @property
    def ports(self) -> list[int]:
        """The bound port of each, in the order of `listen`."""
        return [server.sockets[0].getsockname()[1] for server in self._servers]

    async def listen(
        self, bound: socket.socket, protocol: Callable[[], asyncio.Protocol], *, backlog: int = 100
    ) -> None:
        """Give each connection of a bound socket to a protocol of its own; the socket is closed when that fails."""
        self.are_stopped = False
        try:
            server = await asyncio.get_running_loop().create_server(protocol, sock=bound, backlog=backlog)
        except BaseException:
            bound.close()
            raise
        self._servers.append(server)

    async def stop(self) -> None:
        """Close all, if there are any.

        asyncio drops a connection that it has accepted but not yet given to a protocol when its listener is closed in
        between: the peer hears nothing, until the garbage collector comes across the socket. So accepting ends a turn
        of the loop before."""
        self.are_stopped = True
        servers, self._servers = self._servers, []
        loop = asyncio.get_running_loop()
        if isinstance(loop, asyncio.SelectorEventLoop):
            for server in servers:
                for accepting in server.sockets:
                    loop.remove_reader(accepting)
            await asyncio.sleep(0)
        for server in servers:
            server.close()
