"""Typed bodies under Apache's class names, loaded when first asked for.

`from rocketmq_ops.remoting.bodies import TopicRouteData` loads only the module that holds it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rocketmq_ops.common.lazy import lazy_names

if TYPE_CHECKING:
    from rocketmq_ops.remoting.bodies.auth import *  # noqa: F403
    from rocketmq_ops.remoting.bodies.base import *  # noqa: F403
    from rocketmq_ops.remoting.bodies.connection import *  # noqa: F403
    from rocketmq_ops.remoting.bodies.group import *  # noqa: F403
    from rocketmq_ops.remoting.bodies.ha import *  # noqa: F403
    from rocketmq_ops.remoting.bodies.heartbeat import *  # noqa: F403
    from rocketmq_ops.remoting.bodies.lite import *  # noqa: F403
    from rocketmq_ops.remoting.bodies.lock import *  # noqa: F403
    from rocketmq_ops.remoting.bodies.offset import *  # noqa: F403
    from rocketmq_ops.remoting.bodies.plain_acl import *  # noqa: F403
    from rocketmq_ops.remoting.bodies.pop import *  # noqa: F403
    from rocketmq_ops.remoting.bodies.queue import *  # noqa: F403
    from rocketmq_ops.remoting.bodies.registration import *  # noqa: F403
    from rocketmq_ops.remoting.bodies.route import *  # noqa: F403
    from rocketmq_ops.remoting.bodies.running_info import *  # noqa: F403
    from rocketmq_ops.remoting.bodies.stats import *  # noqa: F403
    from rocketmq_ops.remoting.bodies.table import *  # noqa: F403
    from rocketmq_ops.remoting.bodies.topic import *  # noqa: F403

_MODULES = {
    "auth": ("AclInfo PolicyEntryInfo PolicyInfo UserInfo"),
    "base": ("RemotingSerializable"),
    "connection": ("Connection ConsumerConnection ProducerConnection ProducerInfo ProducerTableInfo"),
    "group": (
        "CustomizedRetryPolicy ExponentialRetryPolicy GroupForbidden GroupRetryPolicy "
        "SimpleSubscriptionData SubscriptionGroupConfig SubscriptionGroupList "
        "SubscriptionGroupWrapper"
    ),
    "ha": (
        "BrokerReplicasInfo BrokerSyncInfo EpochEntry EpochEntryCache HAClientRuntimeInfo "
        "HAConnectionRuntimeInfo HARuntimeInfo ReplicaIdentity ReplicasInfo SyncStateSet"
    ),
    "heartbeat": (
        "CheckClientRequestBody ConsumerData HeartbeatData ProducerData QuerySubscriptionResponseBody SubscriptionData"
    ),
    "lite": (
        "ClientGroup GetBrokerLiteInfoResponseBody GetLiteClientInfoResponseBody GetLiteGroupInfoResponseBody "
        "GetLiteTopicInfoResponseBody GetParentTopicInfoResponseBody LiteLagInfo"
    ),
    "lock": ("LockBatchRequestBody LockBatchResponseBody UnlockBatchRequestBody"),
    "offset": (
        "ConsumerOffsetSerializeWrapper GetConsumerStatusBody MessageQueueForC OffsetMovedEvent "
        "QueryCorrectionOffsetBody ResetOffsetBody ResetOffsetBodyForC"
    ),
    "plain_acl": ("GetBrokerClusterAclConfigResponseBody PlainAccessConfig"),
    "pop": (
        "MessageQueueAssignment QueryAssignmentRequestBody QueryAssignmentResponseBody SetMessageRequestModeRequestBody"
    ),
    "queue": ("ConsumeQueueData QueryConsumeQueueResponseBody"),
    "registration": ("RegisterBrokerBody"),
    "route": (
        "BrokerData BrokerMemberGroup ClusterInfo GetBrokerMemberGroupResponseBody "
        "QueueData TopicQueueMappingInfo TopicRouteData"
    ),
    "running_info": (
        "ConsumeMessageDirectlyResult ConsumeStatus ConsumerRunningInfo PopProcessQueueInfo ProcessQueueInfo"
    ),
    "stats": (
        "BrokerStatsData BrokerStatsItem ConsumeStats ConsumeStatsList OffsetWrapper "
        "QueryConsumeTimeSpanBody QueueTimeSpan RollbackStats"
    ),
    "table": ("GetConsumerListByGroupResponseBody GroupList KVTable"),
    "topic": (
        "CreateTopicListRequestBody LogicQueueMappingItem TopicConfig "
        "TopicConfigAndMappingSerializeWrapper TopicConfigAndQueueMapping TopicConfigSerializeWrapper TopicList "
        "TopicOffset TopicQueueMappingDetail TopicRemappingDetailWrapper TopicStatsTable"
    ),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names.split()}
__getattr__ = lazy_names(__name__, _MODULE_OF)


def body_class_names() -> list[str]:
    """Names of all declared body classes."""
    return sorted(_MODULE_OF)
