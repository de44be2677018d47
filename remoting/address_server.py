"""Address servers: a URL whose text is the addresses of the name servers. Mirrors DefaultTopAddressing.

Apache's clients send a plain GET and take the first line of the answer, `host:port;host:port`. They know `http://`
alone; with `https://` the same is asked over TLS.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable

from rocketmq_ops.common.addresses import name_server_addresses, parse_address
from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.remoting.connecting import reason_of
from rocketmq_ops.remoting.errors import RemotingConnectError

#: ms that Apache's clients wait for an address server (DefaultTopAddressing.fetchNSAddr).
TIMEOUT_MS = 3000
#: Bytes of a head, and of an answer, that are read at most.
LIMIT_BYTES = 64 * 1024

_SCHEME, _SECURED = "http://", "https://"
#: The context of a connection over TLS that is made now, None without a setting for TLS.
Tls = Callable[[], ssl.SSLContext | None]


class AddressServerError(RemotingConnectError):
    """An address server gave no addresses of name servers."""

    next_step = "open the URL from this machine: its first line must be the name servers, HOST:PORT separated by ';'"


def address_server_url(domain: str, sub_group: str) -> str:
    """The page that Apache's servers and clients read, from a host with or without a port (MixAll.getWSAddr).

    A domain that begins with `https://` is ours: Apache's have no such one."""
    scheme = _SECURED if domain.startswith(_SECURED) else _SCHEME
    host = domain.removeprefix(scheme)
    return f"{scheme}{host if ':' in host else f'{host}:8080'}/rocketmq/{sub_group}"


async def fetch_name_servers(url: str, timeout_ms: int = TIMEOUT_MS, tls: Tls = lambda: None) -> list[str]:
    """The addresses that a URL gives. Raises AddressServerError.

    Where `tls` gives no context, the server of an `https://` URL is checked as browsers do: that the system trusts its
    certificate, and that this is of the host."""
    context = (tls() or ssl.create_default_context()) if url.startswith(_SECURED) else None
    try:
        async with asyncio.timeout(timeout_ms / 1000):
            text = await _get(url, context)
        addresses = name_server_addresses(next(iter(text.split("\n")), ""))
        for address in addresses:
            parse_address(address)
    except TimeoutError:
        raise _failed(url, f"no answer within {timeout_ms} ms") from None
    except OSError as error:
        raise _failed(url, reason_of(error)) from None
    except (EOFError, ValueError, asyncio.LimitOverrunError, RocketMQError) as error:
        raise _failed(url, str(error)) from None
    if not addresses:
        raise _failed(url, "its answer is empty")
    return addresses


def _failed(url: str, why: str) -> AddressServerError:
    return AddressServerError(f"cannot read the name servers from {url}: {why}", address=url)


async def _get(url: str, context: ssl.SSLContext | None) -> str:
    """The text at a URL, without blanks around it. Raises OSError, ValueError, EOFError, RocketMQError."""
    authority, _, path = url.partition("//")[2].partition("/")
    host, port = parse_address(authority, 80 if context is None else 443)
    reader, writer = await asyncio.open_connection(
        host, port, limit=LIMIT_BYTES, ssl=context, server_hostname=host if context else None
    )
    try:
        # HTTP/1.0, so that no server cuts the answer into chunks.
        writer.write(f"GET /{path} HTTP/1.0\r\nHost: {authority}\r\nAccept: */*\r\nConnection: close\r\n\r\n".encode())
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        status, *lines = head.split("\r\n")
        if not status.startswith("HTTP/") or status.split(" ")[1:2] != ["200"]:
            raise ValueError(f"its answer is '{status[:80]}'")
        return (await _body(reader, lines)).decode().strip()
    finally:
        writer.close()


async def _body(reader: asyncio.StreamReader, head: list[str]) -> bytes:
    for line in head:
        name, _, value = line.partition(":")
        if name.strip().lower() == "content-length":
            return await reader.readexactly(min(int(value), LIMIT_BYTES))
    body = b""
    while len(body) < LIMIT_BYTES and (more := await reader.read(LIMIT_BYTES)):
        body += more
    return body
