"""What connecting to servers needs of NettyClientConfig, with Apache's defaults.

Apart from that class: who only asks something reads no property file, and building the class takes a fortieth of the
CPU time of a short command.
"""

from __future__ import annotations


class ClientSettings:
    """The keys of NettyClientConfig that take effect. Names and defaults are Apache's; that class describes them."""

    connectTimeoutMillis: int = 3000
    clientChannelMaxIdleTimeSeconds: int = 120
    clientSocketSndBufSize: int = 0
    clientSocketRcvBufSize: int = 0
    clientCloseSocketIfTimeout: bool = True
