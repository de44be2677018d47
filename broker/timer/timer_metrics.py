"""`config/timermetrics`: how many messages of each topic wait for their time. Mirrors TimerMetrics."""

from __future__ import annotations

from rocketmq_ops.broker.state.topic_counts import TopicCounts


class TimerMetrics(TopicCounts):
    """Messages in the timer wheel, by the topic that they go to."""

    file_name = "timermetrics"
    key = "timingCount"
