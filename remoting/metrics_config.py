"""The configuration keys of the metrics page that the name server and the broker share; the names are Apache's."""

from __future__ import annotations

from typing import Annotated

from rocketmq_ops.common.config import Used

MetricsPort = Annotated[int, Used("the port of the metrics page, 0 takes any", low=0, high=65535)]
MetricsHost = Annotated[
    str,
    Used("the address of the metrics page; by default 127.0.0.1"),
]
MetricsLabel = Annotated[str, Used("labels of all metrics, `name:value` separated by commas")]
