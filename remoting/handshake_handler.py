"""The first bytes of a connection to a server that may be over TLS (HandshakeHandler, TlsModeHandler).

A frame begins with its length, which is never so large that its first byte is that of a TLS handshake; neither is the
offset that a slave reports, and no request of HTTP begins so. Once it is known what a connection is, this is out of the
way: a plain connection's bytes go straight to who it is for.
"""

from __future__ import annotations

import asyncio
import ssl
from typing import Final, cast

from rocketmq_ops.common.tasks import run_later
from rocketmq_ops.remoting.securable import Securable
from rocketmq_ops.remoting.server_tls import ServerTls
from rocketmq_ops.remoting.ssl_handler import HANDSHAKE_STATE_BYTES, SslHandler

HANDSHAKE_MAGIC_CODE: Final = 0x16


class HandshakeHandler(asyncio.Protocol):
    """The protocol of a new connection until its first bytes. Who it is for is there from the start, and counts it."""

    def __init__(self, tls: ServerTls, peer: Securable) -> None:
        self._tls = tls
        self._peer = peer
        self._raw: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Have it asked whether the connection may stay."""
        self._raw = cast(asyncio.Transport, transport)  # uvloop's do not derive from asyncio's
        self._peer.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """See what the connection is."""
        raw, peer, tls = self._raw, self._peer, self._tls
        if peer.closed or raw is None:
            return
        if data[0] == HANDSHAKE_MAGIC_CODE:
            peer.took(HANDSHAKE_STATE_BYTES)
            if peer.closed:
                return
            if tls.context is not None:
                self._secure(tls.context, data)
            else:
                raw.pause_reading()
                peer.keep(len(data))
                run_later(self._secure_later(data), "certificate")
        elif tls.enforced:
            tls.refused_plain(peer)
            peer.abort()
        else:
            raw.set_protocol(cast(asyncio.BaseProtocol, peer))
            peer.data_received(data)

    async def _secure_later(self, data: bytes) -> None:
        context = await self._tls.made()
        self._peer.keep(-len(data))
        if self._peer.closed or self._raw is None:
            return
        if context is None:
            self._peer.abort()
            return
        self._raw.resume_reading()
        self._secure(context, data)

    def _secure(self, context: ssl.SSLContext, data: bytes) -> None:
        assert self._raw is not None
        handler = SslHandler(self._raw, self._peer, context, self._tls)
        self._raw.set_protocol(handler)
        self._peer.secured(cast(asyncio.Transport, handler))
        self._tls.begin_handshake(handler, data)

    def eof_received(self) -> bool:
        """Close when the peer has finished sending."""
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Hand it on."""
        self._peer.connection_lost(exc)

    def pause_writing(self) -> None:
        """Hand it on."""
        self._peer.pause_writing()

    def resume_writing(self) -> None:
        """Hand it on."""
        self._peer.resume_writing()
