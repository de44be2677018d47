"""Network addresses: `host:port` text, the packed host bytes of records, and their comparison as numbers.

A packed host is the address (4 or 16 bytes) followed by the port as a 4-byte big-endian int, as Apache stores it.
"""

from __future__ import annotations

import socket
import struct
from typing import TYPE_CHECKING

from rocketmq_ops.common.errors import RocketMQError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

#: The id of the master among the brokers of one name (MixAll.MASTER_ID).
MASTER_ID = 0

_PORT = struct.Struct(">i")
_MAPPED = "::ffff:"
_HTTP, _HTTPS = "http://", "https://"


class AddressError(RocketMQError):
    """Text that is not a `host:port`."""


def parse_address(text: str, default_port: int | None = None) -> tuple[str, int]:
    """Split `host:port`, `[v6]:port` or `v6addr:port` (Apache writes the latter). Raises AddressError."""
    text = text.strip()
    host, separator, port_text = text.rpartition(":")
    if text.startswith("[") and text.endswith("]"):
        host, separator, port_text = text, "", ""
    if not separator and default_port is not None and text:
        return text.strip("[]"), default_port
    if not host or not port_text.isascii() or not port_text.isdigit() or int(port_text) > 65535:
        raise AddressError(
            f"invalid address '{text}': expected HOST:PORT", "give it as HOST:PORT, for example 127.0.0.1:9876"
        )
    return host.strip("[]"), int(port_text)


def format_address(host: str, port: int) -> str:
    """`host:port`; an IPv6 host is put in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def split_addresses(text: str) -> list[str]:
    """The addresses of a `;`-separated list (commas and blanks separate too), doubles dropped, order kept."""
    return list(dict.fromkeys(text.replace(";", " ").replace(",", " ").split()))


def name_server_addresses(text: str) -> list[str]:
    """As `split_addresses`, of a setting that names name servers: `host:port` addresses and URLs of address servers.

    From `http://x/host:port` Java's clients take what is behind the last slash (ClientConfig). Other `http://` URLs
    with a path, and all `https://` URLs, stay as they are: see `is_address_server`.
    """
    found = []
    for part in split_addresses(text):
        if not part.startswith(_HTTP):
            found.append(part)
            continue
        before, _, last = part.removeprefix(_HTTP).rstrip("/").rpartition("/")
        found.append(part if before and not last.rpartition(":")[2].isdigit() else last)
    return list(dict.fromkeys(filter(None, found)))


def address_map(text: str) -> dict[str, str]:
    """`inside=outside` pairs of `host:port` addresses, separated as in `split_addresses`. Raises AddressError."""
    found = {}
    for pair in split_addresses(text):
        inside, equals, outside = pair.partition("=")
        if not equals:
            raise AddressError(f"invalid address pair '{pair}'", "give it as HOST:PORT=HOST:PORT")
        parse_address(inside)
        parse_address(outside)
        found[inside] = outside
    return found


def is_address_server(address: str) -> bool:
    """Whether an entry of `name_server_addresses` is a URL that gives the name servers' addresses."""
    return address.startswith((_HTTP, _HTTPS))


def is_ip_address(host: str) -> bool:
    """Whether a host is an IP address, without brackets, and no name."""
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, host.partition("%")[0])
        except OSError:
            continue
        return True
    return False


#: What stands for every address of a machine, where something listens.
EVERY_ADDRESS = ("0.0.0.0", "::")


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches an address."""
    if host == "localhost":
        return True
    from ipaddress import ip_address

    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def unmapped(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The IPv4 address that one of IPv6 stands for (`::ffff:10.0.0.2`), else the address itself."""
    return getattr(address, "ipv4_mapped", None) or address


def network_of(text: str) -> IPv4Network | IPv6Network:
    """An address or network; one of IPv4 that is written as one of IPv6 (`::ffff:10.0.0.0/104`) is that of IPv4,
    as whose addresses peers are known. Raises ValueError."""
    import ipaddress  # for the few who have a list of such

    network = ipaddress.ip_network(text, strict=False)
    first = unmapped(network.network_address)
    return network if first is network.network_address else ipaddress.ip_network(f"{first}/{network.prefixlen - 96}")


class Networks:
    """Addresses and networks, separated by `;`: `10.0.0.2;10.1.0.0/16;2001:db8::/64`. Raises AddressError."""

    def __init__(self, text: str) -> None:
        import ipaddress

        self.text = text
        self._parse = ipaddress.ip_address
        try:
            self._networks = [network_of(part) for part in map(str.strip, text.split(";")) if part]
        except ValueError as error:
            raise AddressError(
                f"invalid network in '{text}': {error}", "give addresses or networks as 10.0.0.2;10.1.0.0/16"
            ) from None

    def __bool__(self) -> bool:
        return bool(self._networks)

    def __contains__(self, host: str) -> bool:
        """Whether a host's IP address is one of them; an IPv4 address may come as one of IPv6."""
        try:
            address = self._parse(host.partition("%")[0])
        except ValueError:
            return False
        plain = unmapped(address)
        return any(address in network or plain in network for network in self._networks)


def address_key(text: str) -> tuple[int, bytes, int, str]:
    """A sort key that orders addresses by number, not by text: IPv4, then IPv6, then names."""
    try:
        host, port = parse_address(text)
    except RocketMQError:
        return (9, b"", 0, text)
    for rank, family in ((0, socket.AF_INET), (1, socket.AF_INET6)):
        try:
            return (rank, socket.inet_pton(family, host), port, "")
        except OSError:
            continue
    return (2, host.lower().encode(), port, "")


def pack_host(host: str, port: int) -> bytes:
    """8 or 20 bytes for an IPv4 or IPv6 literal. Raises RocketMQError for a name."""
    host = host.partition("%")[0]
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            packed = socket.inet_pton(family, host)
        except OSError:
            continue
        if len(packed) == 16 and packed.startswith(b"\0" * 10 + b"\xff\xff"):
            packed = packed[12:]
        return packed + _PORT.pack(port)
    raise RocketMQError(f"'{host}' is not an IP address", "use a numeric IPv4 or IPv6 address")


def resolve_host(host: str) -> str:
    """The numeric address of a host as Java's InetAddress.getByName gives it: IPv4 before IPv6, and an IPv4-mapped
    IPv6 address as the IPv4 one. Asks the resolver for a name. Raises AddressError.
    """
    try:
        found = {
            family: str(address[0])
            for family, *_, address in reversed(socket.getaddrinfo(host, None, proto=socket.IPPROTO_TCP))
        }
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise AddressError(
            f"the host '{host}' cannot be resolved: {reason}", "give an IP address, or a known name"
        ) from None
    return found.get(socket.AF_INET) or found[socket.AF_INET6].removeprefix(_MAPPED)


def places(addresses: Iterable[str]) -> set[str]:
    """Where addresses lead to, so that two ways to write one are the same: each with the numeric address of its host.
    One whose host cannot be resolved stays as it is. Asks the resolver for names."""
    found = set()
    for text in addresses:
        try:
            host, port = parse_address(text)
            found.add(format_address(resolve_host(host), port))
        except RocketMQError:
            found.add(text)
    return found


def unpack_host(packed: bytes | memoryview) -> tuple[str, int]:
    """The (host, port) of 8 or 20 packed bytes."""
    raw = bytes(packed)
    family = socket.AF_INET if len(raw) == 8 else socket.AF_INET6
    return socket.inet_ntop(family, raw[:-4]), _PORT.unpack(raw[-4:])[0]
