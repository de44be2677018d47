"""A page that HTTP clients read: a GET of one path on one port, answered with a text as it is at that moment.

A request is bounded in length and time, the connections in number; each carries one request, plain or over TLS as the
server's `tls.http.mode` says. What the text says is the subclass's.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final, NamedTuple

from rocketmq_ops.common.addresses import format_address
from rocketmq_ops.common.periodic import PeriodicJobs
from rocketmq_ops.common.tasks import Tasks
from rocketmq_ops.remoting.handshake_handler import HandshakeHandler
from rocketmq_ops.remoting.listening import Listeners, bound_socket
from rocketmq_ops.remoting.securable import CountedConnection
from rocketmq_ops.remoting.server import RemotingServer

if TYPE_CHECKING:
    from rocketmq_ops.remoting.server_tls import ServerTls
    from rocketmq_ops.remoting.tls_system_config import TlsSystemConfig

log = logging.getLogger(__name__)

#: Bytes that the head of a request may have.
MAX_HEAD_BYTES: Final = 8 * 1024
#: s within which a request has to be there, and its answer to be taken.
REQUEST_SECONDS = 5.0
#: Connections that are open at once; more are refused.
MAX_CONNECTIONS: Final = 200
PLAIN_TEXT: Final = "text/plain; charset=utf-8"


class _Answer(NamedTuple):
    """A status, its reason, a text and its type."""

    status: int
    reason: str
    body: bytes
    content_type: str = PLAIN_TEXT

    def encode(self, *, with_body: bool = True) -> bytes:
        head = (
            f"HTTP/1.1 {self.status} {self.reason}\r\n"
            f"Content-Type: {self.content_type}\r\n"
            f"Content-Length: {len(self.body)}\r\n"
            "Cache-Control: no-store\r\n"
            "Connection: close\r\n"
        )
        allow = "Allow: GET, HEAD\r\n" if self.status == 405 else ""
        return f"{head}{allow}\r\n".encode() + (self.body if with_body else b"")


def _refusal(status: int, reason: str, text: str) -> _Answer:
    return _Answer(status, reason, f"{text}\n".encode())


def http_tls(server: RemotingServer, config: TlsSystemConfig) -> ServerTls | None:
    """TLS of a page of a server; None where it has none."""
    return server.secure_port("tls.http.mode", config.http_mode, "read the page by https://")


_TOO_SLOW = _refusal(408, "Request Timeout", "the request did not arrive in time")
_TOO_LONG = _refusal(431, "Request Header Fields Too Large", f"the request has more than {MAX_HEAD_BYTES} bytes")


class _Visitor(CountedConnection):
    """One connection. Its request is read by hand, for asyncio's streams cannot be told from their first bytes whether
    they are over TLS."""

    def __init__(self, page: HttpPage) -> None:
        super().__init__()
        self._page = page
        self._head = bytearray()
        self._asked = False
        self._timer = PeriodicJobs()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        if self._page.opened(self):
            self._timer.once("request", REQUEST_SECONDS * 1000, self._too_slow)
        else:
            self.abort()

    def data_received(self, data: bytes) -> None:
        if self._asked:  # nothing is read behind the request
            return
        self._head += data
        end = self._head.find(b"\r\n\r\n")
        self._asked = end >= 0 or len(self._head) > MAX_HEAD_BYTES
        if not self._asked:
            return
        self._timer.stop()
        if not 0 <= end <= MAX_HEAD_BYTES:
            self.answer(_TOO_LONG.encode())
        else:
            assert self._transport is not None
            self._page.asked(self, bytes(self._head), self._transport.get_extra_info("sockname")[0])

    def eof_received(self) -> bool:
        """Who has asked may say that no more will come, and waits for the answer."""
        return self._asked

    def connection_lost(self, exc: Exception | None) -> None:
        self._timer.stop()
        self._transport = None
        self._page.ended(self)

    def answer(self, answer: bytes) -> None:
        """Send it, then close; who does not take it in time goes without."""
        if self._transport is None or self._transport.is_closing():
            return
        self._timer.once("answer", REQUEST_SECONDS * 1000, self.abort)
        self._transport.write(answer)
        self._transport.close()

    def _too_slow(self) -> None:
        self._asked = True
        if self._page.is_plain_refused and not self.is_secured:
            self.abort()
        else:
            self.answer(_TOO_SLOW.encode())


class HttpPage:
    """Listens on an address and answers `path` with what `text` gives."""

    #: What the log calls it.
    what = "HTTP page"

    def __init__(self, host: str, port: int, path: str, tls: ServerTls | None = None) -> None:
        """`tls`: None where no connection may be over TLS."""
        self.host, self._port, self.path, self._tls = host, port, path, tls
        self._listeners = Listeners()
        self._visitors: set[_Visitor] = set()
        self._tasks = Tasks()

    def is_at(self, path: str) -> bool:
        """Whether the page is what a client asks for by this path."""
        return path == self.path

    async def text(self, reached_at: str) -> tuple[str, bytes]:
        """The type and the text, for a client that has reached this machine at the IP address `reached_at`."""
        raise NotImplementedError

    @property
    def url(self) -> str:
        """What clients have to read."""
        scheme = "https" if self.is_plain_refused else "http"
        return f"{scheme}://{format_address(self.host, self._listeners.ports[0])}{self.path}"

    @property
    def is_plain_refused(self) -> bool:
        """Whether who comes without TLS is refused."""
        return self._tls is not None and self._tls.enforced

    async def start(self) -> None:
        """Listen. Raises RemotingBindError."""
        await self._listeners.listen(bound_socket(self.host, self._port), self._protocol)

    async def stop(self) -> None:
        """Stop listening and drop the connections."""
        await self._listeners.stop()
        await self._tasks.stop()
        for visitor in list(self._visitors):
            visitor.abort()
        self._visitors.clear()

    # --- what connections ask -------------------------------------------------------------------------------------

    def _protocol(self) -> asyncio.Protocol:
        visitor = _Visitor(self)
        return visitor if self._tls is None else HandshakeHandler(self._tls, visitor)

    def opened(self, visitor: _Visitor) -> bool:
        """Count a connection in; False when there are too many."""
        if self._listeners.are_stopped:
            return False
        if len(self._visitors) >= MAX_CONNECTIONS:
            log.warning("a connection to the %s is refused: %d are open, the limit", self.what, len(self._visitors))
            return False
        self._visitors.add(visitor)
        return True

    def ended(self, visitor: _Visitor) -> None:
        """Count it out."""
        self._visitors.discard(visitor)

    def asked(self, visitor: _Visitor, head: bytes, reached_at: str) -> None:
        """Answer a request."""
        self._tasks.start(self._serve(visitor, head, reached_at), self.what)

    async def _serve(self, visitor: _Visitor, head: bytes, reached_at: str) -> None:
        visitor.answer(await self._answer(head, reached_at))

    async def _answer(self, head: bytes, reached_at: str) -> bytes:
        """The answer to a request."""
        words = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ")
        if len(words) != 3 or not words[2].startswith("HTTP/"):
            text = f"this is not an HTTP request; expected GET {self.path}"
            return _refusal(400, "Bad Request", text).encode()
        method, target, _ = words
        # Apache's clients put their parameters behind a `?`.
        if not self.is_at(target.partition("?")[0]):
            missing = _refusal(404, "Not Found", f"there is nothing here but {self.path}")
            return missing.encode(with_body=method != "HEAD")
        if method not in ("GET", "HEAD"):
            return _refusal(405, "Method Not Allowed", f"{self.path} can be read only: use GET").encode()
        try:
            content_type, body = await self.text(reached_at)
        except Exception:
            log.exception("the text of the %s could not be made", self.what)
            return _refusal(500, "Internal Server Error", "the text could not be made, see the server's log").encode()
        return _Answer(200, "OK", body, content_type).encode(with_body=method == "GET")
