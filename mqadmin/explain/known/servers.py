"""Texts about name servers, brokers and TLS."""

from __future__ import annotations

from typing import Final

from rocketmq_ops.mqadmin.explain.known.entry import Known

KNOWN: Final[tuple[Known, ...]] = (
    Known(
        "broker-expired",
        "RouteInfoManager",
        ("The broker channel expired", "the broker's channel destroyed"),
        "the name server took a broker off the routes: no registration for 2 minutes, or its connection closed",
        "look whether the broker stopped, paused for garbage collection, or lost the network at that time",
        ("clusterList",),
    ),
    Known(
        "register-failed",
        "BrokerOuterAPI",
        ("Failed to register current broker to name server", "registerBrokerAll Exception"),
        "a broker could not register with a name server",
        "see that the name server runs and that namesrvAddr of the broker is right",
        ("clusterList", "getBrokerConfig -b HOST:PORT"),
    ),
    Known(
        "register-conflict",
        "RouteInfoManager",
        ("Registering Broker conflicts with the existed one",),
        "two brokers have the same cluster, name and id: one of them is ignored",
        "give each master another brokerName, and each slave of a name another brokerId",
        ("clusterList",),
    ),
    Known(
        "tls-disabled",
        "NettyRemotingServer",
        ("Clients intend to establish an SSL connection while this server is running in SSL disabled mode",),
        "a client uses TLS, and this server is set to tls.server.mode=disabled",
        "set tls.server.mode=permissive, or turn TLS off in the client (tls.enable=false)",
    ),
    Known(
        "tls-enforced",
        "NettyRemotingServer",
        ("Clients intend to establish an insecure connection while this server is running in SSL enforcing mode",),
        "a client connects without TLS, and this server is set to tls.server.mode=enforcing",
        "turn TLS on in the client (tls.enable=true), with the certificates that it needs",
    ),
    Known(
        "black-list",
        "AdminBrokerProcessor",
        ("Can not update config in black list.",),
        "this key can only be changed in the configuration file",
        "change the file of the server and start it again",
        ("getBrokerConfig -b HOST:PORT",),
    ),
)
