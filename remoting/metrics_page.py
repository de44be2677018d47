"""The page `/metrics` of a server, which Prometheus reads; its text is made by the package prometheus-client.

Figures are gathered when the page is read, on the loop, for the tables are its own; their text is made in a thread.
Loaded only by a server that has the page.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from rocketmq_ops.common.config import ConfigError
from rocketmq_ops.remoting.histogram import Buckets, Histogram
from rocketmq_ops.remoting.http_page import HttpPage

if TYPE_CHECKING:
    from prometheus_client.core import Metric

    from rocketmq_ops.remoting.server_tls import ServerTls

PATH: Final = "/metrics"
#: Without `metricsPromExporterHost`, for who else may read it is to be decided; Apache's listens on every address then.
LOOPBACK: Final = "127.0.0.1"


class Figures(msgspec.Struct):
    """The figures of one name: what they are, and a value for each set of labels."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    doc: str
    values: list[tuple[dict[str, str], float]] = msgspec.field(default_factory=list)
    #: Of a histogram, in the place of `values`.
    buckets: list[tuple[dict[str, str], Buckets]] = msgspec.field(default_factory=list)

    def add(self, value: float, **labels: str) -> None:
        """One more value."""
        self.values.append((labels, value))

    def add_histogram(self, histogram: Histogram, **labels: str) -> None:
        """One more histogram, as it is now."""
        self.buckets.append((labels, histogram.moment()))


def labels_of(text: str) -> dict[str, str]:
    """The labels of `metricsLabel`, `name:value` separated by commas, as Apache's broker takes them; wrong ones not."""
    pairs = [item.split(":") for item in text.split(",") if item]
    return {pair[0]: pair[1] for pair in pairs if len(pair) == 2 and pair[0].isidentifier()}


def families(figures: list[Figures], common: Mapping[str, str]) -> Iterator[Metric]:
    """The same as prometheus-client has it, each value with the labels that all have."""
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

    classes = {"counter": CounterMetricFamily, "gauge": GaugeMetricFamily, "histogram": HistogramMetricFamily}
    for each in figures:
        cls = classes[each.kind]
        name = each.name.removesuffix("_total") if each.kind == "counter" else each.name
        family: Metric = cls(name, each.doc)
        for labels, value in each.values:
            sample = f"{name}_total" if each.kind == "counter" else name
            family.add_sample(sample, {**common, **labels}, value)
        for labels, buckets in each.buckets:
            for suffix, bound, value in buckets.samples():
                family.add_sample(name + suffix, {**common, **labels, **({"le": bound} if bound else {})}, value)
        yield family


class MetricsPage(HttpPage):
    """Answers what `gather` gives, with the labels `common`."""

    what = "metrics page"

    def __init__(self, host: str, port: int, common: Mapping[str, str], tls: ServerTls | None = None) -> None:
        """Raises ConfigError when the package prometheus-client is missing."""
        try:
            import prometheus_client  # noqa: F401
        except ImportError:
            raise ConfigError(
                "metricsExporterType=PROM needs the package prometheus-client, which is not installed",
                "pip install 'rocketmq-ops[metrics]', or remove the key",
            ) from None
        super().__init__(host or LOOPBACK, port, PATH, tls)
        self._common = common

    async def gather(self) -> list[Figures]:
        """All figures as they are now."""
        raise NotImplementedError

    async def text(self, reached_at: str) -> tuple[str, bytes]:
        """The page in Prometheus' text format."""
        figures = await self.gather()
        return await asyncio.to_thread(self._encode, figures)

    def _encode(self, figures: list[Figures]) -> tuple[str, bytes]:
        from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

        common = self._common

        class Collector:
            def collect(self) -> Iterator[Metric]:
                return families(figures, common)

        registry = CollectorRegistry(auto_describe=False)
        registry.register(Collector())
        return CONTENT_TYPE_LATEST, generate_latest(registry)
