"""consumerConnection and producerConnection, as Apache's commands print them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rocketmq_ops.mqadmin.render.java.text import columns, or_null

if TYPE_CHECKING:
    from rocketmq_ops.client.admin.client import ConsumerConnections, ProducerConnections

_CLIENT = "%-36s %-22s %-10s %s"


def consumer_connection(data: ConsumerConnections, options: Mapping[str, Any]) -> str:
    """The clients, the subscriptions and the kind of the group."""
    lines = [columns(_CLIENT, "#ClientId", "#ClientAddr", "#Language", "#Version")]
    lines += [columns(_CLIENT, c.client_id, c.client_addr, c.language, c.version) for c in data.connections]
    lines += ["\nBelow is subscription:\n", columns("%-20s %s", "#Topic", "#SubExpression")]
    lines += [columns("%-20s %s", s.topic, s.sub_string) for s in data.subscriptions]
    kinds = (data.consume_type, data.message_model, data.consume_from_where)
    named = zip(("ConsumeType", "MessageModel", "ConsumeFromWhere"), kinds, strict=True)
    return "".join([*lines, "\n", *(f"{name}: {or_null(value)}\n" for name, value in named)])


def producer_connection(data: ProducerConnections, options: Mapping[str, Any]) -> str:
    """A numbered line for each client, without headings."""
    return "".join(
        columns("%s  %-32s %-22s %-8s %s", f"{number:04d}", c.client_id, c.client_addr, c.language, c.version)
        for number, c in enumerate(data.connections, 1)
    )
