"""Bodies. Subscription groups: their configuration."""

from __future__ import annotations

import msgspec

from rocketmq_ops.common.data_version import DataVersion
from rocketmq_ops.remoting.bodies.base import RemotingSerializable
from rocketmq_ops.remoting.bodies.enums import GroupRetryPolicyType


class SimpleSubscriptionData(RemotingSerializable, kw_only=True):
    """A subscription that a group is bound to."""

    expression: str = "*"
    expression_type: str = "TAG"
    topic: str = ""
    version: int = 0


class ExponentialRetryPolicy(RemotingSerializable, kw_only=True):
    """Delays in ms: `initial`, times `multiplier` each, at most `max`."""

    initial: int = 5000
    max: int = 7_200_000
    multiplier: int = 2


class CustomizedRetryPolicy(RemotingSerializable, kw_only=True):
    """Delays in ms, one a retry."""

    next: list[int] = []


class GroupRetryPolicy(RemotingSerializable, kw_only=True):
    """How long failed messages wait; `type` is CUSTOMIZED or EXPONENTIAL."""

    customized_retry_policy: CustomizedRetryPolicy | None = None
    exponential_retry_policy: ExponentialRetryPolicy | None = None
    type: GroupRetryPolicyType | None = "CUSTOMIZED"


class SubscriptionGroupConfig(RemotingSerializable, kw_only=True):
    """A consumer group's configuration on a broker."""

    attributes: dict[str, str] = {}
    broker_id: int = 0
    consume_broadcast_enable: bool = True
    consume_enable: bool = True
    consume_from_min_enable: bool = True
    consume_message_orderly: bool = False
    consume_timeout_minute: int = 15
    group_name: str = ""
    group_retry_policy: GroupRetryPolicy = msgspec.field(default_factory=GroupRetryPolicy)
    group_sys_flag: int = 0
    notify_consumer_ids_changed_enable: bool = True
    retry_max_times: int = 16
    retry_queue_nums: int = 1
    subscription_data_set: list[SimpleSubscriptionData] | None = None
    which_broker_when_consume_slowly: int = 1


class SubscriptionGroupWrapper(RemotingSerializable, kw_only=True):
    """All groups of a broker: answer to GET_ALL_SUBSCRIPTIONGROUP_CONFIG."""

    data_version: DataVersion = msgspec.field(default_factory=DataVersion)
    forbidden_table: dict[str, dict[str, int]] = {}
    subscription_group_table: dict[str, SubscriptionGroupConfig] = {}


class SubscriptionGroupList(RemotingSerializable, kw_only=True):
    """Body of UPDATE_AND_CREATE_SUBSCRIPTIONGROUP_LIST."""

    group_config_list: list[SubscriptionGroupConfig] = []


class GroupForbidden(RemotingSerializable, kw_only=True):
    """Whether a group may read a topic."""

    group: str = ""
    readable: bool | None = None
    topic: str = ""
