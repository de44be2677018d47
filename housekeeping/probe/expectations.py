"""What the prober expects: how it probes, and the limits of each measure, from a YAML file like `conf/probes.yaml`.

Each limit is a number with its unit (`200 ms`, `16 MB`, `75 %`), so that a file says by itself what it means; a wrong
key, unit or number is named with its line.
"""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from rocketmq_ops.common.errors import RocketMQError, system_words
from rocketmq_ops.common.nearest import nearest_name
from rocketmq_ops.common.shipped import shipped_path
from rocketmq_ops.housekeeping.probe.alert_settings import AlertSettings

if TYPE_CHECKING:
    from yaml.nodes import MappingNode, Node, ScalarNode


class ExpectationsError(RocketMQError):
    """A file of expectations that cannot be used."""


class Unit(StrEnum):
    """What a measure counts. Values are held in ms, bytes, percent, or plain numbers."""

    TIME = "ms"
    BYTES = "bytes"
    SHARE = "%"
    COUNT = "messages"
    RATE = "messages/min"


#: The words of each unit, with what they are worth in the unit that values are held in.
_WORDS: Final[dict[Unit, dict[str, float]]] = {
    Unit.TIME: {"ms": 1, "s": 1000, "min": 60_000, "h": 3_600_000, "d": 86_400_000},
    Unit.BYTES: {"bytes": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30},
    Unit.SHARE: {"%": 1},
    Unit.COUNT: {"messages": 1, "message": 1},
    Unit.RATE: {"messages/min": 1, "messages/s": 60, "messages/h": 1 / 60},
}
_VALUE: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(\S*)")


class Limits(msgspec.Struct, frozen=True):
    """Above `warning` or `critical` a value is that; None: never. In the unit of the measure."""

    warning: float | None = None
    critical: float | None = None


class Measured(msgspec.Struct, frozen=True):
    """One measure: what it counts, its limits where the file has none, and what it is."""

    unit: Unit
    limits: Limits
    means: str


_T, _B, _S, _C, _R = Unit.TIME, Unit.BYTES, Unit.SHARE, Unit.COUNT, Unit.RATE

#: Every measure by its name, which is the key in the file and the name in outputs.
MEASURES: Final[dict[str, Measured]] = {
    "sendTime": Measured(_T, Limits(500, 3000), "from a send to its answer, the slowest of a broker's messages"),
    "storeTime": Measured(_T, Limits(500, 3000), "from a send until the message is in the broker's log, the slowest"),
    "deliveryTime": Measured(_T, Limits(1000, 5000), "from a send to the message's arrival, the slowest"),
    "delayError": Measured(_T, Limits(1500, 10_000), "how much later (or earlier) than its delay a message comes"),
    "lost": Measured(_C, Limits(None, 0), "messages that were stored, or so the answer says, and did not come"),
    "duplicates": Measured(_C, Limits(0, None), "messages that came more than once"),
    "outOfOrder": Measured(_C, Limits(None, 0), "messages of a queue that came before an earlier one"),
    "replicationTime": Measured(_T, Limits(2000, 30_000), "until a slave has the broker's last message"),
    "replicationGap": Measured(_B, Limits(64e6, 1e9), "bytes of the commitlog that a slave lacks"),
    "dispatchGap": Measured(_B, Limits(16e6, 256e6), "bytes of the commitlog that no consumer can see yet"),
    "clockDifference": Measured(_T, Limits(2000, 30_000), "the broker's clock against this machine's"),
    "disk": Measured(_S, Limits(75, 85), "how full the disk of the commitlog is"),
    "nameServerTime": Measured(_T, Limits(500, 3000), "from a question to the name server's answer"),
    "retryRate": Measured(_R, Limits(600, 6000), "messages that a group sends back to be consumed again"),
    "deadLetterRate": Measured(_R, Limits(0, 60), "messages that a group gives up"),
    "deadLetterLeft": Measured(_T, Limits(None, None), "until the oldest dead letter of a group is deleted"),
}


class Expectations(msgspec.Struct, frozen=True, kw_only=True):
    """How to probe, and the limits of each measure. Sizes in bytes, times in ms."""

    #: Where it comes from, for messages.
    origin: str = "the defaults"
    #: Messages to each queue.
    messages: int = 2
    #: Queues of each broker that are probed.
    queues: int = 1
    #: Bytes of each body.
    size: int = 128
    #: How long to wait for what was sent.
    wait_ms: int = 5000
    #: The delay level that is measured; 0: none.
    delay_level: int = 1
    #: Whether the prober's topics and group stay when a run ends.
    keep: bool = False
    #: Questions to one server at a time, whatever they are.
    concurrency: int = 16
    #: Topics whose routes are compared among name servers in one run.
    routes: int = 100
    limits: dict[str, Limits] = {}
    alerts: AlertSettings = AlertSettings()

    def of(self, measure: str) -> Limits:
        """The limits of a measure."""
        return self.limits.get(measure, MEASURES[measure].limits)


#: The keys of `alerts`.
_ALERTS: Final = ("after", "remind", "command", "webhook")


class _Setting(msgspec.Struct, frozen=True):
    field: str
    least: int
    most: int
    unit: Unit | None = None


#: Measures that shall not be less than their limits; others shall not be more.
LEAST: Final = frozenset({"deadLetterLeft"})
#: Queues that a run may send to, of each broker.
MOST_QUEUES: Final = 128
#: The keys of `probe`.
_SETTINGS: Final = {
    "messages": _Setting("messages", 1, 1000),
    "queues": _Setting("queues", 1, MOST_QUEUES),
    "size": _Setting("size", 64, 4 << 20, _B),
    "wait": _Setting("wait_ms", 100, 60_000, _T),
    "delayLevel": _Setting("delay_level", 0, 18),
    "keep": _Setting("keep", 0, 1),
    "concurrency": _Setting("concurrency", 1, 64),
    "routes": _Setting("routes", 0, 100_000),
}


def shipped() -> Path:
    """The file that comes with the programs."""
    return Path(shipped_path("conf/probes.yaml"))


def read(path: Path) -> Expectations:
    """The expectations of a file. Raises ExpectationsError with the line of what is wrong."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = system_words(error) if isinstance(error, OSError) else "it is not UTF-8"
        raise ExpectationsError(f"cannot read {path}: {reason}", f"name a file like {shipped()}") from None
    return parse(text, str(path))


def parse(text: str, origin: str) -> Expectations:
    """The expectations that a text is; `origin` names it in errors. Raises ExpectationsError."""
    import yaml

    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = error.problem or error
        raise ExpectationsError(
            f"{origin}{f' line {mark.line + 1}' if mark is not None else ''}: not YAML: {problem}", "correct it"
        ) from None
    except yaml.YAMLError as error:
        raise ExpectationsError(f"{origin}: not YAML: {error}", "correct it") from None
    found: dict[str, Any] = {"origin": origin}
    if root is None:
        return Expectations(**found)
    reader = _Reader(origin)
    for key, node in reader.pairs(root, ("probe", "expect", "alerts"), "the file"):
        if key == "probe":
            for name, value in reader.pairs(node, _SETTINGS, "probe"):
                found[_SETTINGS[name].field] = reader.setting(name, value)
        elif key == "alerts":
            found["alerts"] = reader.alerts(node)
        else:
            found["limits"] = {
                name: reader.limits(name, value) for name, value in reader.pairs(node, MEASURES, "expect")
            }
    return Expectations(**found)


class _Reader:
    def __init__(self, origin: str) -> None:
        self._origin = origin

    def wrong(self, node: Node, cause: str, next_step: str) -> ExpectationsError:
        return ExpectationsError(f"{self._origin} line {node.start_mark.line + 1}: {cause}", next_step)

    def pairs(self, node: Node, known: Any, what: str) -> list[tuple[str, Node]]:
        """The keys of a mapping with their values, each known and there once."""
        names = ", ".join(known)
        if not _is_a(node, "mapping"):
            if _is_a(node, "scalar") and _scalar(node) == "":  # a key with nothing but comments below it
                return []
            raise self.wrong(node, f"{what} holds keys with values", f"known are {names}")
        found: dict[str, Node] = {}
        for key_node, value in _mapping(node):
            key = _scalar(key_node)
            if key not in known:
                near = nearest_name(key, known)
                raise self.wrong(
                    key_node, f"unknown key '{key}'", f"did you mean {near}?" if near else f"known are {names}"
                )
            if key in found:
                raise self.wrong(key_node, f"'{key}' is there twice", "leave one")
            found[key] = value
        return list(found.items())

    def setting(self, name: str, node: Node) -> int | bool:
        setting, text = _SETTINGS[name], _scalar(node)
        if name == "keep":
            if text not in ("true", "false"):
                raise self.wrong(node, f"invalid {name} '{text}'", "expected true or false")
            return text == "true"
        if setting.unit is not None:
            number = self._quantity(name, node, setting.unit)
        elif text.isascii() and text.isdecimal():
            number = int(text)
        else:
            raise self.wrong(node, f"invalid {name} '{text}'", "expected a whole number")
        if not setting.least <= number <= setting.most:
            raise self.wrong(
                node,
                f"invalid {name} '{text}'",
                f"expected from {setting.least} to {setting.most}{f' {setting.unit}' if setting.unit else ''}",
            )
        return int(number)

    def alerts(self, node: Node) -> AlertSettings:
        found: dict[str, Any] = {}
        for name, value in self.pairs(node, _ALERTS, "alerts"):
            text = _scalar(value)
            if name == "after":
                if not (text.isascii() and text.isdecimal() and 1 <= int(text) <= 100):
                    raise self.wrong(value, f"invalid after '{text}'", "expected a number of runs from 1 to 100")
                found["after"] = int(text)
            elif name == "remind":
                found["remind_ms"] = 0 if text == "never" else int(self._quantity(name, value, Unit.TIME))
            elif name == "command":
                found["command"] = self._command(value, text)
            elif not text or text.startswith(("http://", "https://")):
                found["webhook"] = text
            else:
                raise self.wrong(value, f"invalid webhook '{text}'", "expected a URL with http:// or https://")
        return AlertSettings(**found)

    def _command(self, node: Node, text: str) -> str:
        import shlex

        try:
            shlex.split(text)
        except ValueError as error:
            raise self.wrong(node, f"invalid command: {str(error).lower()}", "quote it as for a shell") from None
        return text.strip()

    def limits(self, name: str, node: Node) -> Limits:
        unit = MEASURES[name].unit
        found: dict[str, float | None] = {}
        for level, value in self.pairs(node, ("warning", "critical"), name):
            found[level] = None if _scalar(value) == "never" else self._quantity(name, value, unit)
        limits = Limits(**found)
        if name == "deadLetterLeft":  # the less is left, the worse
            ordered = limits.warning is None or limits.critical is None or limits.warning >= limits.critical
        else:
            ordered = limits.warning is None or limits.critical is None or limits.warning <= limits.critical
        if not ordered:
            raise self.wrong(node, f"{name}: warning comes after critical", "exchange the two limits")
        return limits

    def _quantity(self, name: str, node: Node, unit: Unit) -> float:
        words = _WORDS[unit]
        text, units = _scalar(node), ", ".join(words)
        match = _VALUE.fullmatch(text)
        if match is None:
            raise self.wrong(node, f"invalid {name} '{text}'", f"expected a number with its unit: {units}")
        number, word = match.groups()
        if word not in words:
            cause = f"{name} has the unit '{word}'" if word else f"{name} has no unit"
            raise self.wrong(node, cause, f"expected one of {units}, as in `{number} {next(iter(words))}`")
        return float(number) * words[word]


def _scalar(node: Node) -> str:
    scalar: ScalarNode = node  # type: ignore[assignment]
    return str(scalar.value).strip() if _is_a(node, "scalar") else "a list or mapping"


def _is_a(node: Node, kind: str) -> bool:
    """Whether it is a `scalar`, `sequence` or `mapping`."""
    return bool(getattr(node, "id", "") == kind)


def _mapping(node: Node) -> list[tuple[Node, Node]]:
    mapping: MappingNode = node  # type: ignore[assignment]
    return list(mapping.value)
