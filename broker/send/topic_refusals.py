"""What the broker says of a topic that it cannot take a message for, in Apache's words.

Mirrors TopicValidator.validateTopic and TopicConfig.toString; the rules themselves are in `common/topics.py`.
"""

from __future__ import annotations

from rocketmq_ops.common.permission import perm_to_string
from rocketmq_ops.common.topics import TOPIC_MAX_LENGTH, is_legal_name
from rocketmq_ops.remoting.bodies import TopicConfig


def topic_remark(topic: str) -> str | None:
    """Why a topic name is refused; None for a legal one."""
    if not topic.strip():
        return "The specified topic is blank."
    if not is_legal_name(topic):
        return "The specified topic contains illegal characters, allowing only ^[%|a-zA-Z0-9_-]+$"
    if len(topic) > TOPIC_MAX_LENGTH:
        return "The specified topic is longer than topic max length."
    return None


def describe_topic(config: TopicConfig) -> str:
    """A topic's settings as they appear in remarks."""
    attributes = ", ".join(f"{key}={value}" for key, value in (config.attributes or {}).items())
    return (
        f"TopicConfig [topicName={config.topic_name}, readQueueNums={config.read_queue_nums}, "
        f"writeQueueNums={config.write_queue_nums}, perm={perm_to_string(config.perm)}, "
        f"topicFilterType={config.topic_filter_type}, topicSysFlag={config.topic_sys_flag}, "
        f"order={'true' if config.order else 'false'}, attributes={{{attributes}}}]"
    )
