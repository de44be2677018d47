"""One TCP connection, a server's or a client's: bytes in to commands, commands out to as few writes as can be.

All answers of one read turn leave in one write; what is sent outside a read turn leaves once per loop turn. A peer that
does not drain its answers is not read from until it does.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from time import perf_counter
from typing import Any, Final, Protocol, cast

from rocketmq_ops.common.addresses import format_address, pack_host
from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.remoting.command import ONEWAY_FLAG, RemotingCommand
from rocketmq_ops.remoting.errors import FrameError, RemotingSendError
from rocketmq_ops.remoting.frame_codec import COPY_BELOW_BYTES, MAX_FRAME_BYTES, FrameDecoder, RawRequestHandler, encode
from rocketmq_ops.remoting.memory_bound import MemoryBound
from rocketmq_ops.remoting.no_delay import send_at_once
from rocketmq_ops.remoting.request_handlers import RequestHandlers
from rocketmq_ops.remoting.response_table import ResponseTable

log = logging.getLogger(__name__)

#: A connection with more than this unsent is not read from.
WRITE_HIGH_WATER_BYTES: Final = 1024 * 1024

#: A connection with more than this unsent is dropped: its peer is not reading at all.
WRITE_LIMIT_BYTES: Final = 64 * 1024 * 1024


#: How long the requests of one connection are handled before the others have their turn.
TURN_SECONDS: Final = 0.005
#: A turn looks at the clock after so many requests that the raw request handler has answered, which takes microseconds;
#: any other counts for as many of them.
_LOOK_EVERY, _AS_MANY_KNOWN = 16, 4


class ChannelOwner(Protocol):
    """What a channel reports to its server or client."""

    handlers: RequestHandlers
    memory: MemoryBound

    def channel_opened(self, channel: Channel) -> bool:
        """Called once when connected; False refuses the connection."""

    def channel_closed(self, channel: Channel, cause: Exception | None) -> None:
        """Called once when the connection is lost or closed."""

    def frame_refused(self, channel: Channel, error: FrameError) -> None:
        """Called before a connection is closed for bytes that are not a frame."""


class Channel(asyncio.Protocol):
    """One connection. `remote` and `local` are `host:port`; `attrs` is free for the processors' use."""

    # Attributes of few connections are set when they are needed: with more than 30 Python reads each of them slower.
    #: Bytes of the read whose frames wait.
    _stalled_bytes = 0
    #: Bytes of what this connection has sent that others keep (`keep`).
    _kept_bytes = 0
    #: What goes on once the peer has drained what is unsent.
    _when_drained: deque[Callable[[], None]] | None = None
    _aborted = False

    def __init__(self, owner: ChannelOwner, loop: asyncio.AbstractEventLoop, max_frame: int = MAX_FRAME_BYTES) -> None:
        self._owner = owner
        self._loop = loop
        self._answer_to = owner.handlers.answer_to
        self._memory = owner.memory
        self._decoder = FrameDecoder(max_frame, owner.handlers.typed_decoders)
        self._transport: asyncio.Transport | None = None
        self._out: list[bytes | memoryview] = []
        self._out_bytes = 0
        self._in_turn = False
        self._flush_due = False
        self._stalled: Iterator[RemotingCommand | bytes] | None = None
        #: Since when frames that were read wait for their turn, by `perf_counter`; 0 when none does.
        self._stalled_since = 0.0
        self._backlog: deque[bytes] = deque()
        self._write_paused = False
        self._joins_always = True
        self._high_water = WRITE_HIGH_WATER_BYTES
        self.closed = False
        #: Why we closed it, where there was a reason.
        self._closed_for: FrameError | str = ""
        #: Set by every read and every write that the peer drains; the idle sweep clears it.
        self.active = True
        self.idle_since = loop.time()
        #: Count of reads: by it a caller sees whether the peer has sent anything since.
        self.reads = 0
        self.remote = ""
        self.local = ""
        #: The peer's address as records hold it: 8 bytes for IPv4, 20 for IPv6.
        self.remote_host_bytes = b""
        self.attrs: dict[str, Any] = {}
        #: Called with each request of this connection before it is decoded.
        self.raw_request_handler: RawRequestHandler | None = None
        self.responses = ResponseTable(loop, "")

    def __repr__(self) -> str:
        return f"Channel({self.remote})"

    # --- asyncio's side -------------------------------------------------------------------------------------------

    @property
    def peer_certificate(self) -> bytes | None:
        """What the peer gave in its TLS handshake, in DER; None without TLS, and of a client that gave none."""
        secured = None if self._transport is None else self._transport.get_extra_info("ssl_object")
        return None if secured is None else secured.getpeercert(True)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Learn the addresses, then ask the owner whether the connection may stay."""
        # uvloop's transports do not derive from asyncio's classes, but have all their methods.
        transport = cast(asyncio.Transport, transport)
        self._transport = transport
        # asyncio's own `writelines` joins the parts before Python 3.12; since then it is not to be used: up to 3.12.8
        # and 3.13.1 it never calls `pause_writing`, however little the peer reads, and up to 3.13.5 it goes on with a
        # connection that is lost.
        self._joins_always = isinstance(transport, asyncio.Transport)
        self.remote, self.remote_host_bytes = _address(transport.get_extra_info("peername"))
        self.local, _ = _address(transport.get_extra_info("sockname"))
        self.responses = ResponseTable(self._loop, self.remote)
        send_at_once(transport)
        transport.set_write_buffer_limits(high=self._high_water)
        if not self._owner.channel_opened(self):
            self.closed = True
            transport.abort()

    def secured(self, transport: asyncio.Transport) -> None:
        """From now on its bytes go through `transport`, which encrypts them."""
        self._transport = transport
        self._joins_always = False

    def set_buffers(self, high: int, low: int | None = None, send_size: int = 0, receive_size: int = 0) -> None:
        """Unsent bytes from which the peer is read no more, and again; socket buffer sizes in bytes, 0 = leave them."""
        transport = self._transport
        if transport is None:
            return
        self._high_water = high
        transport.set_write_buffer_limits(high=high, low=low)
        raw = transport.get_extra_info("socket")
        if raw is not None and send_size:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_size)
        if raw is not None and receive_size:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_size)

    def data_received(self, data: bytes) -> None:
        """Handle every frame that `data` completes, then send all the answers in one write."""
        self.active = True
        self.reads += 1
        if self._stalled is not None:
            self._backlog.append(data)
            self.took(len(data))
        elif not self.closed:
            raw_handler, decoder = self._usable_raw_handler(), self._decoder
            # One whole frame, as most reads of a waiting client are, need not be cut out of what came.
            parts, command = decoder.sole_frame(data), None
            if parts is not None:
                transport = self._transport
                if raw_handler is not None and transport is not None and not self._out and not self._write_paused:
                    answer = raw_handler(*parts)
                    if answer is not None:
                        if answer:
                            transport.write(answer)
                            memory = self._memory
                            memory.room = room = memory.room - len(answer)
                            if room < 0:
                                memory.look()
                        return
                    raw_handler = None
                if raw_handler is None:
                    command = decoder.typed_command(*parts)
            self._handle_frames(decoder.feed(data, raw_handler) if command is None else iter((command,)))
            if self._stalled is not None:
                self._stalled_bytes = len(data)
                self.took(len(data))
            elif parts is None and decoder.has_begun:
                self.took(len(data))

    def _usable_raw_handler(self) -> RawRequestHandler | None:
        """The raw request handler, unless `before` has to see each request."""
        return self.raw_request_handler if self._owner.handlers.before is None else None

    def eof_received(self) -> bool:
        """Close when the peer has finished sending."""
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail what waits for an answer and notify the owner."""
        self.closed = self._aborted = True
        self._let_go()
        if len(self.responses):
            self.responses.fail_all(self._why_lost(self._closed_for or exc))
        self._owner.channel_closed(self, exc)

    def _why_lost(self, reason: Exception | str | None) -> RemotingSendError:
        if reason:
            return RemotingSendError(f"connection to {self.remote} was lost: {reason}", address=self.remote)
        secured = self._transport is not None and self._transport.get_extra_info("ssl_object") is not None
        if self.reads or secured:
            return RemotingSendError(
                f"connection to {self.remote} was lost (closed by the peer or by us)", address=self.remote
            )
        return RemotingSendError(
            f"connection to {self.remote} was closed before anything was answered",
            "check that the server is running; where it takes TLS alone, connect with TLS",
            address=self.remote,
        )

    def pause_writing(self) -> None:
        """The peer does not drain what we wrote: stop reading its requests."""
        self._write_paused = True
        if self._transport is not None and not self.closed:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        """The peer drained: go on with what waited for it, then with the frames that wait, then read again."""
        self._write_paused = False
        self.active = True
        while self._when_drained and not self._write_paused and not self.closed:
            self._when_drained.popleft()()
        self._resume()

    def _resume(self) -> None:
        """Handle the frames that wait, those of later reads too, and read again."""
        if self.closed or self._write_paused or self._transport is None:
            return
        self._transport.resume_reading()
        while self._stalled is not None and not self._write_paused:
            frames, self._stalled = self._stalled, None
            if self._handle_frames(frames):
                return
            if self._stalled is None and self._backlog:
                data = self._backlog.popleft()
                self._stalled_bytes = len(data)
                self._stalled = self._decoder.feed(data, self._usable_raw_handler())

    # --- requests in ----------------------------------------------------------------------------------------------

    def _handle_frames(self, frames: Iterator[RemotingCommand | bytes]) -> bool:
        """Handle frames until they end, the peer does not drain, or the turn is over, which is True."""
        self._in_turn = True
        answer_to = self._answer_to
        if self._stalled_since and (overdue := self._owner.handlers.overdue) is not None:
            answer_to = partial(overdue, int((perf_counter() - self._stalled_since) * 1000), answer_to)
        to_look, until, high_water = _LOOK_EVERY, 0.0, self._high_water
        try:
            for command in frames:
                if isinstance(command, bytes):  # the raw request handler's answer
                    if command:
                        self._out.append(command)
                        self._out_bytes += len(command)
                    to_look -= 1
                elif command.flag & 1:
                    self.responses.complete(command)
                    continue
                else:
                    response = answer_to(self, command)
                    if response:  # neither None nor LATER
                        if type(response) is bytes:  # as `_queue` does, without the call
                            self._out.append(response)
                            self._out_bytes += len(response)
                        else:
                            self._queue(response)
                    if self.closed:
                        return False
                    to_look -= _AS_MANY_KNOWN
                if to_look <= 0:
                    if self.closed:
                        return False
                    to_look = _LOOK_EVERY
                    now = perf_counter()
                    if not until:
                        until = now + TURN_SECONDS
                    elif now > until and self._transport is not None:
                        self._stalled = frames
                        if not self._stalled_since:
                            self._stalled_since = now
                        self._transport.pause_reading()
                        self._loop.call_soon(self._resume)
                        return True
                if self._out_bytes > high_water:
                    self._flush()
                    if self._write_paused:
                        self._stalled = frames
                        return False
                    if self.closed:
                        return False
        except FrameError as error:
            error.address = self.remote
            self._closed_for = error
            self._owner.frame_refused(self, error)
            self._flush()
            self.abort()
        finally:
            self._in_turn = False
            if self._stalled is None and not self._backlog:
                self._stalled_since = 0.0
            self._flush()
        return False

    # --- commands out ---------------------------------------------------------------------------------------------

    def send(self, command: RemotingCommand | bytes) -> None:
        """Queue a command, or the frame of one. It leaves with the others of this read turn, or of this loop turn.
        Dropped when closed."""
        if self.closed:
            return
        before = self._out_bytes
        self._queue(command)
        if self._in_turn:
            return
        self.took(self._out_bytes - before)
        if self._out_bytes > self._high_water:  # many that waited are answered at once
            self._flush()
        elif not self._flush_due:
            self._flush_due = True
            self._loop.call_soon(self._flush_turn)

    def submit(self, command: RemotingCommand, timeout_ms: int) -> asyncio.Future[RemotingCommand]:
        """Send a request; the future of its answer. RemotingSendError, RemotingTimeoutError are set on it."""
        responses = self.responses
        command.opaque = opaque = responses.next_opaque()
        future = responses.add(opaque, command.code, timeout_ms)
        if self.closed:
            responses.fail_all(RemotingSendError(f"connection to {self.remote} is closed", address=self.remote))
        else:
            self.send(command)
        return future

    async def invoke(self, command: RemotingCommand, timeout_ms: int = 3000) -> RemotingCommand:
        """Send a request to the peer and wait for its answer. Raises RemotingSendError, RemotingTimeoutError."""
        return await self.submit(command, timeout_ms)

    def send_oneway(self, command: RemotingCommand) -> None:
        """Send a request that gets no answer."""
        command.flag |= ONEWAY_FLAG
        command.opaque = self.responses.next_opaque()
        self.send(command)

    def _queue(self, command: RemotingCommand | bytes) -> None:
        if isinstance(command, bytes):
            self._out.append(command)
            self._out_bytes += len(command)
            return
        parts = encode(command)
        if len(parts) == 1:
            self._out.append(parts[0])
            self._out_bytes += len(parts[0])
        else:
            self._out += parts
            self._out_bytes += sum(map(len, parts))

    def _flush_turn(self) -> None:
        self._flush_due = False
        self._flush()

    def _flush(self) -> None:
        out = self._out
        if not out:
            return
        transport = self._transport
        size = self._out_bytes
        memory = self._memory
        memory.room = room = memory.room - size
        if room < 0:
            memory.look()
        self._out = []
        self._out_bytes = 0
        if self.closed or transport is None:
            return
        if not self._write_paused:
            self.active = True
        elif transport.get_write_buffer_size() + size > WRITE_LIMIT_BYTES:
            unsent = transport.get_write_buffer_size()
            log.warning("%s reads nothing: dropped with %d bytes unsent", self.remote, unsent)
            self.abort()
            return
        if len(out) == 1:
            transport.write(out[0])
        elif self._joins_always or size <= COPY_BELOW_BYTES * len(out):
            transport.write(b"".join(out))
        else:
            transport.writelines(_join_small(out))

    @property
    def is_drained(self) -> bool:
        """Whether its peer takes what it is sent: else as much is unsent as may be."""
        return not self._write_paused

    def when_drained(self, call: Callable[[], None]) -> None:
        """Go on with `call` once the peer has drained what is unsent, before anything more is read from it; never when
        the connection ends before, or is closed: a peer may drain what was sent to it long after that."""
        if self._when_drained is None:
            self._when_drained = deque()
        self._when_drained.append(call)

    @property
    def is_waiting(self) -> bool:
        """Whether requests that were read wait for their turn."""
        return self._stalled is not None

    def held_bytes(self) -> int:
        """Bytes that this connection holds: of a frame that is not whole, of what waits its turn, and unsent.

        None once it is aborted: what is unsent goes with the next turn of the loop, what others keep in their own time.
        """
        transport = self._transport
        if transport is None or self._aborted:
            return 0
        held = self._out_bytes + self._decoder.buffered_bytes + self._kept_bytes + transport.get_write_buffer_size()
        if self._stalled is not None:
            held += self._stalled_bytes + sum(map(len, self._backlog))
        return held

    def took(self, size: int) -> None:
        """So many bytes came that this connection may hold for a while: the bound on all looks when it is due."""
        memory = self._memory
        memory.room = room = memory.room - size
        if room < 0:
            memory.look()

    def keep(self, size: int) -> None:
        """So many bytes of what this connection has sent are kept elsewhere; negative: no more."""
        self._kept_bytes += size
        if size > 0:
            self.took(size)

    def _let_go(self) -> None:
        """It is closed: nothing of what it held is used any more."""
        self._stalled = None
        self._backlog.clear()
        self._when_drained = None
        self._out.clear()
        self._out_bytes = 0
        self._decoder.let_go()

    # --- end ------------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Send what is queued, then close."""
        if not self.closed:
            self._flush()
            self.closed = True
            self._when_drained = None
            if self._transport is not None:
                self._transport.close()

    def abort(self, reason: str = "") -> None:
        """Close at once; what is queued is lost. `reason` is why, for those who wait for an answer."""
        self.closed = self._aborted = True
        self._closed_for = self._closed_for or reason
        self._let_go()
        if self._transport is not None:
            self._transport.abort()


def _join_small(parts: list[bytes | memoryview]) -> list[bytes | memoryview]:
    """Neighbouring small parts joined; big ones, which are views of files, left alone."""
    joined: list[bytes | memoryview] = []
    small: list[bytes | memoryview] = []
    for part in parts:
        if len(part) < COPY_BELOW_BYTES:
            small.append(part)
            continue
        if small:
            joined.append(b"".join(small))
            small.clear()
        joined.append(part)
    if small:
        joined.append(b"".join(small))
    return joined


def _address(name: Any) -> tuple[str, bytes]:
    """(`host:port`, packed host) of a socket name; empty when there is none."""
    if not isinstance(name, tuple) or len(name) < 2:
        return "", b""
    host, port = name[0].removeprefix("::ffff:"), name[1]
    try:
        return format_address(host, port), pack_host(host, port)
    except RocketMQError:
        return format_address(host, port), b""
