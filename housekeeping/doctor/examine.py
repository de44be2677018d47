"""Which rules there are, and applying them to facts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from importlib import import_module
from typing import Final

from rocketmq_ops.common.errors import some_of
from rocketmq_ops.housekeeping.doctor.facts import Facts, Part
from rocketmq_ops.housekeeping.doctor.rule import Rule
from rocketmq_ops.housekeeping.findings import Finding, Severity

#: The subjects in the order in which their rules are applied, the cheapest facts first. Each is a module of this name.
SUBJECTS: Final = ("net", "disk", "busy", "os", "ha", "config", "upgrade", "topics", "groups", "clients", "store")
#: Facts that exist only when the user hands something to the doctor: rules that need one are silent without it.
GIVEN: Final = frozenset({Part.FILE, Part.STORE, Part.HOST, Part.TARGET, Part.LATER, Part.HISTORY})
#: Servers, topics and groups that one finding about missing facts names.
_NAMED: Final = 5


@cache
def all_rules() -> tuple[Rule, ...]:
    """Every rule, subject by subject."""
    modules = (import_module(f"{__package__}.{subject}") for subject in SUBJECTS)
    return tuple(value for module in modules for value in vars(module).values() if isinstance(value, Rule))


def rules_of(subject: str | None, given: Iterable[Part] = ()) -> list[Rule]:
    """The rules of a subject, or of all, that can be applied with what the user gave."""
    usable = set(given)
    chosen = [rule for rule in all_rules() if subject is None or rule.subject == subject]
    return [rule for rule in chosen if GIVEN.intersection(rule.needs) <= usable]


def needed(rules: Iterable[Rule]) -> set[Part]:
    """The facts to ask for, to apply these rules."""
    return {part for rule in rules for part in (*rule.needs, *rule.absence_of)}


def examine(facts: Facts, rules: Sequence[Rule]) -> list[Finding]:
    """What the rules find, in their order; a rule that lacks facts has a finding that it could not judge all."""
    found: list[Finding] = []
    for rule in rules:
        found += map(rule.finding, rule.check(facts))
        found += _unknown(facts, rule)
    return found


def _unknown(facts: Facts, rule: Rule) -> list[Finding]:
    missing = [each for each in facts.missing if each.part in rule.needs]
    if Part.LATER in rule.needs and facts.later is not None:
        missing += [each for each in facts.later.missing if each.part in rule.needs]
    not_asked = [part for part in (*rule.needs, *rule.absence_of) if part not in facts.asked]
    if not missing and not not_asked:
        return []
    targets = list(dict.fromkeys(each.target for each in missing))
    shown = some_of(targets, _NAMED)
    causes = list(dict.fromkeys(f"{each.part}: {each.cause}" for each in missing))
    causes += [f"{part}: not in this snapshot" for part in not_asked]
    return [
        Finding(
            id=rule.id,
            severity=Severity.UNKNOWN,
            target=shown or "all",
            evidence="could not be judged; " + "; ".join(causes[:_NAMED]),
            remedy="make the servers reachable from here, and run it again",
        )
    ]
