"""Settings that every client has: name servers, identity, intervals. Mirrors ClientConfig."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Mapping, Sequence

import msgspec

from rocketmq_ops.client.api.session import RequestHook
from rocketmq_ops.client.errors import ClientError
from rocketmq_ops.common.addresses import name_server_addresses
from rocketmq_ops.common.unique_id import local_ip
from rocketmq_ops.remoting.command import RemotingCommand

DEFAULT_INSTANCE = "DEFAULT"
#: An endpoint of a hosted instance, whose first label is a namespace (NameServerAddressUtils.INST_ENDPOINT_PATTERN).
_INSTANCE_ENDPOINT = r"(?:\w+://)?(MQ_INST_\w+_\w+)\..*"


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
    #: The same while a consumer lacks a queue of its share (rocketmq.client.rebalance.minInterval of 5.x clients).
    rebalance_again_ms: int = 1_000
    api_timeout_ms: int = 3_000
    #: The namespace of topics and groups, `NAMESPACE%NAME` on the wire and NAME here (namespace of 4.x clients); unless
    #: given, that of an endpoint `MQ_INST_ID_NAME.host:port`.
    namespace: str | None = None
    #: The namespace that requests are of, in their fields `nsd` and `ns` (namespaceV2 of clients from 5.1 on).
    namespace_v2: str | None = None
    #: RPCHooks (`client/hooks/api.py`), which see every request.
    rpc_hooks: Sequence[RequestHook] = ()
    #: Called with each request before it is sent, to sign it: `credentials("access key", "secret key")`.
    sign: Callable[[RemotingCommand], None] | None = None
    #: Where to connect to (`host:port`) instead of an address that the cluster gives, as behind NAT.
    address_map: Mapping[str, str] | None = None
    #: TLS: "true", which takes any certificate of a server, or the path of a file of Apache's tls.client.* properties.
    tls: str | None = None

    def name_server_list(self) -> list[str]:
        """The name servers' addresses. Raises ClientError when none is known."""
        given = self._given_name_servers()
        if re.fullmatch(_INSTANCE_ENDPOINT, given):
            given = given.rpartition("/")[2]
        addresses = name_server_addresses(given)
        if not addresses:
            raise ClientError("no name server is known", "pass name_servers or set NAMESRV_ADDR")
        return addresses

    def _given_name_servers(self) -> str:
        given = self.name_servers if self.name_servers is not None else os.environ.get("NAMESRV_ADDR", "")
        return given if isinstance(given, str) else ";".join(given)

    def namespace_in_use(self) -> str:
        """The namespace of topics and groups; empty without one (ClientConfig.getNamespace)."""
        if self.namespace is not None:
            return self.namespace
        endpoint = re.fullmatch(_INSTANCE_ENDPOINT, self._given_name_servers())
        return endpoint[1] if endpoint else ""

    def client_id(self, *, stable: bool = False) -> str:
        """`ip@instance[@unit]`. The default instance name becomes `pid#time` unless the id has to be `stable`."""
        instance = self.instance_name
        if instance == DEFAULT_INSTANCE and not stable:
            instance = f"{os.getpid()}#{time.monotonic_ns()}"
        return "@".join(part for part in (self.client_ip or local_ip(), instance, self.unit_name) if part)


def credentials(access_key: str, secret_key: str) -> Callable[[RemotingCommand], None]:
    """What `sign` takes: an account of 4.x, or a user of 5.x with the password (AclClientRPCHook)."""
    from rocketmq_ops.remoting.signature import AclSigner  # of those who sign

    return AclSigner(access_key, secret_key).sign
