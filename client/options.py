"""Settings that every client has: name servers, identity, intervals. Mirrors ClientConfig."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence

import msgspec

from rocketmq_ops.client.errors import ClientError
from rocketmq_ops.common.addresses import name_server_addresses
from rocketmq_ops.common.unique_id import local_ip
from rocketmq_ops.remoting.command import RemotingCommand

DEFAULT_INSTANCE = "DEFAULT"


class ClientOptions(msgspec.Struct, kw_only=True):
    """`name_servers` as a list or a `;`-separated text, else NAMESRV_ADDR of the environment. Intervals in ms.

    An `http://host/path` among them is an address server, which gives their addresses.
    """

    name_servers: Sequence[str] | str | None = None
    client_ip: str | None = None
    instance_name: str = DEFAULT_INSTANCE
    unit_name: str | None = None
    poll_name_server_interval_ms: int = 30_000
    heartbeat_interval_ms: int = 30_000
    persist_offset_interval_ms: int = 5_000
    rebalance_interval_ms: int = 20_000
    api_timeout_ms: int = 3_000
    #: Called with each request before it is sent, to add credentials.
    sign: Callable[[RemotingCommand], None] | None = None
    #: Where to connect to (`host:port`) instead of an address that the cluster gives, as behind NAT.
    address_map: Mapping[str, str] | None = None
    #: TLS: "true", which takes any certificate of a server, or the path of a file of Apache's tls.client.* properties.
    tls: str | None = None

    def name_server_list(self) -> list[str]:
        """The name servers' addresses. Raises ClientError when none is known."""
        given = self.name_servers if self.name_servers is not None else os.environ.get("NAMESRV_ADDR", "")
        addresses = name_server_addresses(given if isinstance(given, str) else ";".join(given))
        if not addresses:
            raise ClientError("no name server is known", "pass name_servers or set NAMESRV_ADDR")
        return addresses

    def client_id(self, *, stable: bool = False) -> str:
        """`ip@instance[@unit]`. The default instance name becomes `pid#time` unless the id has to be `stable`."""
        instance = self.instance_name
        if instance == DEFAULT_INSTANCE and not stable:
            instance = f"{os.getpid()}#{time.monotonic_ns()}"
        return "@".join(part for part in (self.client_ip or local_ip(), instance, self.unit_name) if part)
