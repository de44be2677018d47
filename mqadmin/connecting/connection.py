"""What a command connects with: name servers, time limit, and as whom. Where they come from is in `profiles.py`."""

from __future__ import annotations

from typing import Literal

import msgspec

from rocketmq_ops.common.addresses import is_address_server, name_server_addresses, parse_address
from rocketmq_ops.common.errors import RocketMQError


class ProfileError(RocketMQError):
    """No name server was given, or a file of settings cannot be used."""


class Secret(msgspec.Struct, frozen=True):
    """Where a secret key is: in a profile file, in a file of its own, beside its access key in a file of both (`keys`),
    in a variable, or in somebody's head.

    `where` is the path of the file or the name of the variable. The secret itself is never here.
    """

    kind: Literal["stored", "file", "keys", "env", "prompt"]
    where: str

    def __str__(self) -> str:
        if self.kind == "prompt":
            return "asked for"
        return {"stored": "stored in", "file": "file", "keys": "file", "env": "environment variable"}[
            self.kind
        ] + f" {self.where}"


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What was chosen, before any secret is read. `origin` says which setting gave the addresses."""

    name_servers: tuple[str, ...] = ()
    origin: str
    profile: str | None = None
    timeout_ms: int | None = None
    access_key: str | None = None
    secret: Secret | None = None
    address_map: dict[str, str] | None = None
    tls: str | None = None


class Connection(msgspec.Struct, frozen=True):
    """Where to connect and as whom. `origin` says which setting gave the addresses; `profile` is the profile's name.

    `address_map`: from the address that a cluster gives to the one that is connected to from here.
    `tls`: a setting of `remoting/tls.py`, or "false".
    """

    name_servers: tuple[str, ...]
    origin: str
    timeout_ms: int | None = None
    access_key: str | None = None
    secret_key: str | None = None
    profile: str | None = None
    address_map: dict[str, str] | None = None
    tls: str | None = None

    def __repr__(self) -> str:
        return f"Connection(name_servers={self.name_servers}, origin={self.origin!r}, access_key={self.access_key!r})"


def name_servers_of(text: str, origin: str) -> tuple[str, ...]:
    """The addresses in a setting, checked. Raises ProfileError, AddressError."""
    addresses = name_server_addresses(text)
    if not addresses:
        raise ProfileError(f"{origin} gives no name server address", "give HOST:PORT, several separated by ';'")
    for address in addresses:
        if not is_address_server(address):
            parse_address(address)
    return tuple(addresses)
