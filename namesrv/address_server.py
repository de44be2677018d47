"""The name server as its clients' address server: a GET of `/rocketmq/nsaddr` answers which name servers there are.

Off unless `addressServerPort` is set. Apache's clients and brokers read such a page when no name server is given to
them, from the host of `rocketmq.namesrv.domain` (DefaultTopAddressing); Apache has no server for it. A request is
bounded in length and time, the connections in number; each carries one request.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final, NamedTuple

from rocketmq_ops.common.addresses import format_address, resolve_host, split_addresses
from rocketmq_ops.common.tasks import Tasks
from rocketmq_ops.remoting.server import bound_socket

if TYPE_CHECKING:
    from rocketmq_ops.namesrv.controller import NamesrvController

log = logging.getLogger(__name__)

PATH: Final = "/rocketmq/nsaddr"
#: Bytes that the head of a request may have.
MAX_HEAD_BYTES: Final = 8 * 1024
#: s within which a request has to be there, and its answer to be taken.
REQUEST_SECONDS = 5.0
#: Connections that are open at once; more are refused.
MAX_CONNECTIONS: Final = 200


class _Answer(NamedTuple):
    """A status, its reason and a text."""

    status: int
    reason: str
    text: str

    def encode(self, *, with_body: bool = True) -> bytes:
        body = self.text.encode()
        head = (
            f"HTTP/1.1 {self.status} {self.reason}\r\n"
            "Content-Type: text/plain; charset=utf-8\r\n"
            f"Content-Length: {len(body)}\r\n"
            "Cache-Control: no-store\r\n"
            "Connection: close\r\n"
        )
        allow = "Allow: GET, HEAD\r\n" if self.status == 405 else ""
        return f"{head}{allow}\r\n".encode() + (body if with_body else b"")


_NO_REQUEST = _Answer(400, "Bad Request", f"this is not an HTTP request; expected GET {PATH}\n")
_NOT_FOUND = _Answer(404, "Not Found", f"there is nothing here but {PATH}\n")
_NOT_ALLOWED = _Answer(405, "Method Not Allowed", f"{PATH} can be read only: use GET\n")
_TOO_SLOW = _Answer(408, "Request Timeout", "the request did not arrive in time\n")
_TOO_LONG = _Answer(431, "Request Header Fields Too Large", f"the request has more than {MAX_HEAD_BYTES} bytes\n")


class AddressServer:
    """Listens on `bindAddress:addressServerPort` and answers the addresses as they are configured at that moment."""

    def __init__(self, controller: NamesrvController) -> None:
        self._controller = controller
        self._listener: asyncio.Server | None = None
        self._connections = 0
        self._tasks = Tasks()

    @property
    def url(self) -> str:
        """What clients have to read."""
        assert self._listener is not None
        host, port = self._controller.server_config.bindAddress, self._listener.sockets[0].getsockname()[1]
        return f"http://{format_address(host, port)}{PATH}"

    async def start(self) -> None:
        """Listen. Raises RemotingBindError."""
        bound = bound_socket(self._controller.server_config.bindAddress, self._controller.config.addressServerPort)
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

    def addresses(self, reached_at: str) -> list[str]:
        """The name servers, for a client that has reached this machine at the IP address `reached_at`."""
        given = split_addresses(self._controller.config.addressServerAddresses)
        return given or [format_address(resolve_host(reached_at), self._controller.server.port)]

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._connections >= MAX_CONNECTIONS:
            log.warning("a connection to the address server is refused: %d are open, the limit", self._connections)
            writer.transport.abort()
            return
        self._connections += 1
        self._tasks.start(self._serve(reader, writer), "address-server")

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            answer = await self._answer(reader, writer.get_extra_info("sockname")[0])
            async with asyncio.timeout(REQUEST_SECONDS):
                writer.write(answer)
                writer.close()
                await writer.wait_closed()
        except (OSError, TimeoutError, asyncio.IncompleteReadError) as error:
            log.debug("a client of the address server is gone: %r", error)
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
            return _NO_REQUEST.encode()
        method, target, _ = words
        # Apache's clients put their unit and parameters behind a `?`.
        if target.partition("?")[0] != PATH:
            return _NOT_FOUND.encode(with_body=method != "HEAD")
        if method not in ("GET", "HEAD"):
            return _NOT_ALLOWED.encode()
        # No line break behind it: not every client takes it away.
        found = _Answer(200, "OK", ";".join(self.addresses(reached_at)))
        return found.encode(with_body=method == "GET")
