"""The name server's configuration keys (NamesrvConfig): each key, its type and Apache's default.

Not here: the network's keys (`remoting/config.py`) and the machinery (`common/config.py`).
"""

from __future__ import annotations

from typing import Annotated

from msgspec import field

from rocketmq_ops.common.config import PATH, ConfigClass, Long, Refused, Used, environment, home_path


class NamesrvConfig(ConfigClass):
    """Keys of the name server; attribute names are Apache's."""

    # Keys that take effect.
    kvConfigPath: Annotated[
        str,
        Used("the file of the KV configuration; by default `~/namesrv/kvConfig.json`", form=PATH),
    ] = field(default_factory=lambda: home_path("namesrv", "kvConfig.json"))
    configStorePath: Annotated[
        str, Used("the property file that updateNamesrvConfig writes into; the file given with -c", form=PATH)
    ] = field(default_factory=lambda: home_path("namesrv", "namesrv.properties"))
    orderMessageEnable: Annotated[bool, Used("add the order configuration of a topic to its route")] = False
    returnOrderTopicConfigToBroker: Annotated[
        bool, Used("answer a registration with the order configuration of all topics")
    ] = True
    scanNotActiveBrokerInterval: Annotated[
        Long, Used("ms between two scans for brokers whose heartbeat is overdue", low=1)
    ] = 5000
    supportActingMaster: Annotated[
        bool, Used("a route without a master shows the slave with the lowest id as an acting master")
    ] = False
    enableAllTopicList: Annotated[bool, Used("answer the list of all topics")] = True
    enableTopicList: Annotated[bool, Used("answer the lists of topics by cluster, unit and system")] = True
    notifyMinBrokerIdChanged: Annotated[
        bool, Used("notify the brokers of a group when its lowest broker id changes")
    ] = False
    needWaitForService: Annotated[
        bool, Used("answer no route until waitSecondsForService have passed since the start")
    ] = False
    waitSecondsForService: Annotated[
        int, Used("s during which routes are not answered when needWaitForService is set", low=0)
    ] = 45
    deleteTopicWithBrokerRegistration: Annotated[
        bool, Used("a topic missing from a broker's registration is removed from its route")
    ] = False
    configBlackList: Annotated[str, Used("keys, separated by `;`, that updateNamesrvConfig refuses")] = (
        "configBlackList;configStorePath;kvConfigPath"
    )

    # Keys of Apache's name server that are accepted and kept, without effect here.
    rocketmqHome: str | None = field(default_factory=lambda: environment("ROCKETMQ_HOME"))
    productEnvName: str = "center"
    clusterTest: bool = False
    clientRequestThreadPoolNums: int = 8
    defaultThreadPoolNums: int = 16
    clientRequestThreadPoolQueueCapacity: int = 50000
    defaultThreadPoolQueueCapacity: int = 10000
    unRegisterBrokerQueueCapacity: int = 3000
    enableControllerInNamesrv: Annotated[
        bool, Refused("this name server has no controller", "set it to false, or run Apache's controller")
    ] = False
