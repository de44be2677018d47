"""A page that HTTP clients read: a GET of one path on one port, answered with a text as it is at that moment.

A request is bounded in length and time, the connections in number; each carries one request. What the text says is the
subclass's.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Final, NamedTuple

from rocketmq_ops.common.addresses import format_address
from rocketmq_ops.common.tasks import Tasks
from rocketmq_ops.remoting.server import bound_socket

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


_TOO_SLOW = _refusal(408, "Request Timeout", "the request did not arrive in time")
_TOO_LONG = _refusal(431, "Request Header Fields Too Large", f"the request has more than {MAX_HEAD_BYTES} bytes")


class HttpPage:
    """Listens on an address and answers `path` with what `text` gives."""

    #: What the log calls it.
    what = "HTTP page"

    def __init__(self, host: str, port: int, path: str) -> None:
        self.host, self._port, self.path = host, port, path
        self._listener: asyncio.Server | None = None
        self._connections = 0
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
        assert self._listener is not None
        return f"http://{format_address(self.host, self._listener.sockets[0].getsockname()[1])}{self.path}"

    async def start(self) -> None:
        """Listen. Raises RemotingBindError."""
        bound = bound_socket(self.host, self._port)
        try:
            self._listener = await asyncio.start_server(self._connected, sock=bound, limit=MAX_HEAD_BYTES)
        except BaseException:
            bound.close()
            raise

    async def stop(self) -> None:
        """Stop listening and drop the connections."""
        if self._listener is not None:
            self._listener.close()
        await self._tasks.stop()

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._connections >= MAX_CONNECTIONS:
            log.warning("a connection to the %s is refused: %d are open, the limit", self.what, self._connections)
            writer.transport.abort()
            return
        self._connections += 1
        self._tasks.start(self._serve(reader, writer), self.what)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            answer = await self._answer(reader, writer.get_extra_info("sockname")[0])
            async with asyncio.timeout(REQUEST_SECONDS):
                writer.write(answer)
                writer.close()
                await writer.wait_closed()
        except (OSError, TimeoutError, asyncio.IncompleteReadError) as error:
            log.debug("a client of the %s is gone: %r", self.what, error)
        finally:
            self._connections -= 1
            writer.transport.abort()

    async def _answer(self, reader: asyncio.StreamReader, reached_at: str) -> bytes:
        """The answer to what is read. Raises OSError, IncompleteReadError when the client goes away."""
        try:
            async with asyncio.timeout(REQUEST_SECONDS):
                head = await reader.readuntil(b"\r\n\r\n")
        except TimeoutError:
            return _TOO_SLOW.encode()
        except asyncio.LimitOverrunError:
            return _TOO_LONG.encode()
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
