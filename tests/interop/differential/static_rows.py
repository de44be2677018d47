"""Rows of static topics, whose logical queues lie on the brokers as a mapping says."""

from __future__ import annotations

from tests.interop.differential.table import FAILED, NOT_FOUND, STACK, Row, changed, fails

STATIC: tuple[Row, ...] = (
    changed("updateStaticTopic -b broker-a -t static_{s} -qn 2"),
    changed("updateStaticTopic -c {C} -t static_{s} -qn 4"),
    changed("remappingStaticTopic -b broker-b -t static_{s}"),
    fails("updateStaticTopic -b broker-x -t static_{s} -qn 4", STACK, NOT_FOUND),
    fails("updateStaticTopic -c {C} -t paid -qn 4", STACK, FAILED),
    fails("remappingStaticTopic -c {C} -t nowhere", STACK, NOT_FOUND),
    fails("remappingStaticTopic -c {C} -t paid", STACK, FAILED),
)
