"""Attributes of a topic (`message.type`, `queue.type` ...): their text form, which exist, and how they are altered.

An alteration is a dict whose keys begin with `+` (add or change) or `-` (remove). No topic table lives here.
Mirrors AttributeParser, AttributeUtil and TopicAttributes of org.apache.rocketmq.common.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from rocketmq_ops.common.attributes import split_attributes
from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.common.javatypes import LONG_MAX

MESSAGE_TYPES = frozenset({"UNSPECIFIED", "NORMAL", "FIFO", "DELAY", "TRANSACTION", "MIXED"})
MESSAGE_TYPE = "message.type"


class Attribute:
    """One attribute: whether it may be changed after creation, and what its value may be."""

    __slots__ = ("changeable", "check", "name")

    def __init__(self, name: str, check: Callable[[str], str | None], *, changeable: bool) -> None:
        self.name = name
        self.check = check
        self.changeable = changeable


def _one_of(*values: str) -> Callable[[str], str | None]:
    def check(value: str) -> str | None:
        return None if value in values else f"value is not in set: [{', '.join(values)}]"

    return check


def _long(value: str) -> str | None:
    try:
        number = int(value)
    except ValueError:
        return f"expected a number, got '{value}'"
    return None if -1 <= number <= LONG_MAX else f"value is not in range(-1, {LONG_MAX})"


TOPIC_ATTRIBUTES: dict[str, Attribute] = {
    attribute.name: attribute
    for attribute in (
        Attribute("queue.type", _one_of("BatchCQ", "SimpleCQ"), changeable=False),
        Attribute("cleanup.policy", _one_of("DELETE", "COMPACTION"), changeable=False),
        Attribute(MESSAGE_TYPE, _one_of(*sorted(MESSAGE_TYPES)), changeable=True),
        Attribute("reserve.time", _long, changeable=True),
    )
}
GROUP_ATTRIBUTES: dict[str, Attribute] = {}


def parse_attributes(text: str | None) -> dict[str, str]:
    """The alteration that `+key=value,-key` says. Raises RocketMQError for another form."""
    result: dict[str, str] = {}
    for key, value in split_attributes(text) if text else ():
        if value is not None and "+" not in key:
            raise RocketMQError(f"add/alter attribute format is wrong: {key}", "write +key=value")
        if value is None and "-" not in key:
            raise RocketMQError(f"delete attribute format is wrong: {key}", "write -key")
        if key in result:
            raise RocketMQError(f"key duplication: {key}", "give each attribute once")
        result[key] = value or ""
    return result


def alter_attributes(
    known: Mapping[str, Attribute], current: Mapping[str, str], alteration: Mapping[str, str], *, create: bool
) -> dict[str, str]:
    """`current` with the alteration applied. Raises RocketMQError, and changes nothing, where one is not allowed."""
    result = dict(current)
    seen: set[str] = set()
    for key, value in alteration.items():
        sign, name = key[:1], key[1:]
        if not name or "+" in name or "-" in name:
            raise RocketMQError("kv string format wrong.", "write +key=value or -key")
        if name in seen:
            raise RocketMQError(f"alter duplication key. key: {name}", "give each attribute once")
        seen.add(name)
        if sign not in ("+", "-"):
            raise RocketMQError(f"wrong format key: {key}", "write +key=value or -key")
        if create and sign != "+":
            raise RocketMQError(f"only add attribute is supported while creating topic. key: {name}")
        if sign == "-" and name not in current:
            raise RocketMQError(f"attempt to delete a nonexistent key: {name}")
        attribute = known.get(name)
        if attribute is None:
            raise RocketMQError(f"unsupported key: {name}", f"known are {', '.join(sorted(known)) or 'none'}")
        if not create and not attribute.changeable:
            raise RocketMQError(f"attempt to update an unchangeable attribute. key: {name}")
        if sign == "-":
            del result[name]
            continue
        problem = attribute.check(value)
        if problem is not None:
            raise RocketMQError(problem)
        result[name] = value
    return result
