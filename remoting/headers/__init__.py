"""Typed custom headers under Apache's class names, loaded when first asked for.

`from rocketmq_ops.remoting.headers import PullMessageRequestHeader` loads only the module that holds it;
`HEADER_OF_REQUEST[code]` gives the class of a request code.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .auth import *  # noqa: F403
    from .base import *  # noqa: F403
    from .client import *  # noqa: F403
    from .config import *  # noqa: F403
    from .controller import *  # noqa: F403
    from .group import *  # noqa: F403
    from .ha import *  # noqa: F403
    from .kv import *  # noqa: F403
    from .namesrv import *  # noqa: F403
    from .offset import *  # noqa: F403
    from .pop import *  # noqa: F403
    from .pull import *  # noqa: F403
    from .query import *  # noqa: F403
    from .registration import *  # noqa: F403
    from .send import *  # noqa: F403
    from .stats import *  # noqa: F403
    from .topic import *  # noqa: F403
    from .transaction import *  # noqa: F403

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
    "namesrv": (
        "AddWritePermOfBrokerRequestHeader AddWritePermOfBrokerResponseHeader "
        "DeleteTopicFromNamesrvRequestHeader GetRouteInfoRequestHeader "
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
        "RegisterBrokerRequestHeader RegisterBrokerResponseHeader UnRegisterBrokerRequestHeader"
    ),
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

_CLASS_OF_REQUEST = {
    10: "SendMessageRequestHeader",
    11: "PullMessageRequestHeader",
    12: "QueryMessageRequestHeader",
    14: "QueryConsumerOffsetRequestHeader",
    15: "UpdateConsumerOffsetRequestHeader",
    17: "CreateTopicRequestHeader",
    18: "CreateTopicListRequestHeader",
    29: "SearchOffsetRequestHeader",
    30: "GetMaxOffsetRequestHeader",
    31: "GetMinOffsetRequestHeader",
    32: "GetEarliestMsgStoretimeRequestHeader",
    33: "ViewMessageRequestHeader",
    34: "HeartbeatRequestHeader",
    35: "UnregisterClientRequestHeader",
    36: "ConsumerSendMsgBackRequestHeader",
    37: "EndTransactionRequestHeader",
    38: "GetConsumerListByGroupRequestHeader",
    39: "CheckTransactionStateRequestHeader",
    40: "NotifyConsumerIdsChangedRequestHeader",
    41: "LockBatchMqRequestHeader",
    42: "UnlockBatchMqRequestHeader",
    100: "PutKVConfigRequestHeader",
    101: "GetKVConfigRequestHeader",
    102: "DeleteKVConfigRequestHeader",
    103: "RegisterBrokerRequestHeader",
    104: "UnRegisterBrokerRequestHeader",
    105: "GetRouteInfoRequestHeader",
    202: "GetTopicStatsInfoRequestHeader",
    203: "GetConsumerConnectionListRequestHeader",
    204: "GetProducerConnectionListRequestHeader",
    205: "WipeWritePermOfBrokerRequestHeader",
    207: "DeleteSubscriptionGroupRequestHeader",
    208: "GetConsumeStatsRequestHeader",
    215: "DeleteTopicRequestHeader",
    216: "DeleteTopicFromNamesrvRequestHeader",
    217: "RegisterTopicRequestHeader",
    219: "GetKVListByNamespaceRequestHeader",
    220: "ResetOffsetRequestHeader",
    221: "GetConsumerStatusRequestHeader",
    222: "ResetOffsetRequestHeader",
    223: "GetConsumerStatusRequestHeader",
    224: "GetTopicsByClusterRequestHeader",
    300: "QueryTopicConsumeByWhoRequestHeader",
    303: "QueryConsumeTimeSpanRequestHeader",
    307: "GetConsumerRunningInfoRequestHeader",
    308: "QueryCorrectionOffsetHeader",
    309: "ConsumeMessageDirectlyResultRequestHeader",
    310: "SendMessageRequestHeaderV2",
    314: "CloneGroupOffsetRequestHeader",
    315: "ViewBrokerStatsDataRequestHeader",
    317: "GetConsumeStatsInBrokerHeader",
    320: "SendMessageRequestHeaderV2",
    321: "QueryConsumeQueueRequestHeader",
    322: "QueryDataVersionRequestHeader",
    323: "ResumeCheckHalfMessageRequestHeader",
    324: "SendMessageRequestHeader",
    325: "SendMessageRequestHeaderV2",
    326: "ReplyMessageRequestHeader",
    327: "AddWritePermOfBrokerRequestHeader",
    328: "GetAllProducerInfoRequestHeader",
    343: "QueryTopicsByConsumerRequestHeader",
    345: "QuerySubscriptionByConsumerRequestHeader",
    351: "GetTopicConfigRequestHeader",
    352: "GetSubscriptionGroupConfigRequestHeader",
    353: "UpdateGroupForbiddenRequestHeader",
    354: "CheckRocksdbCqWriteProgressRequestHeader",
    355: "ExportRocksDBConfigToJsonRequestHeader",
    361: "PullMessageRequestHeader",
    370: "RecallMessageRequestHeader",
    901: "GetBrokerMemberGroupRequestHeader",
    902: "AddBrokerRequestHeader",
    903: "RemoveBrokerRequestHeader",
    904: "BrokerHeartbeatRequestHeader",
    905: "NotifyMinBrokerIdChangeRequestHeader",
    906: "ExchangeHAInfoRequestHeader",
    908: "ResetMasterFlushOffsetHeader",
    1001: "AlterSyncStateSetRequestHeader",
    1002: "ElectMasterRequestHeader",
    1003: "RegisterBrokerToControllerRequestHeader",
    1004: "GetReplicaInfoRequestHeader",
    1008: "NotifyBrokerRoleChangedRequestHeader",
    1011: "CleanControllerBrokerDataRequestHeader",
    1012: "GetNextBrokerIdRequestHeader",
    1013: "ApplyBrokerIdRequestHeader",
    3001: "CreateUserRequestHeader",
    3002: "UpdateUserRequestHeader",
    3003: "DeleteUserRequestHeader",
    3004: "GetUserRequestHeader",
    3005: "ListUsersRequestHeader",
    3006: "CreateAclRequestHeader",
    3007: "UpdateAclRequestHeader",
    3008: "DeleteAclRequestHeader",
    3009: "GetAclRequestHeader",
    3010: "ListAclsRequestHeader",
    200050: "PopMessageRequestHeader",
    200051: "AckMessageRequestHeader",
    200052: "PeekMessageRequestHeader",
    200053: "ChangeInvisibleTimeRequestHeader",
    200054: "NotificationRequestHeader",
    200055: "PollingInfoRequestHeader",
}


def __getattr__(name: str) -> Any:
    module = _MODULE_OF.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{module}", __name__), name)
    globals()[name] = value
    return value


class _HeaderOfRequest(Mapping[int, type]):
    """Request code -> header class; a class is imported when its code is looked up."""

    def __getitem__(self, code: int) -> type:
        cls: type = __getattr__(_CLASS_OF_REQUEST[code])
        return cls

    def __iter__(self) -> Iterator[int]:
        return iter(_CLASS_OF_REQUEST)

    def __len__(self) -> int:
        return len(_CLASS_OF_REQUEST)


HEADER_OF_REQUEST: Mapping[int, type] = _HeaderOfRequest()


def header_class_names() -> list[str]:
    """Names of all declared header classes."""
    return sorted(_MODULE_OF)
