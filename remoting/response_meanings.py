"""What each response code means to who asked: the cause, whether asking again may help, and what to do next.

These are facts of the protocol. Which exit code a command ends with, and what its user can do about it on a command
line, is in `mqadmin/response_table.py`, by the same codes.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from rocketmq_ops.remoting.codes import ResponseCode


class Meaning(NamedTuple):
    """`cause` and `next_step` are for people. `retriable`: the same request may succeed later or on another broker.

    `refresh_route`: the route should be fetched again before that.
    """

    cause: str
    next_step: str = "see the remark and the server's log"
    retriable: bool = False
    refresh_route: bool = False


#: The meaning of any other code.
UNKNOWN: Final = Meaning("a code that no version defines")

#: Every code but SUCCESS.
MEANINGS: Final[dict[int, Meaning]] = {
    ResponseCode.RPC_TIME_OUT: Meaning(
        "a call between servers took too long", "check the load of the servers", retriable=True
    ),
    ResponseCode.RPC_SEND_TO_CHANNEL_FAILED: Meaning(
        "a server could not reach another", "check the network between servers", retriable=True
    ),
    ResponseCode.RPC_ADDR_IS_NULL: Meaning(
        "a server did not know another's address",
        "check that all brokers are registered",
        retriable=True,
        refresh_route=True,
    ),
    ResponseCode.RPC_UNKNOWN: Meaning(
        "a call between servers failed", "see the server's log for the cause", retriable=True
    ),
    ResponseCode.SYSTEM_ERROR: Meaning(
        "the server failed while it handled the request", "see the server's log for the cause", retriable=True
    ),
    ResponseCode.SYSTEM_BUSY: Meaning(
        "the server has more work than it takes on", "send more slowly, or add brokers", retriable=True
    ),
    ResponseCode.REQUEST_CODE_NOT_SUPPORTED: Meaning(
        "the server does not know this request", "check the server's version"
    ),
    ResponseCode.TRANSACTION_FAILED: Meaning(
        "the transaction could not be completed", "check the transaction's state on the broker"
    ),
    ResponseCode.FLUSH_DISK_TIMEOUT: Meaning(
        "stored, but not on disk within syncFlushTimeout", "check the broker's disk"
    ),
    ResponseCode.SLAVE_NOT_AVAILABLE: Meaning(
        "stored on the master; no slave is there to take it", "check the broker's slaves"
    ),
    ResponseCode.FLUSH_SLAVE_TIMEOUT: Meaning(
        "stored on the master; no slave confirmed in time", "check the broker's slaves"
    ),
    ResponseCode.MESSAGE_ILLEGAL: Meaning(
        "the message breaks the broker's limits", "make the body, topic or properties smaller"
    ),
    ResponseCode.SERVICE_NOT_AVAILABLE: Meaning(
        "the broker takes no messages now: stopping, not writable, or disk full",
        "check the broker's state and disk",
        retriable=True,
    ),
    ResponseCode.VERSION_NOT_SUPPORTED: Meaning(
        "the server does not serve this client's version", "use a client of a supported version"
    ),
    ResponseCode.NO_PERMISSION: Meaning(
        "the topic, group or broker forbids this",
        "check the account that the client signs with, its rights, and the permissions of topic and broker",
        retriable=True,
        refresh_route=True,
    ),
    ResponseCode.TOPIC_NOT_EXIST: Meaning(
        "the topic is not known there", "create the topic, or check its name", retriable=True, refresh_route=True
    ),
    ResponseCode.TOPIC_EXIST_ALREADY: Meaning("the topic is there already", "choose another name"),
    ResponseCode.PULL_NOT_FOUND: Meaning("no message at this offset yet", "pull again", retriable=True),
    ResponseCode.PULL_RETRY_IMMEDIATELY: Meaning(
        "messages were skipped by the filter", "pull again from the next offset", retriable=True
    ),
    ResponseCode.PULL_OFFSET_MOVED: Meaning(
        "the offset is outside the queue", "pull from the offset that the answer gives"
    ),
    ResponseCode.QUERY_NOT_FOUND: Meaning(
        "nothing is stored under this key or queue", "check the key, topic and group"
    ),
    ResponseCode.SUBSCRIPTION_PARSE_FAILED: Meaning("the filter expression cannot be parsed", "correct the expression"),
    ResponseCode.SUBSCRIPTION_NOT_EXIST: Meaning(
        "the broker does not know this group's subscription yet", "send a heartbeat, then pull again", retriable=True
    ),
    ResponseCode.SUBSCRIPTION_NOT_LATEST: Meaning(
        "the broker has an older subscription of this group", "send a heartbeat, then pull again", retriable=True
    ),
    ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST: Meaning("the consumer group is not known there", "create the group"),
    ResponseCode.FILTER_DATA_NOT_EXIST: Meaning(
        "the broker has no filter data of this group", "send a heartbeat, then pull again", retriable=True
    ),
    ResponseCode.FILTER_DATA_NOT_LATEST: Meaning(
        "the broker has older filter data of this group", "send a heartbeat, then pull again", retriable=True
    ),
    ResponseCode.INVALID_PARAMETER: Meaning("a parameter is not valid", "correct the parameter the remark names"),
    ResponseCode.TRANSACTION_SHOULD_COMMIT: Meaning("the transaction is to be committed"),
    ResponseCode.TRANSACTION_SHOULD_ROLLBACK: Meaning("the transaction is to be rolled back"),
    ResponseCode.TRANSACTION_STATE_UNKNOW: Meaning("the transaction's state is not known"),
    ResponseCode.TRANSACTION_STATE_GROUP_WRONG: Meaning(
        "the transaction belongs to another producer group", "use the group that began it"
    ),
    ResponseCode.NO_BUYER_ID: Meaning("the message has no buyer id", retriable=True),
    ResponseCode.NOT_IN_CURRENT_UNIT: Meaning("the message belongs to another unit", retriable=True),
    ResponseCode.CONSUMER_NOT_ONLINE: Meaning("the consumer is not connected to this broker", "start the consumer"),
    ResponseCode.CONSUME_MSG_TIMEOUT: Meaning("the consumer did not finish the message in time", "check the consumer"),
    ResponseCode.NO_MESSAGE: Meaning("there is no such message", "check the message id"),
    ResponseCode.POLLING_FULL: Meaning("too many requests wait for messages", "try again later", retriable=True),
    ResponseCode.POLLING_TIMEOUT: Meaning("no message came within the polling time", "poll again", retriable=True),
    ResponseCode.BROKER_NOT_EXIST: Meaning(
        "the broker is not known there", "check the broker's name", refresh_route=True
    ),
    ResponseCode.BROKER_DISPATCH_NOT_COMPLETE: Meaning(
        "the broker still builds its queues", "try again later", retriable=True
    ),
    ResponseCode.BROADCAST_CONSUMPTION: Meaning(
        "the group consumes by broadcasting: the broker holds no offsets", "look at the clients' offsets"
    ),
    ResponseCode.FLOW_CONTROL: Meaning(
        "the server limits this client's rate", "send or pull more slowly", retriable=True
    ),
    ResponseCode.NOT_LEADER_FOR_QUEUE: Meaning(
        "another broker leads this logical queue", "fetch the route again", retriable=True, refresh_route=True
    ),
    ResponseCode.ILLEGAL_OPERATION: Meaning("the operation is not allowed in this state", "see the remark"),
    ResponseCode.GO_AWAY: Meaning(
        "the server is stopping and asks its clients to reconnect", "connect again", retriable=True, refresh_route=True
    ),
    ResponseCode.CONTROLLER_FENCED_MASTER_EPOCH: Meaning("the master's epoch is outdated"),
    ResponseCode.CONTROLLER_FENCED_SYNC_STATE_SET_EPOCH: Meaning("the sync state set's epoch is outdated"),
    ResponseCode.CONTROLLER_INVALID_MASTER: Meaning("the broker is not the master"),
    ResponseCode.CONTROLLER_INVALID_REPLICAS: Meaning("the replicas are not valid"),
    ResponseCode.CONTROLLER_MASTER_NOT_AVAILABLE: Meaning("there is no master now", retriable=True),
    ResponseCode.CONTROLLER_INVALID_REQUEST: Meaning("the controller refuses the request"),
    ResponseCode.CONTROLLER_BROKER_NOT_ALIVE: Meaning("the broker is not alive", retriable=True),
    ResponseCode.CONTROLLER_NOT_LEADER: Meaning(
        "another controller leads", "ask the leading controller", retriable=True
    ),
    ResponseCode.CONTROLLER_BROKER_METADATA_NOT_EXIST: Meaning("the controller does not know the broker"),
    ResponseCode.CONTROLLER_INVALID_CLEAN_BROKER_METADATA: Meaning("the broker's data cannot be cleaned so"),
    ResponseCode.CONTROLLER_BROKER_NEED_TO_BE_REGISTERED: Meaning("the broker has to register first"),
    ResponseCode.CONTROLLER_MASTER_STILL_EXIST: Meaning("there still is a master"),
    ResponseCode.CONTROLLER_ELECT_MASTER_FAILED: Meaning("no master could be elected", retriable=True),
    ResponseCode.CONTROLLER_ALTER_SYNC_STATE_SET_FAILED: Meaning(
        "the sync state set could not be changed", retriable=True
    ),
    ResponseCode.CONTROLLER_BROKER_ID_INVALID: Meaning("the broker id is not valid"),
    ResponseCode.CONTROLLER_JRAFT_INTERNAL_ERROR: Meaning("the controllers' consensus failed", retriable=True),
    ResponseCode.CONTROLLER_BROKER_LIVE_INFO_NOT_EXISTS: Meaning("the controller has no live info of the broker"),
    ResponseCode.LMQ_QUOTA_EXCEEDED: Meaning(
        "the broker has as many light queues as it may (since 5.5)",
        "delete lite topics, or raise the broker's maxLmqConsumeQueueNum",
    ),
    ResponseCode.LITE_SUBSCRIPTION_QUOTA_EXCEEDED: Meaning(
        "the broker has as many subscriptions of lite topics as it may (since 5.5)",
        "unsubscribe from lite topics, or raise the broker's maxLiteSubscriptionCount",
    ),
    ResponseCode.USER_NOT_EXIST: Meaning("the user is not known", "create the user"),
    ResponseCode.POLICY_NOT_EXIST: Meaning("the subject has no such policy", "create the policy"),
}


def meaning_of(code: int) -> Meaning:
    """The meaning of a code, UNKNOWN for an undefined one."""
    return MEANINGS.get(code, UNKNOWN)
