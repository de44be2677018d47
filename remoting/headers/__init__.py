"""Typed custom headers under Apache's class names, loaded when first asked for.

`from rocketmq_ops.remoting.headers import PullMessageRequestHeader` loads only the module that holds it. A class names
the requests that carry it itself (`of_request`): who serves or sends a request names the class alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rocketmq_ops.common.lazy import lazy_names

if TYPE_CHECKING:
    from rocketmq_ops.remoting.headers.auth import *  # noqa: F403
    from rocketmq_ops.remoting.headers.base import *  # noqa: F403
    from rocketmq_ops.remoting.headers.base import CustomHeader
    from rocketmq_ops.remoting.headers.client import *  # noqa: F403
    from rocketmq_ops.remoting.headers.config import *  # noqa: F403
    from rocketmq_ops.remoting.headers.controller import *  # noqa: F403
    from rocketmq_ops.remoting.headers.group import *  # noqa: F403
    from rocketmq_ops.remoting.headers.ha import *  # noqa: F403
    from rocketmq_ops.remoting.headers.kv import *  # noqa: F403
    from rocketmq_ops.remoting.headers.lite import *  # noqa: F403
    from rocketmq_ops.remoting.headers.namesrv import *  # noqa: F403
    from rocketmq_ops.remoting.headers.offset import *  # noqa: F403
    from rocketmq_ops.remoting.headers.plain_acl import *  # noqa: F403
    from rocketmq_ops.remoting.headers.pop import *  # noqa: F403
    from rocketmq_ops.remoting.headers.pull import *  # noqa: F403
    from rocketmq_ops.remoting.headers.query import *  # noqa: F403
    from rocketmq_ops.remoting.headers.registration import *  # noqa: F403
    from rocketmq_ops.remoting.headers.route import *  # noqa: F403
    from rocketmq_ops.remoting.headers.send import *  # noqa: F403
    from rocketmq_ops.remoting.headers.stats import *  # noqa: F403
    from rocketmq_ops.remoting.headers.topic import *  # noqa: F403
    from rocketmq_ops.remoting.headers.transaction import *  # noqa: F403

_MODULES = {
    "auth": (
        "CreateAclRequestHeader CreateUserRequestHeader DeleteAclRequestHeader "
        "DeleteUserRequestHeader GetAclRequestHeader GetUserRequestHeader ListAclsRequestHeader "
        "ListUsersRequestHeader UpdateAclRequestHeader UpdateUserRequestHeader"
    ),
    "base": ("CustomHeader RpcRequestHeader TopicQueueRequestHeader TopicRequestHeader"),
    "client": (
        "ConsumeMessageDirectlyResultRequestHeader GetAllProducerInfoRequestHeader "
        "GetConsumerConnectionListRequestHeader GetConsumerListByGroupRequestHeader "
        "GetConsumerListByGroupResponseHeader GetConsumerRunningInfoRequestHeader "
        "GetConsumerStatusRequestHeader GetProducerConnectionListRequestHeader "
        "HeartbeatRequestHeader LockBatchMqRequestHeader NotifyConsumerIdsChangedRequestHeader "
        "UnlockBatchMqRequestHeader UnregisterClientRequestHeader UnregisterClientResponseHeader"
    ),
    "config": (
        "CheckRocksdbCqWriteProgressRequestHeader ExportRocksDBConfigToJsonRequestHeader GetBrokerConfigResponseHeader"
    ),
    "controller": (
        "AlterSyncStateSetRequestHeader AlterSyncStateSetResponseHeader ApplyBrokerIdRequestHeader "
        "ApplyBrokerIdResponseHeader CleanControllerBrokerDataRequestHeader "
        "ElectMasterRequestHeader ElectMasterResponseHeader GetMetaDataResponseHeader "
        "GetNextBrokerIdRequestHeader GetNextBrokerIdResponseHeader GetReplicaInfoRequestHeader "
        "GetReplicaInfoResponseHeader RegisterBrokerToControllerRequestHeader "
        "RegisterBrokerToControllerResponseHeader"
    ),
    "group": (
        "DeleteSubscriptionGroupRequestHeader GetSubscriptionGroupConfigRequestHeader UpdateGroupForbiddenRequestHeader"
    ),
    "ha": (
        "AddBrokerRequestHeader ExchangeHAInfoRequestHeader ExchangeHAInfoResponseHeader "
        "GetBrokerMemberGroupRequestHeader NotifyBrokerRoleChangedRequestHeader "
        "NotifyMinBrokerIdChangeRequestHeader RemoveBrokerRequestHeader "
        "ResetMasterFlushOffsetHeader"
    ),
    "kv": (
        "DeleteKVConfigRequestHeader GetKVConfigRequestHeader GetKVConfigResponseHeader "
        "GetKVListByNamespaceRequestHeader PutKVConfigRequestHeader"
    ),
    "lite": (
        "GetLiteClientInfoRequestHeader GetLiteGroupInfoRequestHeader GetLiteTopicInfoRequestHeader "
        "GetParentTopicInfoRequestHeader TriggerLiteDispatchRequestHeader"
    ),
    "namesrv": (
        "AddWritePermOfBrokerRequestHeader AddWritePermOfBrokerResponseHeader "
        "DeleteTopicFromNamesrvRequestHeader "
        "GetTopicsByClusterRequestHeader RegisterOrderTopicRequestHeader RegisterTopicRequestHeader "
        "WipeWritePermOfBrokerRequestHeader WipeWritePermOfBrokerResponseHeader"
    ),
    "offset": (
        "CloneGroupOffsetRequestHeader GetEarliestMsgStoretimeRequestHeader "
        "GetEarliestMsgStoretimeResponseHeader GetMaxOffsetRequestHeader GetMaxOffsetResponseHeader "
        "GetMinOffsetRequestHeader GetMinOffsetResponseHeader InitConsumerOffsetRequestHeader "
        "QueryConsumerOffsetRequestHeader QueryConsumerOffsetResponseHeader "
        "QueryCorrectionOffsetHeader ResetOffsetRequestHeader SearchOffsetRequestHeader "
        "SearchOffsetResponseHeader UpdateConsumerOffsetRequestHeader "
        "UpdateConsumerOffsetResponseHeader"
    ),
    "plain_acl": (
        "CreateAccessConfigRequestHeader DeleteAccessConfigRequestHeader GetBrokerAclConfigResponseHeader "
        "UpdateGlobalWhiteAddrsConfigRequestHeader"
    ),
    "pop": (
        "AckMessageRequestHeader ChangeInvisibleTimeRequestHeader ChangeInvisibleTimeResponseHeader "
        "NotificationRequestHeader NotificationResponseHeader PeekMessageRequestHeader "
        "PollingInfoRequestHeader PollingInfoResponseHeader PopMessageRequestHeader "
        "PopMessageResponseHeader StatisticsMessagesRequestHeader"
    ),
    "pull": ("PullMessageRequestHeader PullMessageResponseHeader"),
    "query": (
        "QueryConsumeQueueRequestHeader QueryMessageRequestHeader QueryMessageResponseHeader "
        "ViewMessageRequestHeader ViewMessageResponseHeader"
    ),
    "registration": (
        "BrokerHeartbeatRequestHeader QueryDataVersionRequestHeader QueryDataVersionResponseHeader "
        "RegisterBrokerRequestHeader RegisterBrokerResponseHeader RegisterFilterServerRequestHeader "
        "RegisterFilterServerResponseHeader UnRegisterBrokerRequestHeader"
    ),
    "route": ("GetRouteInfoRequestHeader"),
    "send": (
        "ConsumerSendMsgBackRequestHeader RecallMessageRequestHeader RecallMessageResponseHeader "
        "ReplyMessageRequestHeader SendMessageRequestHeader SendMessageRequestHeaderV2 "
        "SendMessageResponseHeader"
    ),
    "stats": (
        "GetConsumeStatsInBrokerHeader GetConsumeStatsRequestHeader "
        "QueryConsumeTimeSpanRequestHeader ViewBrokerStatsDataRequestHeader"
    ),
    "topic": (
        "CreateTopicListRequestHeader CreateTopicRequestHeader DeleteTopicRequestHeader "
        "GetAllTopicConfigResponseHeader GetTopicConfigRequestHeader GetTopicStatsInfoRequestHeader "
        "QuerySubscriptionByConsumerRequestHeader QueryTopicConsumeByWhoRequestHeader "
        "QueryTopicsByConsumerRequestHeader"
    ),
    "transaction": (
        "CheckTransactionStateRequestHeader CheckTransactionStateResponseHeader "
        "EndTransactionRequestHeader EndTransactionResponseHeader "
        "ResumeCheckHalfMessageRequestHeader"
    ),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names.split()}
__getattr__ = lazy_names(__name__, _MODULE_OF)


def header_of_request() -> dict[int, type[CustomHeader]]:
    """Request code -> header class, of all that are declared. Imports every module."""
    found: dict[int, type[CustomHeader]] = {}
    for name in _MODULE_OF:
        cls = __getattr__(name)
        if isinstance(cls, type):
            found.update(dict.fromkeys(cls.__dict__.get("codes", ()), cls))
    return found


def header_class_names() -> list[str]:
    """Names of all declared header classes."""
    return sorted(_MODULE_OF)
