"""Typed custom headers under Apache's class names, loaded when first asked for.

`from rocketmq_ops.remoting.headers import PullMessageRequestHeader` loads only the module that holds it;
`HEADER_OF_REQUEST[code]` gives the class of a request code.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .auth import (
        CreateAclRequestHeader as CreateAclRequestHeader,
        CreateUserRequestHeader as CreateUserRequestHeader,
        DeleteAclRequestHeader as DeleteAclRequestHeader,
        DeleteUserRequestHeader as DeleteUserRequestHeader,
        GetAclRequestHeader as GetAclRequestHeader,
        GetUserRequestHeader as GetUserRequestHeader,
        ListAclsRequestHeader as ListAclsRequestHeader,
        ListUsersRequestHeader as ListUsersRequestHeader,
        UpdateAclRequestHeader as UpdateAclRequestHeader,
        UpdateUserRequestHeader as UpdateUserRequestHeader,
    )
    from .base import (
        CustomHeader as CustomHeader,
        RpcRequestHeader as RpcRequestHeader,
        TopicQueueRequestHeader as TopicQueueRequestHeader,
        TopicRequestHeader as TopicRequestHeader,
    )
    from .client import (
        ConsumeMessageDirectlyResultRequestHeader as ConsumeMessageDirectlyResultRequestHeader,
        GetAllProducerInfoRequestHeader as GetAllProducerInfoRequestHeader,
        GetConsumerConnectionListRequestHeader as GetConsumerConnectionListRequestHeader,
        GetConsumerListByGroupRequestHeader as GetConsumerListByGroupRequestHeader,
        GetConsumerListByGroupResponseHeader as GetConsumerListByGroupResponseHeader,
        GetConsumerRunningInfoRequestHeader as GetConsumerRunningInfoRequestHeader,
        GetConsumerStatusRequestHeader as GetConsumerStatusRequestHeader,
        GetProducerConnectionListRequestHeader as GetProducerConnectionListRequestHeader,
        HeartbeatRequestHeader as HeartbeatRequestHeader,
        LockBatchMqRequestHeader as LockBatchMqRequestHeader,
        NotifyConsumerIdsChangedRequestHeader as NotifyConsumerIdsChangedRequestHeader,
        UnlockBatchMqRequestHeader as UnlockBatchMqRequestHeader,
        UnregisterClientRequestHeader as UnregisterClientRequestHeader,
        UnregisterClientResponseHeader as UnregisterClientResponseHeader,
    )
    from .config import (
        CheckRocksdbCqWriteProgressRequestHeader as CheckRocksdbCqWriteProgressRequestHeader,
        ExportRocksDBConfigToJsonRequestHeader as ExportRocksDBConfigToJsonRequestHeader,
        GetBrokerConfigResponseHeader as GetBrokerConfigResponseHeader,
    )
    from .controller import (
        AlterSyncStateSetRequestHeader as AlterSyncStateSetRequestHeader,
        AlterSyncStateSetResponseHeader as AlterSyncStateSetResponseHeader,
        ApplyBrokerIdRequestHeader as ApplyBrokerIdRequestHeader,
        ApplyBrokerIdResponseHeader as ApplyBrokerIdResponseHeader,
        CleanControllerBrokerDataRequestHeader as CleanControllerBrokerDataRequestHeader,
        ElectMasterRequestHeader as ElectMasterRequestHeader,
        ElectMasterResponseHeader as ElectMasterResponseHeader,
        GetMetaDataResponseHeader as GetMetaDataResponseHeader,
        GetNextBrokerIdRequestHeader as GetNextBrokerIdRequestHeader,
        GetNextBrokerIdResponseHeader as GetNextBrokerIdResponseHeader,
        GetReplicaInfoRequestHeader as GetReplicaInfoRequestHeader,
        GetReplicaInfoResponseHeader as GetReplicaInfoResponseHeader,
        RegisterBrokerToControllerRequestHeader as RegisterBrokerToControllerRequestHeader,
        RegisterBrokerToControllerResponseHeader as RegisterBrokerToControllerResponseHeader,
    )
    from .group import (
        DeleteSubscriptionGroupRequestHeader as DeleteSubscriptionGroupRequestHeader,
        GetSubscriptionGroupConfigRequestHeader as GetSubscriptionGroupConfigRequestHeader,
        UpdateGroupForbiddenRequestHeader as UpdateGroupForbiddenRequestHeader,
    )
    from .ha import (
        AddBrokerRequestHeader as AddBrokerRequestHeader,
        ExchangeHAInfoRequestHeader as ExchangeHAInfoRequestHeader,
        ExchangeHAInfoResponseHeader as ExchangeHAInfoResponseHeader,
        GetBrokerMemberGroupRequestHeader as GetBrokerMemberGroupRequestHeader,
        NotifyBrokerRoleChangedRequestHeader as NotifyBrokerRoleChangedRequestHeader,
        NotifyMinBrokerIdChangeRequestHeader as NotifyMinBrokerIdChangeRequestHeader,
        RemoveBrokerRequestHeader as RemoveBrokerRequestHeader,
        ResetMasterFlushOffsetHeader as ResetMasterFlushOffsetHeader,
    )
    from .kv import (
        DeleteKVConfigRequestHeader as DeleteKVConfigRequestHeader,
        GetKVConfigRequestHeader as GetKVConfigRequestHeader,
        GetKVConfigResponseHeader as GetKVConfigResponseHeader,
        GetKVListByNamespaceRequestHeader as GetKVListByNamespaceRequestHeader,
        PutKVConfigRequestHeader as PutKVConfigRequestHeader,
    )
    from .namesrv import (
        AddWritePermOfBrokerRequestHeader as AddWritePermOfBrokerRequestHeader,
        AddWritePermOfBrokerResponseHeader as AddWritePermOfBrokerResponseHeader,
        DeleteTopicFromNamesrvRequestHeader as DeleteTopicFromNamesrvRequestHeader,
        GetRouteInfoRequestHeader as GetRouteInfoRequestHeader,
        GetTopicsByClusterRequestHeader as GetTopicsByClusterRequestHeader,
        RegisterOrderTopicRequestHeader as RegisterOrderTopicRequestHeader,
        RegisterTopicRequestHeader as RegisterTopicRequestHeader,
        WipeWritePermOfBrokerRequestHeader as WipeWritePermOfBrokerRequestHeader,
        WipeWritePermOfBrokerResponseHeader as WipeWritePermOfBrokerResponseHeader,
    )
    from .offset import (
        CloneGroupOffsetRequestHeader as CloneGroupOffsetRequestHeader,
        GetEarliestMsgStoretimeRequestHeader as GetEarliestMsgStoretimeRequestHeader,
        GetEarliestMsgStoretimeResponseHeader as GetEarliestMsgStoretimeResponseHeader,
        GetMaxOffsetRequestHeader as GetMaxOffsetRequestHeader,
        GetMaxOffsetResponseHeader as GetMaxOffsetResponseHeader,
        GetMinOffsetRequestHeader as GetMinOffsetRequestHeader,
        GetMinOffsetResponseHeader as GetMinOffsetResponseHeader,
        InitConsumerOffsetRequestHeader as InitConsumerOffsetRequestHeader,
        QueryConsumerOffsetRequestHeader as QueryConsumerOffsetRequestHeader,
        QueryConsumerOffsetResponseHeader as QueryConsumerOffsetResponseHeader,
        QueryCorrectionOffsetHeader as QueryCorrectionOffsetHeader,
        ResetOffsetRequestHeader as ResetOffsetRequestHeader,
        SearchOffsetRequestHeader as SearchOffsetRequestHeader,
        SearchOffsetResponseHeader as SearchOffsetResponseHeader,
        UpdateConsumerOffsetRequestHeader as UpdateConsumerOffsetRequestHeader,
        UpdateConsumerOffsetResponseHeader as UpdateConsumerOffsetResponseHeader,
    )
    from .pop import (
        AckMessageRequestHeader as AckMessageRequestHeader,
        ChangeInvisibleTimeRequestHeader as ChangeInvisibleTimeRequestHeader,
        ChangeInvisibleTimeResponseHeader as ChangeInvisibleTimeResponseHeader,
        NotificationRequestHeader as NotificationRequestHeader,
        NotificationResponseHeader as NotificationResponseHeader,
        PeekMessageRequestHeader as PeekMessageRequestHeader,
        PollingInfoRequestHeader as PollingInfoRequestHeader,
        PollingInfoResponseHeader as PollingInfoResponseHeader,
        PopMessageRequestHeader as PopMessageRequestHeader,
        PopMessageResponseHeader as PopMessageResponseHeader,
        StatisticsMessagesRequestHeader as StatisticsMessagesRequestHeader,
    )
    from .pull import (
        PullMessageRequestHeader as PullMessageRequestHeader,
        PullMessageResponseHeader as PullMessageResponseHeader,
    )
    from .query import (
        QueryConsumeQueueRequestHeader as QueryConsumeQueueRequestHeader,
        QueryMessageRequestHeader as QueryMessageRequestHeader,
        QueryMessageResponseHeader as QueryMessageResponseHeader,
        ViewMessageRequestHeader as ViewMessageRequestHeader,
        ViewMessageResponseHeader as ViewMessageResponseHeader,
    )
    from .registration import (
        BrokerHeartbeatRequestHeader as BrokerHeartbeatRequestHeader,
        QueryDataVersionRequestHeader as QueryDataVersionRequestHeader,
        QueryDataVersionResponseHeader as QueryDataVersionResponseHeader,
        RegisterBrokerRequestHeader as RegisterBrokerRequestHeader,
        RegisterBrokerResponseHeader as RegisterBrokerResponseHeader,
        UnRegisterBrokerRequestHeader as UnRegisterBrokerRequestHeader,
    )
    from .send import (
        ConsumerSendMsgBackRequestHeader as ConsumerSendMsgBackRequestHeader,
        RecallMessageRequestHeader as RecallMessageRequestHeader,
        RecallMessageResponseHeader as RecallMessageResponseHeader,
        ReplyMessageRequestHeader as ReplyMessageRequestHeader,
        SendMessageRequestHeader as SendMessageRequestHeader,
        SendMessageRequestHeaderV2 as SendMessageRequestHeaderV2,
        SendMessageResponseHeader as SendMessageResponseHeader,
    )
    from .stats import (
        GetConsumeStatsInBrokerHeader as GetConsumeStatsInBrokerHeader,
        GetConsumeStatsRequestHeader as GetConsumeStatsRequestHeader,
        QueryConsumeTimeSpanRequestHeader as QueryConsumeTimeSpanRequestHeader,
        ViewBrokerStatsDataRequestHeader as ViewBrokerStatsDataRequestHeader,
    )
    from .topic import (
        CreateTopicListRequestHeader as CreateTopicListRequestHeader,
        CreateTopicRequestHeader as CreateTopicRequestHeader,
        DeleteTopicRequestHeader as DeleteTopicRequestHeader,
        GetAllTopicConfigResponseHeader as GetAllTopicConfigResponseHeader,
        GetTopicConfigRequestHeader as GetTopicConfigRequestHeader,
        GetTopicStatsInfoRequestHeader as GetTopicStatsInfoRequestHeader,
        QuerySubscriptionByConsumerRequestHeader as QuerySubscriptionByConsumerRequestHeader,
        QueryTopicConsumeByWhoRequestHeader as QueryTopicConsumeByWhoRequestHeader,
        QueryTopicsByConsumerRequestHeader as QueryTopicsByConsumerRequestHeader,
    )
    from .transaction import (
        CheckTransactionStateRequestHeader as CheckTransactionStateRequestHeader,
        CheckTransactionStateResponseHeader as CheckTransactionStateResponseHeader,
        EndTransactionRequestHeader as EndTransactionRequestHeader,
        EndTransactionResponseHeader as EndTransactionResponseHeader,
        ResumeCheckHalfMessageRequestHeader as ResumeCheckHalfMessageRequestHeader,
    )

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
        "CheckRocksdbCqWriteProgressRequestHeader ExportRocksDBConfigToJsonRequestHeader "
        "GetBrokerConfigResponseHeader"
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
        "DeleteSubscriptionGroupRequestHeader GetSubscriptionGroupConfigRequestHeader "
        "UpdateGroupForbiddenRequestHeader"
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
