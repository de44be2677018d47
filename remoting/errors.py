"""Errors of the remoting layer. Each names the address it concerns, the cause, and what to do next."""

from __future__ import annotations

from rocketmq_ops.common.errors import AllFailedError, RocketMQError


class RemotingError(RocketMQError):
    """A request did not get through or was not understood; `address` is the peer's (`host:port`)."""

    def __init__(self, cause: str, next_step: str = "", *, address: str = "") -> None:
        super().__init__(cause, next_step)
        self.address = address


class RemotingConnectError(RemotingError):
    """No connection could be made; the request was certainly not processed."""

    next_step = "check the address, that the process listens there, and that no firewall is between"


class NoNameServerError(RemotingConnectError):
    """No name server was given."""

    next_step = "give the addresses of the name servers (host:port), or set NAMESRV_ADDR in the environment"


class NameServersFailedError(AllFailedError, RemotingError):
    """None of several name servers could be reached."""


class UnknownHostError(RemotingConnectError):
    """The host name of an address has no IP address."""

    next_step = "check the spelling of the host name, or give its IP address"


class RemotingBindError(RemotingConnectError):
    """A server of this process cannot listen where it shall."""


class RemotingSendError(RemotingError):
    """The connection went away before the answer came; the peer may or may not have processed the request."""

    next_step = "check that the peer is running, then try again"


class RemotingTimeoutError(RemotingError):
    """No answer within the time; the peer may still process the request."""

    next_step = "check the load of the peer, or allow more time"


class RemotingProtocolError(RemotingError):
    """The peer's bytes or fields are not what the protocol demands."""

    next_step = "check that the peer uses RocketMQ's remoting protocol and is of a supported version"


class FrameError(RemotingProtocolError):
    """Bytes that are not a frame: the connection they came on is closed."""
