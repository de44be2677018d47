"""TLS of one connection to a server, between its transport and who it is for (Netty's SslHandler).

asyncio has such a layer of its own, which is not used: it cannot be given the bytes by which TLS was told from plain
frames, and its buffers take 256 KiB a connection, half a handshake of a stranger included.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Iterable
from typing import Any, Final, Protocol

from rocketmq_ops.remoting.securable import Securable

#: Plain bytes of one record of TLS at most.
RECORD_BYTES: Final = 16 * 1024
#: What TLS keeps for a handshake that is not done, about.
HANDSHAKE_STATE_BYTES: Final = 45 * 1024
#: What a client sends in a handshake at most: its certificates are some KiB.
MAX_HANDSHAKE_BYTES: Final = 64 * 1024


class HandshakeWatcher(Protocol):
    """Who learns how handshakes have ended."""

    def handshake_ended(self, handler: SslHandler, error: Exception | None) -> None:
        """Called once when a handshake is done, or has failed."""


class SslHandler(asyncio.Protocol):
    """The protocol of the connection's transport, and the transport of its peer."""

    def __init__(
        self, raw: asyncio.Transport, peer: Securable, context: ssl.SSLContext, watcher: HandshakeWatcher
    ) -> None:
        self.peer = peer
        self._raw = raw
        self._watcher = watcher
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._open = False
        self._ended = False
        self._handshake_bytes = 0
        self._early: list[bytes] = []

    # --- the transport's side -------------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        """Go on with the handshake; once it is done, hand over what the bytes say."""
        self._incoming.write(data)
        try:
            if not self._open and not self._shake_hands(len(data)):
                return
            plain, last = self._read()
        except OSError as error:
            self._leave()  # the alert that says why
            self.give_up(error)
            return
        if plain:
            self.peer.data_received(plain)
        if self._incoming.pending:  # a record that is not whole
            self.peer.took(len(data))
        if last:
            self.close()

    def give_up(self, error: Exception) -> None:
        """Close at once, for an error of the handshake or of what came after it."""
        self._end_handshake(error)
        self.abort()

    def eof_received(self) -> bool:
        """The peer has finished sending: close, as a plain connection is closed."""
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Hand it on."""
        self._ended = True
        self._end_handshake(exc or ConnectionResetError("it was closed by the client"))
        self.peer.connection_lost(exc)

    def pause_writing(self) -> None:
        """Hand it on."""
        self.peer.pause_writing()

    def resume_writing(self) -> None:
        """Hand it on."""
        self.peer.resume_writing()

    def _shake_hands(self, size: int) -> bool:
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            self._leave()
            self._handshake_bytes += size
            self.peer.took(size)
            if self._handshake_bytes > MAX_HANDSHAKE_BYTES:
                raise ConnectionAbortedError(f"more than {MAX_HANDSHAKE_BYTES} bytes") from None
            return False
        self._open = True
        self._handshake_bytes = 0
        self._end_handshake(None)
        early, self._early = self._early, []
        for data in early:
            self._encrypt(data)
        self._leave()
        return True

    def _end_handshake(self, error: Exception | None) -> None:
        watcher, self._watcher = self._watcher, _NOBODY
        watcher.handshake_ended(self, error)

    def _read(self) -> tuple[bytes, bool]:
        """What the whole records among the bytes say, and whether the peer will send no more. Raises ssl.SSLError."""
        read, incoming = self._tls.read, self._incoming
        parts, last = [], False
        with contextlib.suppress(ssl.SSLWantReadError):  # the rest of a record is to come
            while incoming.pending and not last:
                if part := read(RECORD_BYTES):
                    parts.append(part)
                else:
                    last = True
        if self._outgoing.pending:
            self._leave()
        return parts[0] if len(parts) == 1 else b"".join(parts), last

    def _leave(self) -> None:
        if (size := self._outgoing.pending) and not self._raw.is_closing():
            self._raw.write(self._outgoing.read())
            self.peer.took(size)

    # --- the peer's side ------------------------------------------------------------------------------------------

    def write(self, data: bytes | memoryview) -> None:
        """Send it, or keep it for the end of the handshake."""
        if not self._ended:
            self._encrypt(data)
            self._leave()

    def writelines(self, parts: Iterable[bytes | memoryview]) -> None:
        """Send them in one write."""
        if not self._ended:
            for part in parts:
                self._encrypt(part)
            self._leave()

    def _encrypt(self, data: bytes | memoryview) -> None:
        if not self._open:
            self._early.append(bytes(data))
            return
        size = len(data)
        if size <= RECORD_BYTES:
            if size:
                self._tls.write(data)
            return
        view, at = memoryview(data), 0
        while at < size:  # a record each
            at += self._tls.write(view[at:])

    def close(self) -> None:
        """Say that no more will come, then close once it has left."""
        if self._ended:
            return
        self._ended = True
        if self._open:
            with contextlib.suppress(ssl.SSLError):  # the peer's own word is not waited for
                self._tls.unwrap()
            self._leave()
        self._raw.close()

    def abort(self) -> None:
        """Close at once."""
        self._ended = True
        self._raw.abort()

    def is_closing(self) -> bool:
        """Whether it is closed or about to be."""
        return self._ended or self._raw.is_closing()

    def pause_reading(self) -> None:
        """Read no more."""
        self._raw.pause_reading()

    def resume_reading(self) -> None:
        """Read again."""
        self._raw.resume_reading()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """The limits count encrypted bytes."""
        self._raw.set_write_buffer_limits(high, low)

    def get_write_buffer_size(self) -> int:
        """Bytes that wait to be sent or for the rest of their record, or belong to a handshake that is not done."""
        size = self._raw.get_write_buffer_size() + self._incoming.pending
        return size if self._open else size + HANDSHAKE_STATE_BYTES + self._handshake_bytes + sum(map(len, self._early))

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """As of the transport below, and `ssl_object`."""
        return self._tls if name == "ssl_object" else self._raw.get_extra_info(name, default)


class _Nobody:
    def handshake_ended(self, handler: SslHandler, error: Exception | None) -> None:
        pass


_NOBODY: Final = _Nobody()
