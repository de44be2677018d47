"""What a connection's first bytes (`handshake_handler.py`) and its TLS (`ssl_handler.py`) need of whoever it is for.

A `Channel` of the remoting protocol is such a one; the port of replication and the HTTP pages have a simpler one.
"""

from __future__ import annotations

import asyncio
from typing import Protocol, cast

from rocketmq_ops.common.addresses import format_address


class Securable(Protocol):
    """A connection whose bytes come plain, or out of TLS."""

    @property
    def remote(self) -> str:
        """The peer, as `host:port`."""

    @property
    def closed(self) -> bool:
        """Whether it is closed, or about to be."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """As of asyncio's protocols, before it is known whether the connection is over TLS; so the others."""

    def data_received(self, data: bytes) -> None: ...
    def connection_lost(self, exc: Exception | None) -> None: ...
    def pause_writing(self) -> None: ...
    def resume_writing(self) -> None: ...

    def secured(self, transport: asyncio.Transport) -> None:
        """From now on its bytes go through `transport`, which encrypts them."""

    def took(self, size: int) -> None:
        """So many bytes came that may be held for a while."""

    def keep(self, size: int) -> None:
        """So many bytes of what it has sent are kept elsewhere; negative: no more."""

    def abort(self) -> None:
        """Close it at once."""


class CountedConnection(asyncio.Protocol):
    """One of few connections to a port that bounds their number. What one has sent is bounded by `ssl_handler.py`, and
    so is not counted."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        #: The peer's address, and with its port.
        self.host = self.remote = ""

    @property
    def closed(self) -> bool:
        """Whether it is closed, or about to be."""
        return self._transport is None or self._transport.is_closing()

    @property
    def is_secured(self) -> bool:
        """Whether it is over TLS."""
        return self._transport is not None and self._transport.get_extra_info("ssl_object") is not None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Learn who it is."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's do not derive from asyncio's
        host, port, *_ = transport.get_extra_info("peername") or ("?", 0)
        self.host, self.remote = host, format_address(host, port)

    def secured(self, transport: asyncio.Transport) -> None:
        """From now on its bytes go through `transport`, which encrypts them."""
        self._transport = transport

    def took(self, size: int) -> None:
        """Not counted."""

    def keep(self, size: int) -> None:
        """Not counted."""

    def abort(self) -> None:
        """Close it at once."""
        if self._transport is not None:
            self._transport.abort()
