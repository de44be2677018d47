"""Errors of the client: one class a response code, each saying whether another broker or a fresh route may help.

What cannot be sent at all is a remoting error (`remoting/errors.py`); both are RocketMQErrors.
"""

from __future__ import annotations

from typing import ClassVar

from ..common.errors import RocketMQError
from ..remoting.command import RemotingCommand


class ClientError(RocketMQError):
    """The client cannot do what it was asked: bad arguments, not started, no route."""


class NoRouteError(ClientError):
    """No name server knows where the topic lives."""

    next_step = "create the topic with updateTopic, or check its name"


class BrokerError(RocketMQError):
    """A server answered with another code than success; `address` is the server's, `remark` its words."""

    code: ClassVar[int | None] = None
    retriable: ClassVar[bool] = False
    """Whether the same request may succeed later or on another broker."""
    refresh_route: ClassVar[bool] = False
    """Whether the route should be fetched again before that."""
    next_step = "see the remark and the server's log"

    def __init__(self, response_code: int, remark: str | None, address: str = "") -> None:
        where = f"{address} answered" if address else "the server answered"
        super().__init__(f"{where} {response_code} ({type(self).__name__}): {remark or 'no reason given'}")
        self.response_code = response_code
        self.remark = remark or ""
        self.address = address


class RpcTimeOutError(BrokerError):
    """A call between servers took too long."""

    code = -1006
    retriable = True
    next_step = "check the load of the servers"


class RpcSendToChannelFailedError(BrokerError):
    """A server could not reach another."""

    code = -1004
    retriable = True
    next_step = "check the network between servers"


class RpcAddrIsNullError(BrokerError):
    """A server did not know another's address."""

    code = -1002
    retriable = True
    refresh_route = True
    next_step = "check that all brokers are registered"


class RpcUnknownError(BrokerError):
    """A call between servers failed."""

    code = -1000
    retriable = True
    next_step = "see the server's log for the cause"


class SystemError(BrokerError):
    """The server failed while it handled the request."""

    code = 1
    retriable = True
    next_step = "see the server's log for the cause"


class SystemBusyError(BrokerError):
    """The server has more work than it takes on."""

    code = 2
    retriable = True
    next_step = "send more slowly, or add brokers"


class RequestCodeNotSupportedError(BrokerError):
    """The server does not know this request."""

    code = 3
    next_step = "check the server's version"


class TransactionFailedError(BrokerError):
    """The transaction could not be completed."""

    code = 4
    next_step = "check the transaction's state on the broker"


class FlushDiskTimeoutError(BrokerError):
    """Stored, but not on disk within syncFlushTimeout."""

    code = 10
    next_step = "check the broker's disk"


class SlaveNotAvailableError(BrokerError):
    """Stored on the master; no slave is there to take it."""

    code = 11
    next_step = "check the broker's slaves"


class FlushSlaveTimeoutError(BrokerError):
    """Stored on the master; no slave confirmed in time."""

    code = 12
    next_step = "check the broker's slaves"


class MessageIllegalError(BrokerError):
    """The message breaks the broker's limits."""

    code = 13
    next_step = "make the body, topic or properties smaller"


class ServiceNotAvailableError(BrokerError):
    """The broker takes no messages now: stopping, not writable, or disk full."""

    code = 14
    retriable = True
    next_step = "check the broker's state and disk"


class VersionNotSupportedError(BrokerError):
    """The server does not serve this client's version."""

    code = 15
    next_step = "use a client of a supported version"


class NoPermissionError(BrokerError):
    """The topic, group or broker forbids this."""

    code = 16
    retriable = True
    refresh_route = True
    next_step = "check the permissions of topic and broker"


class TopicNotExistError(BrokerError):
    """The topic is not known there."""

    code = 17
    retriable = True
    refresh_route = True
    next_step = "create the topic, or check its name"


class TopicExistAlreadyError(BrokerError):
    """The topic is there already."""

    code = 18
    next_step = "choose another name"


class PullNotFoundError(BrokerError):
    """No message at this offset yet."""

    code = 19
    retriable = True
    next_step = "pull again"


class PullRetryImmediatelyError(BrokerError):
    """Messages were skipped by the filter."""

    code = 20
    retriable = True
    next_step = "pull again from the next offset"


class PullOffsetMovedError(BrokerError):
    """The offset is outside the queue."""

    code = 21
    next_step = "pull from the offset that the answer gives"


class QueryNotFoundError(BrokerError):
    """Nothing is stored under this key or queue."""

    code = 22
    next_step = "check the key, topic and group"


class SubscriptionParseFailedError(BrokerError):
    """The filter expression cannot be parsed."""

    code = 23
    next_step = "correct the expression"


class SubscriptionNotExistError(BrokerError):
    """The broker does not know this group's subscription yet."""

    code = 24
    retriable = True
    next_step = "send a heartbeat, then pull again"


class SubscriptionNotLatestError(BrokerError):
    """The broker has an older subscription of this group."""

    code = 25
    retriable = True
    next_step = "send a heartbeat, then pull again"


class SubscriptionGroupNotExistError(BrokerError):
    """The consumer group is not known there."""

    code = 26
    next_step = "create the group with updateSubGroup"


class FilterDataNotExistError(BrokerError):
    """The broker has no filter data of this group."""

    code = 27
    retriable = True
    next_step = "send a heartbeat, then pull again"


class FilterDataNotLatestError(BrokerError):
    """The broker has older filter data of this group."""

    code = 28
    retriable = True
    next_step = "send a heartbeat, then pull again"


class InvalidParameterError(BrokerError):
    """A parameter is not valid."""

    code = 29
    next_step = "correct the parameter the remark names"


class TransactionShouldCommitError(BrokerError):
    """The transaction is to be committed."""

    code = 200


class TransactionShouldRollbackError(BrokerError):
    """The transaction is to be rolled back."""

    code = 201


class TransactionStateUnknowError(BrokerError):
    """The transaction's state is not known."""

    code = 202


class TransactionStateGroupWrongError(BrokerError):
    """The transaction belongs to another producer group."""

    code = 203
    next_step = "use the group that began it"


class NoBuyerIdError(BrokerError):
    """The message has no buyer id."""

    code = 204
    retriable = True


class NotInCurrentUnitError(BrokerError):
    """The message belongs to another unit."""

    code = 205
    retriable = True


class ConsumerNotOnlineError(BrokerError):
    """The consumer is not connected to this broker."""

    code = 206
    next_step = "start the consumer"


class ConsumeMsgTimeoutError(BrokerError):
    """The consumer did not finish the message in time."""

    code = 207
    next_step = "check the consumer"


class NoMessageError(BrokerError):
    """There is no such message."""

    code = 208
    next_step = "check the message id"


class PollingFullError(BrokerError):
    """Too many requests wait for messages."""

    code = 209
    retriable = True
    next_step = "try again later"


class PollingTimeoutError(BrokerError):
    """No message came within the polling time."""

    code = 210
    retriable = True
    next_step = "poll again"


class BrokerNotExistError(BrokerError):
    """The broker is not known there."""

    code = 211
    refresh_route = True
    next_step = "check the broker's name"


class BrokerDispatchNotCompleteError(BrokerError):
    """The broker still builds its queues."""

    code = 212
    retriable = True
    next_step = "try again later"


class BroadcastConsumptionError(BrokerError):
    """The group consumes by broadcasting: the broker holds no offsets."""

    code = 213
    next_step = "look at the clients' offsets"


class FlowControlError(BrokerError):
    """The server limits this client's rate."""

    code = 215
    retriable = True
    next_step = "send or pull more slowly"


class NotLeaderForQueueError(BrokerError):
    """Another broker leads this logical queue."""

    code = 501
    retriable = True
    refresh_route = True
    next_step = "fetch the route again"


class IllegalOperationError(BrokerError):
    """The operation is not allowed in this state."""

    code = 604
    next_step = "see the remark"


class GoAwayError(BrokerError):
    """The server is stopping and asks its clients to reconnect."""

    code = 1500
    retriable = True
    refresh_route = True
    next_step = "connect again"


class ControllerFencedMasterEpochError(BrokerError):
    """The master's epoch is outdated."""

    code = 2000


class ControllerFencedSyncStateSetEpochError(BrokerError):
    """The sync state set's epoch is outdated."""

    code = 2001


class ControllerInvalidMasterError(BrokerError):
    """The broker is not the master."""

    code = 2002


class ControllerInvalidReplicasError(BrokerError):
    """The replicas are not valid."""

    code = 2003


class ControllerMasterNotAvailableError(BrokerError):
    """There is no master now."""

    code = 2004
    retriable = True


class ControllerInvalidRequestError(BrokerError):
    """The controller refuses the request."""

    code = 2005


class ControllerBrokerNotAliveError(BrokerError):
    """The broker is not alive."""

    code = 2006
    retriable = True


class ControllerNotLeaderError(BrokerError):
    """Another controller leads."""

    code = 2007
    retriable = True
    next_step = "ask the leading controller"


class ControllerBrokerMetadataNotExistError(BrokerError):
    """The controller does not know the broker."""

    code = 2008


class ControllerInvalidCleanBrokerMetadataError(BrokerError):
    """The broker's data cannot be cleaned so."""

    code = 2009


class ControllerBrokerNeedToBeRegisteredError(BrokerError):
    """The broker has to register first."""

    code = 2010


class ControllerMasterStillExistError(BrokerError):
    """There still is a master."""

    code = 2011


class ControllerElectMasterFailedError(BrokerError):
    """No master could be elected."""

    code = 2012
    retriable = True


class ControllerAlterSyncStateSetFailedError(BrokerError):
    """The sync state set could not be changed."""

    code = 2013
    retriable = True


class ControllerBrokerIdInvalidError(BrokerError):
    """The broker id is not valid."""

    code = 2014


class ControllerJraftInternalError(BrokerError):
    """The controllers' consensus failed."""

    code = 2015
    retriable = True


class ControllerBrokerLiveInfoNotExistsError(BrokerError):
    """The controller has no live info of the broker."""

    code = 2016


class LmqQuotaExceededError(BrokerError):
    """The broker has as many light queues as it may (since 5.5)."""

    code = 2017
    next_step = "delete lite topics, or raise the broker's maxLmqConsumeQueueNum"


class LiteSubscriptionQuotaExceededError(BrokerError):
    """The broker has as many subscriptions of lite topics as it may (since 5.5)."""

    code = 2018
    next_step = "unsubscribe from lite topics, or raise the broker's maxLiteSubscriptionCount"


class UserNotExistError(BrokerError):
    """The user is not known."""

    code = 3001
    next_step = "create the user"


class PolicyNotExistError(BrokerError):
    """The subject has no such policy."""

    code = 3002
    next_step = "create the policy"


_CLASS_OF_CODE: dict[int, type[BrokerError]] = {
    cls.code: cls for cls in BrokerError.__subclasses__() if cls.code is not None
}


def error_of(response: RemotingCommand, address: str = "") -> BrokerError:
    """The error for an answer whose code is not success; plain BrokerError for a code nobody defined."""
    return _CLASS_OF_CODE.get(response.code, BrokerError)(response.code, response.remark, address)


def check(response: RemotingCommand, address: str = "") -> RemotingCommand:
    """The answer itself when it says success. Raises the BrokerError of its code otherwise."""
    if response.code != 0:
        raise error_of(response, address)
    return response
