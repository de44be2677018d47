"""The large cluster of the benchmarks."""

from benchmarks.large_cluster import LargeCluster

from rocketmq_ops.remoting.bodies.connection import ProducerTableInfo
from rocketmq_ops.remoting.codes import RequestCode
from rocketmq_ops.remoting.command import RemotingCommand


def test_its_brokers_have_no_producers_and_say_so():
    cluster = LargeCluster(brokers=1, topics=1, queues=1, port=1)
    answer = cluster.answer(RemotingCommand.request(RequestCode.GET_ALL_PRODUCER_INFO))
    assert ProducerTableInfo.decode(answer.body).data == {}
