"""Sockets that servers listen on: how they are bound, and how listening ends."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from collections.abc import Iterable

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


async def stop_listening(listeners: Iterable[asyncio.Server]) -> None:
    """Close listeners. Who was accepted before may be told of to its protocol only after this call.

    asyncio drops a connection that it has accepted but not yet given to a protocol when its listener is closed in
    between: the peer hears nothing, until the garbage collector comes across the socket. So accepting ends a turn of
    the loop before."""
    listeners = list(listeners)
    loop = asyncio.get_running_loop()
    if isinstance(loop, asyncio.SelectorEventLoop):
        for listener in listeners:
            for accepting in listener.sockets:
                loop.remove_reader(accepting)
        await asyncio.sleep(0)
    for listener in listeners:
        listener.close()
