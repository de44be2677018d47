"""The name server's configuration keys (NamesrvConfig): each key, its type and Apache's default.

Its page of addresses and its log alone have keys that Apache's does not know.

Not here: the network's keys (`remoting/config.py`) and the machinery (`common/config.py`).
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import field

from rocketmq_ops.common.addresses import AddressError, parse_address, split_addresses
from rocketmq_ops.common.config import PATH, ConfigClass, Form, Long, Refused, Used, environment, home_path
from rocketmq_ops.common.logs.config import LogDir, LogFiles, LogFileSize, LogFormat, LogLevel
from rocketmq_ops.remoting.metrics_config import MetricsHost, MetricsLabel, MetricsPort


def _are_addresses(text: str) -> bool:
    try:
        for address in split_addresses(text):
            parse_address(address)
    except AddressError:
        return False
    return True


#: Nothing is a list of addresses too.
ADDRESSES = Form("addresses as HOST:PORT, separated by `;`", _are_addresses)


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
    # Keys that Apache's name server does not have, and ignores.
    addressServerPort: Annotated[
        int,
        Used(
            "the port on which clients read the addresses of the name servers, at `/rocketmq/nsaddr`, on bindAddress; "
            "0 is none; a key of this server alone",
            low=0,
            high=65535,
        ),
    ] = 0
    addressServerAddresses: Annotated[
        str,
        Used(
            "the name servers that are answered there, this one and its peers, `host:port` separated by `;`; by "
            "default this one alone, at the address where it was reached; a key of this server alone",
            form=ADDRESSES,
        ),
    ] = ""

    metricsExporterType: Annotated[
        Literal["DISABLE", "PROM"],
        Used(
            "PROM answers Prometheus on metricsPromExporterPort, at `/metrics`; needs the extra `metrics`; a key of "
            "this server alone, as all of metrics"
        ),
    ] = "DISABLE"
    metricsPromExporterPort: MetricsPort = 5557
    metricsPromExporterHost: MetricsHost = ""
    metricsLabel: MetricsLabel = ""
    logDir: LogDir = ""
    logFormat: LogFormat = "text"
    logLevel: LogLevel = "INFO"
    logFileSize: LogFileSize = 100 * 1024 * 1024
    logFiles: LogFiles = 5

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
