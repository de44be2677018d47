"""Options about clusters, brokers, name servers and controllers."""

from __future__ import annotations

from typing import Annotated

from rocketmq_ops.mqadmin.declare import Opt
from rocketmq_ops.mqadmin.values import addresses, names, path, positive

BrokerAddress = Annotated[str, Opt("-b", "--brokerAddr", help="this broker, HOST:PORT")]
Broker = Annotated[str, Opt("-b", "--broker", help="this broker, HOST:PORT")]
ClusterName = Annotated[str, Opt("-c", "--clusterName", help="all masters of this cluster")]
BrokerName = Annotated[str, Opt("-b", "--brokerName", help="broker name")]
BrokerNameA = Annotated[str, Opt("-a", "--brokerName", help="broker name")]
Cluster = Annotated[str, Opt("-c", "--cluster", help="all masters of this cluster")]
LmqCluster = Annotated[Cluster, "cluster, or parent topic of an lmq, whose brokers to ask"]
BrokerNameBn = Annotated[str, Opt("-bn", "--brokerName", help="broker name")]
ControllerAddress = Annotated[
    tuple[str, ...],
    Opt("-a", "--controllerAddress", help="controllers, HOST:PORT, separated by ';'", parse=addresses, metavar="ADDRS"),
]
ContainerAddress = Annotated[str, Opt("-c", "--brokerContainerAddr", help="the broker container, HOST:PORT")]
Interval = Annotated[
    int, Opt("-i", "--interval", help="show it again every so many seconds", parse=positive, metavar="SECONDS")
]
Key = Annotated[str, Opt("-k", "--key", help="configuration key")]
Value = Annotated[str, Opt("-v", "--value", help="new value of the key")]
Namespace = Annotated[str, Opt("-s", "--namespace", help="namespace of the key")]
JsonEnable = Annotated[bool | None, Opt("-j", "--jsonEnable", help="whether to print JSON, or a line for each entry")]
Clusters = Annotated[
    list[str], Opt("-c", "--clusters", help="all masters of these clusters", parse=names, metavar="A,B")
]
Brokers = Annotated[list[str], Opt("-b", "--brokers", help="these brokers, by name", parse=names, metavar="A,B")]
MapFile = Annotated[
    str, Opt("-mf", "--mapFile", help="apply the mapping that was saved there", parse=path, metavar="FILE")
]
ForceReplace = Annotated[
    bool | None, Opt("-fr", "--forceReplace", help="whether brokers take the mapping even if theirs is newer")
]
ExportFolder = Annotated[
    str,
    Opt("-f", "--filePath", help="folder to write to (default /tmp/rocketmq/export)", parse=path, metavar="FOLDER"),
]
ListFile = Annotated[str, Opt("-f", "--filename", help="JSON file", parse=path, metavar="FILE")]
