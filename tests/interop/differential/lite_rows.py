"""Rows of lite topics, which 5.5.0 has: a parent topic without messages, and a group bound to it."""

from __future__ import annotations

from typing import Any

from tests.interop.differential.reading import columns, rows
from tests.interop.differential.table import FIVE_5, NOT_FOUND, STACK, Row, changed, fails, same


def _names(answer: Any) -> Any:
    return sorted(broker["brokerName"] for broker in answer.data["brokers"])


_FIVE_5: dict[str, Any] = {"versions": (FIVE_5,)}

LITE: tuple[Row, ...] = (
    same(
        "getBrokerLiteInfo -c {C}",
        columns(1, 2, 3, 4),
        rows("brokers", "storeType", "maxLmqs", "lmqs", "subscriptions"),
        **_FIVE_5,
    ),
    same(
        "getParentTopicInfo -p parent",
        columns(0, 1, 2),
        rows("brokers", "brokerName", "ttlMinutes", "liteTopics"),
        **_FIVE_5,
    ),
    same(
        "getLiteTopicInfo -p parent -l child",
        columns(0, 1, 2, 4, 5),
        lambda answer: sorted(
            (b["brokerName"], b["minOffset"], b["maxOffset"], str(b["sharding"]).lower(), len(b["subscribers"]))
            for b in answer.data["brokers"]
        ),
        **_FIVE_5,
    ),
    same(
        "getLiteGroupInfo -p parent -g lite",
        lambda answer: int(answer.text.partition("Total Lag Count: ")[2].split()[0]),
        lambda answer: answer.data["lagTotal"],
        **_FIVE_5,
    ),
    same(
        "getLiteClientInfo -p parent -g lite -c nobody",
        columns(0, header="#Broker"),
        lambda a: [(n,) for n in _names(a)],
        **_FIVE_5,
    ),
    changed("triggerLiteDispatch -p parent -g lite", changes=False, **_FIVE_5),
    fails("getParentTopicInfo -p nowhere", STACK, NOT_FOUND, **_FIVE_5),
)
