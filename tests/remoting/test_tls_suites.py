"""Versions of TLS and cipher suites: what is named is used, and what cannot be used is said."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path
from typing import Any

import pytest

from rocketmq_ops.remoting.client import RemotingClient
from rocketmq_ops.remoting.command import RemotingCommand
from rocketmq_ops.remoting.config import NettyServerConfig
from rocketmq_ops.remoting.connecting import Connector
from rocketmq_ops.remoting.errors import RemotingConnectError
from rocketmq_ops.remoting.server import RemotingServer
from rocketmq_ops.remoting.tls import client_context_by
from rocketmq_ops.remoting.tls_suites import TlsError, narrow
from rocketmq_ops.remoting.tls_system_config import TlsSystemConfig

FILES = Path(__file__).parent / "files" / "tls"
OWN = {"tlsServerCertPath": str(FILES / "server.pem"), "tlsServerKeyPath": str(FILES / "server.key")}
OF_1_3 = "TLS_AES_128_GCM_SHA256,TLS_AES_256_GCM_SHA384,TLS_CHACHA20_POLY1305_SHA256"
ECDHE = "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"
V12, V13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3


def context() -> ssl.SSLContext:
    return ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)


@pytest.mark.parametrize(
    ("protocols", "ciphers", "versions"),
    [
        (None, None, (V12, V13)),
        ("TLSv1.3", None, (V13, V13)),
        ("TLSv1.2, TLSv1.3", None, (V12, V13)),
        ("TLSv1,TLSv1.1,TLSv1.2", None, (V12, V12)),
        (None, ECDHE, (V12, V12)),
        (None, OF_1_3, (V13, V13)),
        (None, f"{OF_1_3},{ECDHE}", (V12, V13)),
        ("TLSv1.2", f"TLS_AES_128_GCM_SHA256,{ECDHE}", (V12, V12)),
    ],
    ids=["as it is", "1.3", "both", "old ones", "suite of 1.2", "suites of 1.3", "suites of both", "one of 1.3 unused"],
)
def test_what_is_left(protocols: str | None, ciphers: str | None, versions: tuple[Any, Any]) -> None:
    made = context()
    narrow(made, protocols, ciphers)
    assert (made.minimum_version, made.maximum_version) == versions


@pytest.mark.parametrize(
    ("protocols", "ciphers", "said"),
    [
        ("SSLv3,TLSv1.2", None, "SSLv3 is not a version of TLS"),
        ("TLSv1.1", None, "leave nothing to be used"),
        ("", None, "leave nothing to be used"),
        ("TLSv1.3", ECDHE, "leave nothing to be used"),
        (None, "ECDHE-RSA-AES256-GCM-SHA384", "is not a suite that is known here"),
        (None, "TLS_AES_128_GCM_SHA256", "all are used or none"),
        (None, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA999", "OpenSSL has none of"),
    ],
    ids=["no version", "too old", "empty", "contradiction", "another name", "one of 1.3", "no such suite"],
)
def test_what_cannot_be_used(protocols: str | None, ciphers: str | None, said: str) -> None:
    with pytest.raises(TlsError, match=said) as caught:
        narrow(context(), protocols, ciphers)
    assert caught.value.next_step
    with pytest.raises(TlsError, match=said):
        RemotingServer(NettyServerConfig(), TlsSystemConfig(tlsProtocols=protocols, tlsCiphers=ciphers))
    properties = {"tls.protocols": protocols, "tls.ciphers": ciphers}
    with pytest.raises(TlsError, match=said):
        client_context_by({key: value for key, value in properties.items() if value is not None}, "here")


@pytest.mark.parametrize(
    ("name", "openssl"),
    [
        ("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "ECDHE-RSA-AES128-GCM-SHA256"),
        ("TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "ECDHE-ECDSA-AES256-GCM-SHA384"),
        ("TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256", "ECDHE-RSA-AES128-SHA256"),
        ("TLS_DHE_RSA_WITH_AES_256_GCM_SHA384", "DHE-RSA-AES256-GCM-SHA384"),
        ("TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-RSA-CHACHA20-POLY1305"),
        ("TLS_RSA_WITH_AES_128_GCM_SHA256", "AES128-GCM-SHA256"),
    ],
)
def test_names_of_suites(name: str, openssl: str) -> None:
    made = context()
    narrow(made, None, name)
    older = [suite["name"] for suite in made.get_ciphers() if suite["protocol"] != "TLSv1.3"]
    assert older == [openssl]


def test_a_server_uses_what_is_named() -> None:
    """In the test mode, too."""

    async def negotiated(address: str, client: ssl.SSLContext) -> tuple[str, str]:
        host, port = address.split(":")
        _, writer = await asyncio.open_connection(host, int(port), ssl=client)
        name, version, _ = writer.get_extra_info("cipher")
        writer.transport.abort()
        return name, version

    async def main() -> None:
        for tls in (TlsSystemConfig(tlsProtocols="TLSv1.3", **OWN), TlsSystemConfig(tlsCiphers=ECDHE, **OWN)):
            server = RemotingServer(NettyServerConfig(bindAddress="127.0.0.1", listenPort=0), tls)
            server.register(1000, None, lambda channel, request, header: request.reply(0))
            await server.start()
            address = f"127.0.0.1:{server.port}"
            name, version = await negotiated(address, client_context_by({}, "here"))
            older = client_context_by({"tls.protocols": "TLSv1.2"}, "here")
            async with RemotingClient(connector=Connector(tls=older)) as client:
                if tls.tlsProtocols:
                    assert version == "TLSv1.3"
                    with pytest.raises(RemotingConnectError):
                        await client.invoke(address, RemotingCommand.request(1000), 20_000)
                else:
                    assert (name, version) == ("ECDHE-RSA-AES256-GCM-SHA384", "TLSv1.2")
                    assert (await client.invoke(address, RemotingCommand.request(1000), 20_000)).code == 0
            await server.stop()

    asyncio.run(main())
