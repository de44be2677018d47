"""A rule of the doctor: a declaration with a pure function over facts. Modules of rules use `@rule`."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from rocketmq_ops.housekeeping.doctor.facts import Facts, Part
from rocketmq_ops.housekeeping.findings import Severity
from rocketmq_ops.housekeeping.rules import Declared, Hit

Check = Callable[[Facts], Iterator[Hit]]


class Rule(Declared, frozen=True, kw_only=True):
    """`needs`: the facts it judges by. Where one of them is missing, it says so instead of nothing.

    `absence_of`: facts that are asked for because their absence is what the rule is about.
    """

    needs: tuple[Part, ...]
    absence_of: tuple[Part, ...] = ()
    check: Check


def rule(
    id: str,
    severity: Severity,
    summary: str,
    *,
    needs: tuple[Part, ...],
    absence_of: tuple[Part, ...] = (),
    remedy: str,
    false_alarms: str = "",
) -> Callable[[Check], Rule]:
    """Declare the rule whose function stands below."""

    def declared(check: Check) -> Rule:
        return Rule(
            id=id,
            severity=severity,
            summary=summary,
            needs=needs,
            absence_of=absence_of,
            remedy=remedy,
            false_alarms=false_alarms,
            check=check,
        )

    return declared
