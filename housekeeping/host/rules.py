"""Judging one value by a rule of the catalogue."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from rocketmq_ops.housekeeping.host.facts import HostFacts
from rocketmq_ops.housekeeping.host.root import Gap, Root, number

#: Brokers and name servers listen on ports up to here (listenPort 10911, HA 10912).
_LAST_PORT = 10912
_FEWEST_PORTS = 28000


class State(StrEnum):
    """NA: not applicable to this host. UNKNOWN: it could not be judged."""

    OK = "ok"
    CHANGE = "change"
    UNKNOWN = "unknown"
    NA = "na"


class Verdict(NamedTuple):
    """How a value was judged. `value` is what a drop-in file sets, empty where none can."""

    state: State
    current: str
    wanted: str
    value: str = ""


def gap(found: Gap, wanted: str) -> Verdict:
    """Without a value: a kernel that lacks the setting needs none."""
    return Verdict(State.NA if found is Gap.MISSING else State.UNKNOWN, found.value, wanted)


def judged(good: bool) -> State:
    """OK or CHANGE."""
    return State.OK if good else State.CHANGE


def judge(rule: str, name: str, root: Root, facts: HostFacts) -> Verdict:
    """The verdict on the kernel's setting `name` (`vm.swappiness`) by the words of its rule."""
    kind, *arguments = rule.split()
    current = root.words("proc/sys/" + name.replace(".", "/"))
    if current is Gap.MISSING and facts.container and name.startswith("net.core."):
        current = Gap.UNREADABLE  # the kernel shows most of them in the host's own network namespace only
    if kind == "one-of":
        return _one_of(current, *arguments)
    if kind == "third":
        return _third(current, int(arguments[0]))
    if kind == "ports":
        return _ports(current)
    if kind == "least":
        least = int(arguments[0])
        return _between(current, f">={least}", least, None, least)
    if kind == "reserve":
        if facts.memory_kb is None:
            return Verdict(State.UNKNOWN, current.value if isinstance(current, Gap) else current, "1% of memory")
        low, high = reserve(facts.memory_kb)
        return _between(current, f"{low}..{high}", low, high, low)
    low, high, value = (int(word) for word in arguments[:3])
    verdict = _between(current, f"{low}..{high}", low, high, value)
    if kind == "swap" and facts.swap_kb == 0 and verdict.state is not State.UNKNOWN:
        return verdict._replace(state=State.NA)
    if kind == "dirty" and verdict.current == "0" and root.number("proc/sys/" + arguments[3].replace(".", "/")):
        return verdict._replace(state=State.NA)
    return verdict


def reserve(memory_kb: int) -> tuple[int, int]:
    """Least and most of `vm.min_free_kbytes`: 1 % between 64 MiB and 1 GiB, never more than 5 %."""
    most = memory_kb // 20
    return min(max(memory_kb // 100, 65536), 1048576, most), most


def _between(current: str | Gap, wanted: str, low: int, high: int | None, value: int) -> Verdict:
    if isinstance(current, Gap):
        return gap(current, wanted)
    found = number(current)
    if found is None:
        return Verdict(State.UNKNOWN, current, wanted)
    return Verdict(judged(found >= low and (high is None or found <= high)), current, wanted, str(value))


def _one_of(current: str | Gap, wanted: str, value: str) -> Verdict:
    if isinstance(current, Gap):
        return gap(current, wanted)
    return Verdict(judged(current in wanted.split("|")), current, wanted, value)


def _third(current: str | Gap, least: int) -> Verdict:
    wanted = f"third >={least}"
    if isinstance(current, Gap):
        return gap(current, wanted)
    words = current.split()
    third = number(words[2]) if len(words) == 3 else None
    if third is None:
        return Verdict(State.UNKNOWN, current, wanted)
    return Verdict(judged(third >= least), current, wanted, f"{words[0]} {words[1]} {max(third, least)}")


def _ports(current: str | Gap) -> Verdict:
    wanted = f"above {_LAST_PORT}, {_FEWEST_PORTS} or more"
    if isinstance(current, Gap):
        return gap(current, wanted)
    words = current.split()
    low = number(words[0])
    high = number(words[1]) if len(words) == 2 else None
    if low is None or high is None:
        return Verdict(State.UNKNOWN, current, wanted)
    good = low > _LAST_PORT and high - low + 1 >= _FEWEST_PORTS
    return Verdict(judged(good), current, wanted, current if good else "32768 60999")
