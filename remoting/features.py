"""Which Apache versions have which request: for the error when a server answers that it does not support one.

A feature is a group of requests that came with one version. Requests that are in no feature are in every version
since 4.9.0. Read from the RequestCode classes of the released jars.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from rocketmq_ops.remoting.codes import LegacyRequestCode, RequestCode


class Feature(NamedTuple):
    """`name`: for people. `since` and `until`: the first Apache version with it, and the last one ("" while it is in).

    `server`: the kind of server that has it. `instead`: what there is where it was taken out.
    """

    name: str
    since: str
    server: str = "broker"
    until: str = ""
    instead: str = ""


_ACL_INSTEAD: Final = "brokers from 5.3.3 on have users and their ACLs instead"

_FEATURES: Final[tuple[tuple[Feature, tuple[RequestCode | LegacyRequestCode, ...]], ...]] = (
    (
        Feature("giving back the write permission", "4.9.2", "name server"),
        (RequestCode.ADD_WRITE_PERM_OF_BROKER,),
    ),
    (Feature("the list of all producers", "4.9.4"), (RequestCode.GET_ALL_PRODUCER_INFO,)),
    (Feature("deleting expired commitlog files", "4.9.4"), (RequestCode.DELETE_EXPIRED_COMMITLOG,)),
    (
        Feature("ACLs by access key", "4.9.0", until="5.3.2", instead=_ACL_INSTEAD),
        tuple(LegacyRequestCode),
    ),
    (
        Feature("reading one topic's or group's configuration", "5.0.0"),
        (RequestCode.GET_TOPIC_CONFIG, RequestCode.GET_SUBSCRIPTIONGROUP_CONFIG),
    ),
    (
        Feature("a group's topics and subscriptions", "5.0.0"),
        (RequestCode.QUERY_TOPICS_BY_CONSUMER, RequestCode.QUERY_SUBSCRIPTION_BY_CONSUMER),
    ),
    (Feature("forbidding a group a topic", "5.0.0"), (RequestCode.UPDATE_AND_GET_GROUP_FORBIDDEN,)),
    (Feature("static topics", "5.0.0"), (RequestCode.UPDATE_AND_CREATE_STATIC_TOPIC,)),
    (
        Feature("pop consumption", "5.0.0"),
        (
            RequestCode.POP_MESSAGE,
            RequestCode.ACK_MESSAGE,
            RequestCode.PEEK_MESSAGE,
            RequestCode.CHANGE_MESSAGE_INVISIBLETIME,
            RequestCode.NOTIFICATION,
            RequestCode.POLLING_INFO,
            RequestCode.QUERY_ASSIGNMENT,
            RequestCode.SET_MESSAGE_REQUEST_MODE,
            RequestCode.GET_ALL_MESSAGE_REQUEST_MODE,
        ),
    ),
    (
        Feature("timer messages' figures", "5.0.0"),
        (RequestCode.GET_TIMER_CHECK_POINT, RequestCode.GET_TIMER_METRICS),
    ),
    (Feature("pulling without long polling", "5.0.0"), (RequestCode.LITE_PULL_MESSAGE,)),
    (Feature("a client's configuration", "5.0.0"), (RequestCode.GET_CLIENT_CONFIG,)),
    (
        Feature("the members of a broker group", "5.0.0", "name server"),
        (
            RequestCode.GET_BROKER_MEMBER_GROUP,
            RequestCode.BROKER_HEARTBEAT,
            RequestCode.REGISTER_TOPIC_IN_NAMESRV,
        ),
    ),
    (
        Feature("the state of replication", "5.0.0"),
        (
            RequestCode.GET_BROKER_HA_STATUS,
            RequestCode.EXCHANGE_BROKER_HA_INFO,
            RequestCode.RESET_MASTER_FLUSH_OFFSET,
            RequestCode.NOTIFY_MIN_BROKER_ID_CHANGE,
        ),
    ),
    (
        Feature("broker containers", "5.0.0", "broker container"),
        (RequestCode.ADD_BROKER, RequestCode.REMOVE_BROKER),
    ),
    (
        Feature("automatic switching of masters", "5.0.0"),
        (RequestCode.GET_BROKER_EPOCH_CACHE, RequestCode.NOTIFY_BROKER_ROLE_CHANGED),
    ),
    (
        Feature("controllers", "5.0.0", "controller"),
        (
            RequestCode.CONTROLLER_ALTER_SYNC_STATE_SET,
            RequestCode.CONTROLLER_ELECT_MASTER,
            RequestCode.CONTROLLER_REGISTER_BROKER,
            RequestCode.CONTROLLER_GET_REPLICA_INFO,
            RequestCode.CONTROLLER_GET_METADATA_INFO,
            RequestCode.CONTROLLER_GET_SYNC_STATE_DATA,
            RequestCode.UPDATE_CONTROLLER_CONFIG,
            RequestCode.GET_CONTROLLER_CONFIG,
            RequestCode.CLEAN_BROKER_DATA,
        ),
    ),
    (
        Feature("broker ids given by controllers", "5.1.1", "controller"),
        (RequestCode.CONTROLLER_GET_NEXT_BROKER_ID, RequestCode.CONTROLLER_APPLY_BROKER_ID),
    ),
    (
        Feature("flow control of cold reads", "5.1.2"),
        (
            RequestCode.UPDATE_COLD_DATA_FLOW_CTR_CONFIG,
            RequestCode.REMOVE_COLD_DATA_FLOW_CTR_CONFIG,
            RequestCode.GET_COLD_DATA_FLOW_CTR_INFO,
            RequestCode.SET_COMMITLOG_READ_MODE,
        ),
    ),
    (Feature("acknowledging in batches", "5.1.3"), (RequestCode.BATCH_ACK_MESSAGE,)),
    (
        Feature("users and ACLs", "5.3.0"),
        (
            RequestCode.AUTH_CREATE_USER,
            RequestCode.AUTH_UPDATE_USER,
            RequestCode.AUTH_DELETE_USER,
            RequestCode.AUTH_GET_USER,
            RequestCode.AUTH_LIST_USER,
            RequestCode.AUTH_CREATE_ACL,
            RequestCode.AUTH_UPDATE_ACL,
            RequestCode.AUTH_DELETE_ACL,
            RequestCode.AUTH_GET_ACL,
            RequestCode.AUTH_LIST_ACL,
        ),
    ),
    (Feature("lists of topics in one request", "5.3.0"), (RequestCode.UPDATE_AND_CREATE_TOPIC_LIST,)),
    (Feature("lists of groups in one request", "5.3.1"), (RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP_LIST,)),
    (Feature("the check of RocksDB's consume queues", "5.3.1"), (RequestCode.CHECK_ROCKSDB_CQ_WRITE_PROGRESS,)),
    (Feature("the export of RocksDB's configuration", "5.3.2"), (RequestCode.EXPORT_ROCKSDB_CONFIG_TO_JSON,)),
    (Feature("recalling messages", "5.3.2"), (RequestCode.RECALL_MESSAGE,)),
    (Feature("the export of pop records", "5.3.2"), (RequestCode.POP_ROLLBACK,)),
    (Feature("switching the timer's engine", "5.4.0"), (RequestCode.SWITCH_TIMER_ENGINE,)),
    (
        Feature("lite topics", "5.5.0"),
        (
            RequestCode.POP_LITE_MESSAGE,
            RequestCode.LITE_SUBSCRIPTION_CTL,
            RequestCode.ACK_LITE_MESSAGE,
            RequestCode.NOTIFY_UNSUBSCRIBE_LITE,
            RequestCode.GET_BROKER_LITE_INFO,
            RequestCode.GET_PARENT_TOPIC_INFO,
            RequestCode.GET_LITE_TOPIC_INFO,
            RequestCode.GET_LITE_CLIENT_INFO,
            RequestCode.GET_LITE_GROUP_INFO,
            RequestCode.TRIGGER_LITE_DISPATCH,
        ),
    ),
)

#: A part of QUERY_MESSAGE: brokers before it pay no heed to the kind of key that is asked for.
INDEX_OF_TAGS: Final = Feature("finding messages by their tag", "5.4.0")

#: Request code -> the feature that it belongs to.
FEATURES: Final[dict[int, Feature]] = {int(code): feature for feature, codes in _FEATURES for code in codes}


def feature_of(code: int) -> Feature | None:
    """The feature that a request belongs to; None for one that every version has, or none."""
    return FEATURES.get(code)
