"""Making a connection: from the address that a client is given to an open channel.

A name with several addresses is tried address by address, each with its share of the time that is left. Where the
cluster is behind NAT an address map says where its addresses are from here.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from rocketmq_ops.common.addresses import is_ip_address, parse_address
from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.remoting.channel import Channel
from rocketmq_ops.remoting.errors import RemotingConnectError, UnknownHostError

if TYPE_CHECKING:
    import ssl


class Connector:
    """Connects to `host:port` addresses. `address_map`: the address that a cluster gives -> the one to connect to.

    `tls` is a setting of `remoting/tls.py`, for which it raises what that does, a context, or what gives the context of
    a connection that is made now; without one, connections are plain.
    """

    def __init__(
        self,
        address_map: Mapping[str, str] | None = None,
        tls: str | ssl.SSLContext | Callable[[], ssl.SSLContext] | None = None,
    ) -> None:
        self.address_map = address_map or {}
        #: The context of a connection that is made now, None for a plain one.
        if tls in (None, "false"):
            self.context: Callable[[], ssl.SSLContext | None] = lambda: None
        elif isinstance(tls, str):
            from rocketmq_ops.remoting.client_tls import ClientTls

            self.context = ClientTls(tls).context
        else:
            self.context = tls if callable(tls) else lambda: tls

    async def open(self, addr: str, limit_ms: int, make_channel: Callable[[], Channel]) -> Channel:
        """A channel to `addr`. Raises RemotingConnectError, UnknownHostError within `limit_ms`."""
        target = self.address_map.get(addr, addr)
        named = addr if target == addr else f"{addr} at {target}, as the address map says"
        try:
            host, port = parse_address(target)
        except RocketMQError as error:
            raise RemotingConnectError(str(error), error.next_step, address=addr) from None
        end = asyncio.get_running_loop().time() + limit_ms / 1000
        try:
            candidates = await _candidates(host, port, limit_ms)
        except socket.gaierror as error:
            raise UnknownHostError(
                f"cannot connect to {named}: the host name '{host}' is not known ({error.strerror})", address=addr
            ) from None
        except TimeoutError:
            raise UnknownHostError(
                f"cannot connect to {named}: no answer of the name service about '{host}' within {limit_ms} ms",
                address=addr,
            ) from None
        context = self.context()
        reasons = []
        for at, candidate in enumerate(candidates):
            share = (end - asyncio.get_running_loop().time()) / (len(candidates) - at)
            try:
                async with asyncio.timeout(share):
                    _, channel = await asyncio.get_running_loop().create_connection(
                        make_channel, candidate, port, ssl=context, server_hostname=host if context else None
                    )
                return channel
            except TimeoutError:
                why = f"no answer within {max(round(share * 1000), 0)} ms"
            except OSError as error:
                why = reason_of(error)
            reasons.append(f"{candidate}: {why}" if len(candidates) > 1 else why)
        raise RemotingConnectError(f"cannot connect to {named}: {'; '.join(reasons)}", address=addr)


async def _candidates(host: str, port: int, limit_ms: int) -> list[str]:
    """The IP addresses of a host, each once, in the order of preference of the system."""
    if is_ip_address(host):
        return [host]
    async with asyncio.timeout(limit_ms / 1000):
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def reason_of(error: OSError) -> str:
    """The operating system's words, without the address that asyncio repeats; of a handshake, TLS's words."""
    if type(error).__module__ == "ssl":
        why = getattr(error, "verify_message", None) or getattr(error, "reason", None) or error
        return f"TLS handshake failed: {why}"
    if error.errno and error.errno > 0:
        return os.strerror(error.errno).lower()
    return error.strerror or str(error) or "it was closed meanwhile"
