"""Bodies with objects or numbers as keys: written part by part they read as fastjson writes the whole."""

from __future__ import annotations

import pytest

from rocketmq_ops.common import fastjson
from rocketmq_ops.common.message import MessageQueue
from rocketmq_ops.remoting.bodies import (
    BrokerData,
    ClusterInfo,
    ConsumeStats,
    ConsumeStatsList,
    OffsetWrapper,
    QueryCorrectionOffsetBody,
    ResetOffsetBody,
    TopicOffset,
    TopicStatsTable,
)
from rocketmq_ops.remoting.bodies.base import RemotingSerializable, _plain

QUEUES = [MessageQueue(topic=topic, broker_name='b"ö', queue_id=n) for topic in ("T", 'é":null') for n in range(3)]
STATS = ConsumeStats(offset_table={queue: OffsetWrapper(broker_offset=9) for queue in QUEUES}, consume_tps=0.5)


@pytest.mark.parametrize(
    "body",
    [
        TopicStatsTable(offset_table={}, topic_put_tps=0.0),
        TopicStatsTable(offset_table={queue: TopicOffset(max_offset=5) for queue in QUEUES}, topic_put_tps=1e21),
        STATS,
        ConsumeStatsList(consume_stats_list=[{"g": [STATS, STATS]}, {}], broker_addr=None, total_diff=1),
        ResetOffsetBody(offset_table={queue: queue.queue_id for queue in QUEUES}),
        QueryCorrectionOffsetBody(correction_offsets={0: 1, 2: -3}),
        ClusterInfo(
            broker_addr_table={"a": BrokerData(broker_name="a", cluster="c", broker_addrs={0: "h:1", 1: "h:2"})},
            cluster_addr_table={"c": ["a"]},
        ),
    ],
)
def test_parts_read_as_the_whole(body: RemotingSerializable) -> None:
    assert body.encode() == fastjson.dumps(_plain(body))
