"""What a server's response code means on a command line: the exit code, and what the user can do next.

The cause, and whether asking again may help, is in `remoting/response_meanings.py`, by the same codes.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from rocketmq_ops.client.errors import ACL_EXCEPTION, BrokerError, UnsupportedError
from rocketmq_ops.common.topics import is_system_topic
from rocketmq_ops.mqadmin.exit_codes import ExitCode
from rocketmq_ops.remoting.codes import RequestCode, ResponseCode


class Advice(NamedTuple):
    """How a command that got this code ends."""

    exit_code: ExitCode
    next_step: str = "the server's answer says why; its log may say more"


#: For a code that nobody defined.
UNKNOWN: Final = Advice(ExitCode.FAILED)

#: Every code but SUCCESS.
ADVICE: Final[dict[int, Advice]] = {
    ResponseCode.RPC_TIME_OUT: Advice(ExitCode.FAILED),
    ResponseCode.RPC_SEND_TO_CHANNEL_FAILED: Advice(ExitCode.FAILED),
    ResponseCode.RPC_ADDR_IS_NULL: Advice(ExitCode.FAILED),
    ResponseCode.RPC_UNKNOWN: Advice(ExitCode.FAILED),
    ResponseCode.SYSTEM_ERROR: Advice(ExitCode.FAILED),
    ResponseCode.SYSTEM_BUSY: Advice(ExitCode.FAILED, "the server is busy: try again, or with a longer --timeout"),
    ResponseCode.REQUEST_CODE_NOT_SUPPORTED: Advice(
        ExitCode.UNSUPPORTED, "the server is of a version that does not know this request"
    ),
    ResponseCode.TRANSACTION_FAILED: Advice(ExitCode.FAILED),
    ResponseCode.FLUSH_DISK_TIMEOUT: Advice(ExitCode.FAILED),
    ResponseCode.SLAVE_NOT_AVAILABLE: Advice(ExitCode.FAILED),
    ResponseCode.FLUSH_SLAVE_TIMEOUT: Advice(ExitCode.FAILED),
    ResponseCode.MESSAGE_ILLEGAL: Advice(ExitCode.REFUSED, "correct the message or the option that the server refuses"),
    ResponseCode.SERVICE_NOT_AVAILABLE: Advice(
        ExitCode.FAILED, "try again later: the server is not able to serve this now"
    ),
    ResponseCode.VERSION_NOT_SUPPORTED: Advice(ExitCode.FAILED),
    ResponseCode.NO_PERMISSION: Advice(
        ExitCode.REFUSED,
        "use an account with the permission (a profile with accessKey and secretKey), or change what the server allows",
    ),
    ResponseCode.TOPIC_NOT_EXIST: Advice(
        ExitCode.NOT_FOUND, "check the topic's name with `mqadmin topicList`, or create it with `mqadmin updateTopic`"
    ),
    ResponseCode.TOPIC_EXIST_ALREADY: Advice(ExitCode.FAILED),
    ResponseCode.PULL_NOT_FOUND: Advice(ExitCode.FAILED),
    ResponseCode.PULL_RETRY_IMMEDIATELY: Advice(ExitCode.FAILED),
    ResponseCode.PULL_OFFSET_MOVED: Advice(ExitCode.FAILED),
    ResponseCode.QUERY_NOT_FOUND: Advice(ExitCode.NOT_FOUND, "check the name or key; nothing is stored under it"),
    ResponseCode.SUBSCRIPTION_PARSE_FAILED: Advice(ExitCode.REFUSED),
    ResponseCode.SUBSCRIPTION_NOT_EXIST: Advice(ExitCode.NOT_FOUND, "check that the consumer subscribes to this topic"),
    ResponseCode.SUBSCRIPTION_NOT_LATEST: Advice(ExitCode.REFUSED),
    ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST: Advice(
        ExitCode.NOT_FOUND, "check the group's name, or create it with `mqadmin updateSubGroup`"
    ),
    ResponseCode.FILTER_DATA_NOT_EXIST: Advice(ExitCode.FAILED),
    ResponseCode.FILTER_DATA_NOT_LATEST: Advice(ExitCode.FAILED),
    ResponseCode.INVALID_PARAMETER: Advice(ExitCode.REFUSED, "correct the value that the server refuses"),
    ResponseCode.TRANSACTION_SHOULD_COMMIT: Advice(ExitCode.FAILED),
    ResponseCode.TRANSACTION_SHOULD_ROLLBACK: Advice(ExitCode.FAILED),
    ResponseCode.TRANSACTION_STATE_UNKNOW: Advice(ExitCode.FAILED),
    ResponseCode.TRANSACTION_STATE_GROUP_WRONG: Advice(ExitCode.FAILED),
    ResponseCode.NO_BUYER_ID: Advice(ExitCode.FAILED),
    ResponseCode.NOT_IN_CURRENT_UNIT: Advice(ExitCode.FAILED),
    ResponseCode.CONSUMER_NOT_ONLINE: Advice(
        ExitCode.NOT_FOUND, "start a consumer of the group, or check the group's name with `mqadmin consumerProgress`"
    ),
    ResponseCode.CONSUME_MSG_TIMEOUT: Advice(ExitCode.FAILED),
    ResponseCode.NO_MESSAGE: Advice(ExitCode.FAILED),
    ResponseCode.POLLING_FULL: Advice(ExitCode.FAILED),
    ResponseCode.POLLING_TIMEOUT: Advice(ExitCode.FAILED),
    ResponseCode.BROKER_NOT_EXIST: Advice(ExitCode.FAILED),
    ResponseCode.BROKER_DISPATCH_NOT_COMPLETE: Advice(ExitCode.FAILED),
    ResponseCode.BROADCAST_CONSUMPTION: Advice(ExitCode.FAILED),
    ResponseCode.FLOW_CONTROL: Advice(ExitCode.FAILED),
    ResponseCode.NOT_LEADER_FOR_QUEUE: Advice(ExitCode.FAILED),
    ResponseCode.ILLEGAL_OPERATION: Advice(ExitCode.REFUSED),
    ResponseCode.GO_AWAY: Advice(ExitCode.FAILED),
    ResponseCode.CONTROLLER_FENCED_MASTER_EPOCH: Advice(ExitCode.FAILED),
    ResponseCode.CONTROLLER_FENCED_SYNC_STATE_SET_EPOCH: Advice(ExitCode.FAILED),
    ResponseCode.CONTROLLER_INVALID_MASTER: Advice(ExitCode.FAILED),
    ResponseCode.CONTROLLER_INVALID_REPLICAS: Advice(ExitCode.FAILED),
    ResponseCode.CONTROLLER_MASTER_NOT_AVAILABLE: Advice(ExitCode.FAILED),
    ResponseCode.CONTROLLER_INVALID_REQUEST: Advice(ExitCode.FAILED),
    ResponseCode.CONTROLLER_BROKER_NOT_ALIVE: Advice(ExitCode.FAILED),
    ResponseCode.CONTROLLER_NOT_LEADER: Advice(ExitCode.FAILED),
    ResponseCode.CONTROLLER_BROKER_METADATA_NOT_EXIST: Advice(ExitCode.FAILED),
    ResponseCode.CONTROLLER_INVALID_CLEAN_BROKER_METADATA: Advice(ExitCode.FAILED),
    ResponseCode.CONTROLLER_BROKER_NEED_TO_BE_REGISTERED: Advice(ExitCode.FAILED),
    ResponseCode.CONTROLLER_MASTER_STILL_EXIST: Advice(ExitCode.FAILED),
    ResponseCode.CONTROLLER_ELECT_MASTER_FAILED: Advice(ExitCode.FAILED),
    ResponseCode.CONTROLLER_ALTER_SYNC_STATE_SET_FAILED: Advice(ExitCode.FAILED),
    ResponseCode.CONTROLLER_BROKER_ID_INVALID: Advice(ExitCode.FAILED),
    ResponseCode.CONTROLLER_JRAFT_INTERNAL_ERROR: Advice(ExitCode.FAILED),
    ResponseCode.CONTROLLER_BROKER_LIVE_INFO_NOT_EXISTS: Advice(ExitCode.FAILED),
    ResponseCode.LMQ_QUOTA_EXCEEDED: Advice(ExitCode.FAILED),
    ResponseCode.LITE_SUBSCRIPTION_QUOTA_EXCEEDED: Advice(ExitCode.FAILED),
    ResponseCode.USER_NOT_EXIST: Advice(ExitCode.FAILED),
    ResponseCode.POLICY_NOT_EXIST: Advice(ExitCode.FAILED),
}


def advice_of(code: int) -> Advice:
    """The advice for a code, UNKNOWN for one that nobody defined."""
    return ADVICE.get(code, UNKNOWN)


_REFUSALS: Final = frozenset(
    {
        ResponseCode.SYSTEM_ERROR,
        ResponseCode.MESSAGE_ILLEGAL,
        ResponseCode.NO_PERMISSION,
        ResponseCode.INVALID_PARAMETER,
    }
)
#: Requests that name servers serve and brokers do not.
_OF_NAME_SERVERS: Final = frozenset(
    {
        RequestCode.PUT_KV_CONFIG,
        RequestCode.GET_KV_CONFIG,
        RequestCode.DELETE_KV_CONFIG,
        RequestCode.GET_ROUTEINFO_BY_TOPIC,
        RequestCode.GET_BROKER_CLUSTER_INFO,
        RequestCode.WIPE_WRITE_PERM_OF_BROKER,
        RequestCode.GET_ALL_TOPIC_LIST_FROM_NAMESERVER,
        RequestCode.DELETE_TOPIC_IN_NAMESRV,
        RequestCode.GET_KVLIST_BY_NAMESPACE,
        RequestCode.GET_TOPICS_BY_CLUSTER,
        RequestCode.GET_SYSTEM_TOPIC_LIST_FROM_NS,
        RequestCode.GET_UNIT_TOPIC_LIST,
        RequestCode.GET_HAS_UNIT_SUB_TOPIC_LIST,
        RequestCode.GET_HAS_UNIT_SUB_UNUNIT_TOPIC_LIST,
        RequestCode.UPDATE_NAMESRV_CONFIG,
        RequestCode.GET_NAMESRV_CONFIG,
        RequestCode.ADD_WRITE_PERM_OF_BROKER,
    }
)
#: Requests that every broker of 4.x and 5.x serves, and no name server.
_OF_ANY_BROKER: Final = frozenset(
    {
        RequestCode.SEND_MESSAGE,
        RequestCode.PULL_MESSAGE,
        RequestCode.QUERY_MESSAGE,
        RequestCode.QUERY_CONSUMER_OFFSET,
        RequestCode.UPDATE_CONSUMER_OFFSET,
        RequestCode.UPDATE_AND_CREATE_TOPIC,
        RequestCode.GET_ALL_TOPIC_CONFIG,
        RequestCode.UPDATE_BROKER_CONFIG,
        RequestCode.GET_BROKER_CONFIG,
        RequestCode.GET_BROKER_RUNTIME_INFO,
        RequestCode.SEARCH_OFFSET_BY_TIMESTAMP,
        RequestCode.GET_MAX_OFFSET,
        RequestCode.GET_MIN_OFFSET,
        RequestCode.VIEW_MESSAGE_BY_ID,
        RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP,
        RequestCode.GET_ALL_SUBSCRIPTIONGROUP_CONFIG,
        RequestCode.GET_TOPIC_STATS_INFO,
        RequestCode.GET_CONSUMER_CONNECTION_LIST,
        RequestCode.GET_PRODUCER_CONNECTION_LIST,
        RequestCode.DELETE_SUBSCRIPTIONGROUP,
        RequestCode.GET_CONSUME_STATS,
        RequestCode.DELETE_TOPIC_IN_BROKER,
        RequestCode.INVOKE_BROKER_TO_RESET_OFFSET,
        RequestCode.QUERY_TOPIC_CONSUME_BY_WHO,
        RequestCode.SEND_MESSAGE_V2,
    }
)


def next_step_of_refusal(error: BrokerError) -> str:
    """What to do about a server's refusal, by what was asked for and by what the server said beside the code."""
    request = error.request
    if isinstance(error, UnsupportedError) and error.feature is not None:
        return error.next_step
    if request is not None and error.code == ResponseCode.REQUEST_CODE_NOT_SUPPORTED:
        if request.code in _OF_NAME_SERVERS:
            return (
                f"{error.address} seems to be a broker: -n takes the addresses of name servers, which listen on port "
                "9876 unless they are configured otherwise"
            )
        if request.code in _OF_ANY_BROKER:
            return (
                f"{error.address} seems to be a name server: give the address of a broker, as `mqadmin clusterList` "
                "shows it"
            )
        return "the server is of a version that does not know this request, or it is a name server"
    topic = getattr(request.header, "topic", None) if request is not None else None
    if topic is not None and is_system_topic(topic) and error.code in _REFUSALS:
        return f"'{topic}' is a topic that brokers keep for themselves: choose another name"
    if ACL_EXCEPTION in error.remark:
        return "use a profile with the accessKey and secretKey of an account that the server knows and that may do this"
    if error.code == ResponseCode.NO_PERMISSION and "black list" in error.remark:
        return "no client may change this key: change it in the server's configuration file, and start the server again"
    if error.code == ResponseCode.NO_PERMISSION and "forbidden" in error.remark:
        where = f"`mqadmin topicRoute -t {topic} -l`" if topic is not None else "`mqadmin topicRoute -l`"
        return f"see the permission of the topic with {where}, and brokerPermission with `mqadmin getBrokerConfig`"
    return advice_of(error.code).next_step
