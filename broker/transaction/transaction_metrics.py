"""`config/transactionMetrics`: how many half messages of each topic wait for their end. Mirrors TransactionMetrics.

After a kill the counts are those of the last save; they are right again when no half message is left.
"""

from __future__ import annotations

from rocketmq_ops.broker.state.topic_counts import TopicCounts


class TransactionMetrics(TopicCounts):
    """Half messages, by the topic that they are meant for."""

    file_name = "transactionMetrics"
    key = "transactionCount"

    def none_left(self) -> None:
        """There is no half message: what is still counted was settled before a kill."""
        for topic, (count, _) in self.table.items():
            if count:
                self.add(topic, -count)
