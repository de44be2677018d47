"""What the client raises: a server's refusal, something not found, a call that makes no sense.

What cannot be sent at all is a remoting error (`remoting/errors.py`); all are RocketMQErrors. What a refusal means is
in the table `remoting/response_meanings.py`: a class of its own has only a code that someone catches by it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from rocketmq_ops.common.errors import RocketMQError, See
from rocketmq_ops.remoting.codes import ResponseCode, request_title
from rocketmq_ops.remoting.command import RemotingCommand

if TYPE_CHECKING:
    from rocketmq_ops.remoting.features import Feature

#: What a broker before 5.0 answers, with SYSTEM_ERROR, where it refuses an account, a signature or a permission.
ACL_EXCEPTION = "AclException"
_NOT_SUPPORTED = r"\brequest type (\d+) not supported"


class ClientError(RocketMQError):
    """The client cannot do what it was asked: bad arguments, not started, no route."""


class NoRouteError(ClientError):
    """No name server knows where the topic lives."""

    next_step = "create the topic, or check its name"


class NoMasterError(NoRouteError):
    """Brokers that hold the topic have no master that takes messages."""


class NotFoundError(RocketMQError):
    """What was named does not exist in the cluster as the name servers and brokers describe it."""


class NoBrokerError(RocketMQError):
    """No broker is registered, so that there is nobody to ask whether something exists."""

    def __init__(self, so_that: str) -> None:
        super().__init__(
            f"no broker is registered with the name servers: {so_that}",
            "start one, or correct its namesrvAddr",
            see=See("cluster.listing"),
        )


class FeatureOffError(RocketMQError):
    """A server has the feature, and its configuration turns it off."""


class AlreadyExistsError(RocketMQError):
    """What was to be created is there already, and is not the same."""


class SharedNameError(RocketMQError):
    """Clusters share a broker name, and the broker that the name servers hold under it is another cluster's."""


class InvalidValueError(RocketMQError):
    """What was asked for makes no sense, whatever the servers hold: a time, or a name that no broker would accept."""


class BrokerError(RocketMQError):
    """A server answered with another code than success.

    `code` is the ResponseCode, `remark` what the server said, `request` what it was asked. `retriable` says whether the
    same request may succeed later or on another broker, `refresh_route` whether the route should be fetched again
    before that.
    """

    def __init__(
        self, code: int, remark: str | None, address: str = "", request: RemotingCommand | None = None
    ) -> None:
        from rocketmq_ops.remoting.response_meanings import meaning_of

        meaning = meaning_of(code)
        said = (remark or "").partition("\nSee ")[0].partition("\nFor more information")[0].strip()
        reason = re.sub(_NOT_SUPPORTED, lambda match: f"{request_title(int(match[1]))} is not supported here", said)
        super().__init__(f"{address or 'the server'} answered: {reason or 'no reason given'}", meaning.next_step)
        self.code = int(code)  # a plain number, also where a member of the table was given
        self.remark = said
        self.address = address
        self.request = request
        self.retriable = meaning.retriable
        self.refresh_route = meaning.refresh_route

    def __str__(self) -> str:
        try:
            name = f"{ResponseCode(self.code).name}, "
        except ValueError:
            name = ""
        return f"{self.cause} ({name}code {self.code})"


class SubscriptionNotExistError(BrokerError):
    """The broker does not know this group's subscription yet."""


class SubscriptionNotLatestError(BrokerError):
    """The broker has an older subscription of this group."""


class FilterDataError(BrokerError):
    """The broker has no expression of this group, an older one, or one that it cannot read."""


class FlowControlError(BrokerError):
    """The server limits this client's rate."""


class RefusedValueError(BrokerError):
    """A server did not take a value that it was given."""

    def __init__(self, error: BrokerError, next_step: str) -> None:
        super().__init__(error.code, error.remark, error.address, error.request)
        self.next_step = next_step


class UnsupportedError(BrokerError):
    """A server does not serve a request: its version has not the feature, or it is another kind of server.

    `feature` is that of the request, unless another is given: of a part of it that not every version has; None for a
    request that every version has. `server_version` is the server's release as text, from its answer; `since` the first
    Apache version that has the feature.
    """

    def __init__(
        self,
        answer: RemotingCommand,
        address: str = "",
        request: RemotingCommand | None = None,
        feature: Feature | None = None,
    ) -> None:
        from rocketmq_ops.remoting.features import feature_of
        from rocketmq_ops.remoting.versions import release_of

        super().__init__(ResponseCode.REQUEST_CODE_NOT_SUPPORTED, answer.remark, address, request)
        release = release_of(answer.version)
        self.server_version = ".".join(map(str, release))
        if feature is None and request is not None:
            feature = feature_of(request.code)
        self.feature = feature
        self.since = feature.since if feature is not None else ""
        if request is None or feature is None:
            return
        who, title = f"{address or 'the server'}", request_title(request.code)
        if release < _release(feature.since):
            self.cause = (
                f"{who} is of version {self.server_version}, which does not have {feature.name} ({title}): "
                f"Apache RocketMQ has it since {feature.since}"
            )
            self.next_step = f"use a {feature.server} of version {feature.since} or later"
        elif feature.until and release > _release(feature.until):
            self.cause = (
                f"{who} is of version {self.server_version}, which no longer has {feature.name} ({title}): "
                f"Apache RocketMQ has it up to {feature.until}"
            )
            self.next_step = feature.instead
        else:
            self.cause = (
                f"{who} (version {self.server_version}) does not serve {feature.name} ({title}), "
                f"which Apache's {feature.server} has since {feature.since}"
            )
            self.next_step = f"check that this is the address of a {feature.server} of Apache RocketMQ"


def _release(text: str) -> tuple[int, ...]:
    return tuple(map(int, text.split(".")))


_CLASS_OF_CODE: dict[int, type[BrokerError]] = {
    ResponseCode.SUBSCRIPTION_NOT_EXIST: SubscriptionNotExistError,
    ResponseCode.SUBSCRIPTION_NOT_LATEST: SubscriptionNotLatestError,
    ResponseCode.FILTER_DATA_NOT_EXIST: FilterDataError,
    ResponseCode.FILTER_DATA_NOT_LATEST: FilterDataError,
    ResponseCode.FLOW_CONTROL: FlowControlError,
}


def error_of(response: RemotingCommand, address: str = "", request: RemotingCommand | None = None) -> BrokerError:
    """The error for an answer whose code is not success; plain BrokerError for a code that nobody catches by class."""
    if response.code == ResponseCode.REQUEST_CODE_NOT_SUPPORTED:
        return UnsupportedError(response, address, request)
    kind = _CLASS_OF_CODE.get(response.code, BrokerError)
    return kind(response.code, response.remark, address, request)


class UnsafeChangeError(RocketMQError):
    """A change that would lose something, and was not forced. Nothing was sent."""
