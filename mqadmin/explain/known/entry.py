"""What is known of one text, and the commands that several texts name to look further."""

from __future__ import annotations

from typing import Final, NamedTuple


class Known(NamedTuple):
    """One thing that goes wrong. `where` is Apache's class that says it; `look` are command lines that show more.

    `texts` are its wordings, the first as `where` has it; `…` stands for what differs. `before_apache` are wordings of
    3.x, whose sources are not Apache's.
    """

    key: str
    where: str
    texts: tuple[str, ...]
    cause: str
    remedy: str
    look: tuple[str, ...] = ()
    before_apache: tuple[str, ...] = ()


ROUTE: Final = ("topicRoute -t TOPIC", "topicList", "clusterList")
LOAD: Final = ("brokerStatus -b HOST:PORT", "clusterList")
DISK: Final = ("brokerStatus -b HOST:PORT", "getBrokerConfig -b HOST:PORT", "deleteExpiredCommitLog -b HOST:PORT")
CLIENTS: Final = ("consumerConnection -g GROUP", "consumerProgress -g GROUP")
CHECK: Final = ("store check STORE_DIR", "store predict STORE_DIR")
REPLICAS: Final = ("haStatus -c CLUSTER", "clusterList")
