"""What admin calls raise beside the remoting errors: a server's refusal, something not found, all targets failing."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ...common.errors import RocketMQError
from ...common.topics import is_system_topic
from ...remoting.codes import ResponseCode, request_title

if TYPE_CHECKING:
    from ...remoting.command import RemotingCommand

ACL_EXCEPTION = "AclException"
"""What a broker before 5.0 says, with SYSTEM_ERROR, where it refuses an account, a signature or a permission."""
_NOT_SUPPORTED = re.compile(r"\brequest type (\d+) not supported")
_REFUSALS = frozenset(
    {
        ResponseCode.SYSTEM_ERROR,
        ResponseCode.MESSAGE_ILLEGAL,
        ResponseCode.NO_PERMISSION,
        ResponseCode.INVALID_PARAMETER,
    }
)

_NEXT_STEPS: dict[int, str] = {
    2: "the server is busy: try again, or with a longer --timeout",
    3: "the server is of a version that does not know this request",
    13: "correct the message or the option that the server refuses",
    14: "try again later: the server is not able to serve this now",
    16: "use an account with the permission (a profile with accessKey and secretKey), or change what the server allows",
    29: "correct the value that the server refuses",
    17: "check the topic's name with `mqadmin topicList`, or create it with `mqadmin updateTopic`",
    22: "check the name or key; nothing is stored under it",
    24: "check that the consumer subscribes to this topic",
    26: "check the group's name, or create it with `mqadmin updateSubGroup`",
    206: "start a consumer of the group, or check the group's name with `mqadmin consumerProgress`",
}


_OF_NAME_SERVERS = frozenset({100, 101, 102, 105, 106, 205, 206, 216, 219, 224, 304, 311, 312, 313, 318, 319, 327})
"""Requests that name servers serve and brokers do not."""
_OF_ANY_BROKER = frozenset(
    {10, 11, 12, 14, 15, 17, 21, 25, 26, 28, 29, 30, 31, 33, 200, 201, 202, 203, 204, 207, 208, 215, 222, 300, 310}
)
"""Requests that every broker of 4.x and 5.x serves, and no name server."""


class AdminError(RocketMQError):
    """A server answered with a code other than success. `code` is its ResponseCode, `remark` what it said."""

    def __init__(self, code: int, remark: str | None, address: str, request: RemotingCommand | None = None) -> None:
        said = (remark or "").partition("\nSee ")[0].partition("\nFor more information")[0].strip()
        told = _NOT_SUPPORTED.sub(lambda match: f"{request_title(int(match[1]))} is not supported here", said)
        super().__init__(f"{address} answered: {told or 'no reason given'}", _next_step(code, said, address, request))
        self.code = code
        self.remark = said
        self.address = address


class RefusedValueError(AdminError):
    """A server did not take a value that it was given."""

    next_step = "correct the value; what the server said tells why it was refused"

    def __init__(self, error: AdminError, next_step: str = "") -> None:
        RocketMQError.__init__(self, str(error), next_step)
        self.code, self.remark, self.address = error.code, error.remark, error.address


def _next_step(code: int, said: str, address: str, request: RemotingCommand | None) -> str:
    if request is not None and code == ResponseCode.REQUEST_CODE_NOT_SUPPORTED:
        if request.code in _OF_NAME_SERVERS:
            return (
                f"{address} seems to be a broker: -n takes the addresses of name servers, which listen on port 9876 "
                "unless they were told otherwise"
            )
        if request.code in _OF_ANY_BROKER:
            return (
                f"{address} seems to be a name server: give the address of a broker, as `mqadmin clusterList` shows it"
            )
        return "the server is of a version that does not know this request, or it is a name server"
    topic = getattr(request.header, "topic", None) if request is not None else None
    if topic is not None and is_system_topic(topic) and code in _REFUSALS:
        return f"'{topic}' is a topic that brokers keep for themselves: choose another name"
    if ACL_EXCEPTION in said:
        return "use a profile with the accessKey and secretKey of an account that the server knows and that may do this"
    if code == ResponseCode.NO_PERMISSION and "black list" in said:
        return "no client may change this key: change it in the server's configuration file, and start the server again"
    if code == ResponseCode.NO_PERMISSION and "forbidden" in said:
        where = f"`mqadmin topicRoute -t {topic} -l`" if topic is not None else "`mqadmin topicRoute -l`"
        return f"see the permission of the topic with {where}, and brokerPermission with `mqadmin getBrokerConfig`"
    return _NEXT_STEPS.get(code, "what the server said tells why; its log may say more")


class NotFoundError(RocketMQError):
    """What was named does not exist in the cluster as the name servers and brokers describe it."""


class SharedNameError(RocketMQError):
    """Clusters share a broker name, and the broker that the name servers hold under it is another cluster's."""


class InvalidValueError(RocketMQError):
    """What was asked for makes no sense, whatever the servers hold."""


class InvalidNameError(InvalidValueError):
    """A topic or group name that no broker would accept."""


class AllFailedError(RocketMQError):
    """Every target of a fan-out failed; `causes` holds each one's error, in the order of the targets."""

    def __init__(self, what: str, causes: dict[str, RocketMQError]) -> None:
        first = next(iter(causes.values()))
        listed = "; ".join(
            f"{target}: {error}" if target not in str(error) else str(error) for target, error in causes.items()
        )
        super().__init__(f"{what} failed on all {len(causes)} servers: {listed}" if len(causes) > 1 else str(first))
        self.next_step = first.next_step
        self.causes = causes
        self.first = first
        self.code = getattr(first, "code", None)
        self.address = getattr(first, "address", "")
