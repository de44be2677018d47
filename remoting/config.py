"""The network's configuration keys (NettyServerConfig, NettyClientConfig): each key, its type and Apache's default.

The names are Apache's, so that its property files load; most of them tune Netty and have no effect here.
"""

from __future__ import annotations

from typing import Annotated

from rocketmq_ops.common.config import NOT_EMPTY, ConfigClass, Long, Used
from rocketmq_ops.remoting.client_settings import ClientSettings


class NettyServerConfig(ConfigClass):
    """Keys of the listening side; attribute names are Apache's."""

    # Keys that take effect.
    bindAddress: Annotated[
        str, Used("the address to listen on; `::` is every address, those of IPv4 included", form=NOT_EMPTY)
    ] = "0.0.0.0"
    listenPort: Annotated[
        int,
        Used(
            "the port to listen on, 0 takes any; when not set `mqbroker` takes 10911, `mqnamesrv` 9876",
            low=0,
            high=65535,
        ),
    ] = 0
    serverChannelMaxIdleTimeSeconds: Annotated[
        int, Used("s without traffic after which a connection is closed", low=1)
    ] = 120
    serverSocketSndBufSize: Annotated[
        int, Used("SO_SNDBUF of connections in bytes, 0 leaves it to the system", low=0)
    ] = 0
    serverSocketRcvBufSize: Annotated[
        int, Used("SO_RCVBUF of connections in bytes, 0 leaves it to the system", low=0)
    ] = 0
    writeBufferHighWaterMark: Annotated[
        int,
        Used("bytes waiting to be sent from which a connection is read no more; 0 takes the built-in limit", low=0),
    ] = 0
    writeBufferLowWaterMark: Annotated[
        int,
        Used("bytes waiting to be sent from which a connection is read again; 0 takes the built-in limit", low=0),
    ] = 0
    maxBufferedBytes: Annotated[
        Long,
        Used(
            "bytes that all connections may hold together, unsent answers, requests that wait and frames that are not "
            "whole; those that hold most are dropped from nine tenths on; a key of this server alone",
            low=16 * 1024 * 1024,
        ),
    ] = 512 * 1024 * 1024
    serverSocketBacklog: Annotated[int, Used("connections waiting to be accepted", low=1)] = 1024

    # Keys of Apache's server that are accepted and kept, without effect here.
    serverWorkerThreads: int = 8
    serverCallbackExecutorThreads: int = 0
    serverSelectorThreads: int = 3
    serverOnewaySemaphoreValue: int = 256
    serverAsyncSemaphoreValue: int = 64
    serverNettyWorkerGroupEnable: bool = True
    serverPooledByteBufAllocatorEnable: bool = True
    enableShutdownGracefully: bool = False
    shutdownWaitTimeSeconds: int = 30
    useEpollNativeSelector: bool = False


class NettyClientConfig(ConfigClass):
    """Keys of the connecting side; attribute names are Apache's."""

    # Keys that take effect.
    connectTimeoutMillis: Annotated[int, Used("ms to wait for a connection", low=1)] = (
        ClientSettings.connectTimeoutMillis
    )
    clientChannelMaxIdleTimeSeconds: Annotated[
        int, Used("s without traffic after which a connection is closed", low=1)
    ] = ClientSettings.clientChannelMaxIdleTimeSeconds
    clientSocketSndBufSize: Annotated[
        int, Used("SO_SNDBUF of connections in bytes, 0 leaves it to the system", low=0)
    ] = ClientSettings.clientSocketSndBufSize
    clientSocketRcvBufSize: Annotated[
        int, Used("SO_RCVBUF of connections in bytes, 0 leaves it to the system", low=0)
    ] = ClientSettings.clientSocketRcvBufSize
    clientCloseSocketIfTimeout: Annotated[bool, Used("close the connection of a call that timed out")] = (
        ClientSettings.clientCloseSocketIfTimeout
    )

    useTLS: Annotated[
        bool,
        Used("connect to name servers and brokers with TLS; `tls.enable` and `tls.server.mode=enforcing` set it too"),
    ] = False

    # Keys of Apache's client that are accepted and kept, without effect here.
    clientWorkerThreads: int = 4
    clientCallbackExecutorThreads: int = 2
    clientOnewaySemaphoreValue: int = 65535
    clientAsyncSemaphoreValue: int = 65535
    channelNotActiveInterval: Long = 60000
    isScanAvailableNameSrv: bool = True
    clientPooledByteBufAllocatorEnable: bool = False
    socksProxyConfig: str = "{}"
    writeBufferHighWaterMark: int = 0
    writeBufferLowWaterMark: int = 0
    disableCallbackExecutor: bool = False
    disableNettyWorkerGroup: bool = False
    maxReconnectIntervalTimeSeconds: Long = 60
    enableReconnectForGoAway: bool = True
