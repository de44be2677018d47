"""`mqadmin ping`: whether servers answer. What a plain command line asks is answered by `mqadmin/pinging.py` alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import msgspec

from rocketmq_ops.common.addresses import parse_address
from rocketmq_ops.housekeeping.probe.ping import Pinged, Registration
from rocketmq_ops.mqadmin import pinging
from rocketmq_ops.mqadmin.declare import Opt, command
from rocketmq_ops.mqadmin.errors import usage
from rocketmq_ops.mqadmin.exit_codes import PluginCode
from rocketmq_ops.mqadmin.pinging import Place
from rocketmq_ops.mqadmin.render.outcome import Outcome
from rocketmq_ops.mqadmin.run import Run


class ServerPing(msgspec.Struct, rename="camel"):
    """One server: `kind` is `name server`, `broker` or `server of another kind`, null when it did not answer.

    `millis`: from before the connection to the last answer. `problem`: why it is not well.
    """

    address: str
    kind: str | None
    version: str | None
    millis: float | None
    problem: str | None


class NameServerListing(msgspec.Struct, rename="camel"):
    """Whether a name server lists a broker; null when it could not be asked, for `problem`."""

    name_server: str
    listed: bool | None
    problem: str | None = None


class BrokerRegistration(msgspec.Struct, rename="camel"):
    """Where a broker is registered, by the address that it advertises. `problem`: why that is not known."""

    broker: str
    advertised: str
    name_servers: list[NameServerListing]
    problem: str | None = None


class PingReport(msgspec.Struct, rename="camel"):
    """What answered, and for `--registered` where the brokers are registered; `state` is the worst of all."""

    state: str
    servers: list[ServerPing]
    registrations: list[BrokerRegistration] = []


@command(
    result=PingReport,
    rows="servers",
    offline=True,
    monitoring=True,
    example="mqadmin ping 127.0.0.1:10911 --registered",
)
async def ping(
    run: Run,
    addresses: Annotated[
        list[str] | None,
        Opt("ADDRESS", help="name servers and brokers, HOST:PORT; without one, the name servers that -n names"),
    ] = None,
    registered: Annotated[
        bool, Opt("--registered", help="also whether the brokers are registered at every name server")
    ] = False,
) -> Outcome:
    """The health check of a container: a plain socket to each server, and two requests that change nothing. It tells
    name servers from brokers, and needs no account: a refusal is an answer too.

    --registered asks the name servers of -n, of NAMESRV_ADDR, or else those of the broker's own namesrvAddr, whether
    they list the address that the broker advertises.

    Exit codes are those of Nagios plugins: 0 all answer, 1 a broker is registered at some name servers only, 2 a server
    does not answer or a broker is registered nowhere, 3 it could not be found out. --timeout is of each server.
    """
    for address in addresses or ():
        parse_address(address)
    run.connect(needs_namesrv=not addresses and not registered)
    connection = run.connection
    mapped = connection.address_map or {}
    if registered and not addresses:
        raise usage("--registered needs the address of a broker", "give it: mqadmin ping HOST:PORT --registered")

    def places(texts: Sequence[str]) -> list[Place]:
        return [(text, *parse_address(mapped.get(text, text))) for text in texts]

    tls = None
    if connection.tls not in (None, "false"):
        from rocketmq_ops.remoting.tls import client_context

        tls = client_context(connection.tls)
    name_servers = places(connection.name_servers)
    pinged, found = pinging.look(
        places(addresses) if addresses else name_servers, name_servers, run.timeout_ms, tls, registered=registered
    )
    lines, code = pinging.told(pinged, found)
    return Outcome(
        data=PingReport(code.name, [_server(server) for server in pinged], [_registration(each) for each in found]),
        blocks=lines,
        status="ok" if code is PluginCode.OK else "failed",
        exit_code=code,
    )


def _server(found: Pinged) -> ServerPing:
    millis = None if found.millis is None else round(found.millis, 3)
    return ServerPing(found.address, found.kind, found.version, millis, found.problem)


def _registration(found: Registration) -> BrokerRegistration:
    asked = [
        NameServerListing(name, None, answer) if isinstance(answer, str) else NameServerListing(name, answer)
        for name, answer in found.asked.items()
    ]
    return BrokerRegistration(found.broker, found.advertised, asked, found.problem)
