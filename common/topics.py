"""Names of topics and groups: system topics, retry and dead-letter names, and what a name may look like.

Mirrors TopicValidator, MixAll and Validators.
"""

from __future__ import annotations

import re

AUTO_CREATE_TOPIC = "TBW102"
SCHEDULE_TOPIC = "SCHEDULE_TOPIC_XXXX"
BENCHMARK_TOPIC = "BenchmarkTest"
TRANS_HALF_TOPIC = "RMQ_SYS_TRANS_HALF_TOPIC"
TRANS_OP_HALF_TOPIC = "RMQ_SYS_TRANS_OP_HALF_TOPIC"
TRANS_CHECK_MAX_TIME_TOPIC = "TRANS_CHECK_MAX_TIME_TOPIC"
TRACE_TOPIC = "RMQ_SYS_TRACE_TOPIC"
SELF_TEST_TOPIC = "SELF_TEST_TOPIC"
OFFSET_MOVED_EVENT = "OFFSET_MOVED_EVENT"
ROCKSDB_OFFSET_TOPIC = "CHECKPOINT_TOPIC"
SYSTEM_TOPIC_PREFIX = "rmq_sys_"
SYNC_BROKER_MEMBER_GROUP_PREFIX = SYSTEM_TOPIC_PREFIX + "SYNC_BROKER_MEMBER_"
REPLY_TOPIC_POSTFIX = "REPLY_TOPIC"

RETRY_GROUP_TOPIC_PREFIX = "%RETRY%"
DLQ_GROUP_TOPIC_PREFIX = "%DLQ%"
CID_SYS_RMQ_TRANS = "CID_RMQ_SYS_TRANS"

DEFAULT_PRODUCER_GROUP = "DEFAULT_PRODUCER"
DEFAULT_CONSUMER_GROUP = "DEFAULT_CONSUMER"
TOOLS_CONSUMER_GROUP = "TOOLS_CONSUMER"
SCHEDULE_CONSUMER_GROUP = "SCHEDULE_CONSUMER"
FILTERSRV_CONSUMER_GROUP = "FILTERSRV_CONSUMER"
MONITOR_CONSUMER_GROUP = "__MONITOR_CONSUMER"
CLIENT_INNER_PRODUCER_GROUP = "CLIENT_INNER_PRODUCER"
SELF_TEST_CONSUMER_GROUP = "SELF_TEST_C_GROUP"
SELF_TEST_PRODUCER_GROUP = "SELF_TEST_P_GROUP"
ONS_HTTP_PROXY_GROUP = "CID_ONS-HTTP-PROXY"
CID_ONSAPI_PERMISSION_GROUP = "CID_ONSAPI_PERMISSION"
CID_ONSAPI_OWNER_GROUP = "CID_ONSAPI_OWNER"
CID_ONSAPI_PULL_GROUP = "CID_ONSAPI_PULL"
CID_RMQ_SYS_PREFIX = "CID_RMQ_SYS_"

#: Between topic and group in the keys of consumerOffset.json, and in the keys of statistics.
TOPIC_GROUP_SEPARATOR = "@"

SYSTEM_TOPICS = frozenset(
    {
        AUTO_CREATE_TOPIC,
        SCHEDULE_TOPIC,
        BENCHMARK_TOPIC,
        TRANS_HALF_TOPIC,
        TRACE_TOPIC,
        TRANS_OP_HALF_TOPIC,
        TRANS_CHECK_MAX_TIME_TOPIC,
        SELF_TEST_TOPIC,
        OFFSET_MOVED_EVENT,
        ROCKSDB_OFFSET_TOPIC,
    }
)
NOT_ALLOWED_SEND_TOPICS = frozenset(
    {
        SCHEDULE_TOPIC,
        TRANS_HALF_TOPIC,
        TRANS_OP_HALF_TOPIC,
        TRANS_CHECK_MAX_TIME_TOPIC,
        SELF_TEST_TOPIC,
        OFFSET_MOVED_EVENT,
    }
)

PREDEFINED_GROUPS = frozenset(
    {
        DEFAULT_CONSUMER_GROUP,
        DEFAULT_PRODUCER_GROUP,
        TOOLS_CONSUMER_GROUP,
        SCHEDULE_CONSUMER_GROUP,
        FILTERSRV_CONSUMER_GROUP,
        MONITOR_CONSUMER_GROUP,
        CLIENT_INNER_PRODUCER_GROUP,
        SELF_TEST_PRODUCER_GROUP,
        SELF_TEST_CONSUMER_GROUP,
        ONS_HTTP_PROXY_GROUP,
        CID_ONSAPI_PERMISSION_GROUP,
        CID_ONSAPI_OWNER_GROUP,
        CID_ONSAPI_PULL_GROUP,
        CID_SYS_RMQ_TRANS,
    }
)

TOPIC_MAX_LENGTH = 127
#: Bytes of the topic of a stored message at most when it is a retry topic; of any other TOPIC_MAX_LENGTH.
RETRY_TOPIC_MAX_BYTES = 255
GROUP_MAX_LENGTH = 255
#: Not compiled before it is needed: most commands never do.
_LEGAL = r"[%|a-zA-Z0-9_-]*"


def is_legal_name(name: str) -> bool:
    """True when every character may stand in a topic or group name."""
    return re.fullmatch(_LEGAL, name) is not None


def topic_problem(topic: str) -> str | None:
    """Why `topic` is not a valid topic name, or None when it is (TopicValidator.validateTopic)."""
    if not topic.strip():
        return "the topic name is blank"
    if not is_legal_name(topic):
        return f"the topic name '{topic}' has characters outside ^[%|a-zA-Z0-9_-]+$"
    if len(topic) > TOPIC_MAX_LENGTH:
        return f"the topic name is {len(topic)} characters long, the limit is {TOPIC_MAX_LENGTH}"
    return None


def group_problem(group: str) -> str | None:
    """Why `group` is not a valid group name, or None when it is (Validators.checkGroup)."""
    if not group.strip():
        return "the group name is blank"
    if not is_legal_name(group):
        return f"the group name '{group}' has characters outside ^[%|a-zA-Z0-9_-]+$"
    if len(group) > GROUP_MAX_LENGTH:
        return f"the group name is {len(group)} characters long, the limit is {GROUP_MAX_LENGTH}"
    return None


def is_system_topic(topic: str) -> bool:
    """True for the built-in topics and every name that begins with `rmq_sys_`."""
    return topic in SYSTEM_TOPICS or topic.startswith(SYSTEM_TOPIC_PREFIX)


def is_system_group(group: str) -> bool:
    """True for groups of brokers and proxies themselves (MixAll.isSysConsumerGroup)."""
    return group.startswith(CID_RMQ_SYS_PREFIX)


def is_predefined_group(group: str) -> bool:
    """True for the groups that every broker has from its start (MixAll.isPredefinedGroup)."""
    return group in PREDEFINED_GROUPS


def reply_topic(cluster: str) -> str:
    """The topic that replies of the request-reply mode are sent to in a cluster."""
    return f"{cluster}_{REPLY_TOPIC_POSTFIX}"


def retry_topic(group: str) -> str:
    """The topic from which `group` consumes again what it sent back."""
    return RETRY_GROUP_TOPIC_PREFIX + group


def dlq_topic(group: str) -> str:
    """The topic where messages of `group` end after the last retry."""
    return DLQ_GROUP_TOPIC_PREFIX + group


def is_lmq_topic(topic: str) -> bool:
    """Whether it is a light queue (`%LMQ%`): it has no route, and its messages are stored in another topic."""
    return topic.startswith("%LMQ%")


def is_retry_topic(topic: str) -> bool:
    """True for `%RETRY%...`."""
    return topic.startswith(RETRY_GROUP_TOPIC_PREFIX)


def is_topic_too_long(topic: str) -> bool:
    """True when no message of the topic can be stored (HookUtils.checkBeforePutMessage of 5.3.3).

    Group names may be so long that their retry or dead-letter topic is.
    """
    size = len(topic) if topic.isascii() else len(topic.encode("utf-8", "surrogatepass"))
    return size > (RETRY_TOPIC_MAX_BYTES if is_retry_topic(topic) else TOPIC_MAX_LENGTH)


def is_dlq_topic(topic: str) -> bool:
    """True for `%DLQ%...`."""
    return topic.startswith(DLQ_GROUP_TOPIC_PREFIX)


def topic_at_group(topic: str, group: str) -> str:
    """The key of a group's offsets on a topic."""
    return f"{topic}@{group}"


def split_topic_group(key: str) -> tuple[str, str]:
    """Topic and group of such a key; the group is empty in a key without separator."""
    topic, _, group = key.partition(TOPIC_GROUP_SEPARATOR)
    return topic, group


def namespace_of(name: str) -> str:
    """The namespace in front of a topic or group, `NAMESPACE%NAME`; empty without one (NamespaceUtil)."""
    namespace, separator, _ = _without_prefix(name)[1].partition("%")
    return namespace if separator else ""


def with_namespace(name: str, namespace: str) -> str:
    """A topic or group in a namespace: `NAMESPACE%NAME`, `%RETRY%NAMESPACE%NAME` (NamespaceUtil.wrapNamespace).

    Without a namespace, and where the name is in it already or is the system's, it stays as it is.
    """
    if not namespace or not name or is_system_topic(name) or is_system_group(name):
        return name
    prefix, bare = _without_prefix(name)
    return name if bare.startswith(f"{namespace}%") else f"{prefix}{namespace}%{bare}"


def without_namespace(name: str, namespace: str) -> str:
    """The name as applications know it; one of another namespace stays as it is (NamespaceUtil.withoutNamespace)."""
    if not namespace or not name or is_system_topic(name) or is_system_group(name):
        return name
    prefix, bare = _without_prefix(name)
    return prefix + bare.removeprefix(f"{namespace}%")


def _without_prefix(name: str) -> tuple[str, str]:
    for prefix in (RETRY_GROUP_TOPIC_PREFIX, DLQ_GROUP_TOPIC_PREFIX):
        if name.startswith(prefix):
            return prefix, name.removeprefix(prefix)
    return "", name
