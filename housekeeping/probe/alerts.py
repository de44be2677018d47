"""From findings to notices without a flood: what is new, worse or gone, after it was seen often enough, and reminders.

Kept between runs in one small file, with silences that end by themselves and acknowledgements. Nothing is called here:
`hooks.py` does that, and what could not be delivered is due again in the next run.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

import msgspec

from rocketmq_ops.common.errors import RocketMQError, system_words
from rocketmq_ops.common.files import PRIVATE_FILES, replace_file
from rocketmq_ops.housekeeping.findings import Severity
from rocketmq_ops.housekeeping.history.database import HistoryError, beside, check_kind
from rocketmq_ops.housekeeping.probe.alert_settings import AlertSettings
from rocketmq_ops.housekeeping.probe.report import ProbeReport

#: What does not wait to be seen again.
AT_ONCE: Final = frozenset({"probe.retry-storm"})
_ORDER: Final = tuple(Severity)
#: So long a silence is kept after its end, ms: a run with a clock that is ahead must not lose it.
_KEPT_MS: Final = 30 * 24 * 3_600_000


class AlertsError(RocketMQError):
    """The file of alerts cannot be used."""


class Kind(StrEnum):
    """Why a hook is called."""

    RAISED = "raised"
    CHANGED = "changed"
    REMINDER = "reminder"
    CLEARED = "cleared"


class Problem(msgspec.Struct, rename="camel"):
    """What is wrong now."""

    id: str
    target: str
    severity: Severity
    evidence: str
    remedy: str = ""

    @property
    def key(self) -> str:
        """What makes it the same in the next run."""
        return f"{self.id} {self.target}"


class Notice(msgspec.Struct, rename="camel"):
    """One thing to tell. `since`: when it was first seen, ms; `before`: the severity that was told of before."""

    kind: Kind
    problem: Problem
    since: int
    before: Severity | None = None


class Tracked(msgspec.Struct, rename="camel"):
    """A problem over several runs. `seen` and `missed`: runs in a row; `worse`: runs in a row of another severity."""

    problem: Problem
    since: int
    seen: int = 1
    missed: int = 0
    worse: int = 0
    told: Severity | None = None
    told_at: int = 0
    acknowledged: str | None = None


class Silence(msgspec.Struct, rename="camel"):
    """No hook is called for what matches `pattern` (id, target, or both; `*` for any) up to `until`, ms."""

    number: int
    pattern: str
    until: int
    why: str = ""

    def matches(self, problem: Problem) -> bool:
        """Whether it is about this problem."""
        return any(fnmatchcase(text, self.pattern) for text in (problem.key, problem.id, problem.target))


class Alerts(msgspec.Struct, rename="camel"):
    """What is kept between runs."""

    tracked: dict[str, Tracked] = {}
    silences: list[Silence] = []
    #: What one hook did not get while another did, by hook.
    owed: dict[str, list[Notice]] = {}

    def silenced(self, problem: Problem, now_ms: int) -> bool:
        """Whether a silence is in force."""
        return any(silence.until > now_ms and silence.matches(problem) for silence in self.silences)

    def silence(self, pattern: str, until: int, why: str) -> Silence:
        """Add one."""
        number = max((silence.number for silence in self.silences), default=0) + 1
        made = Silence(number, pattern, until, why)
        self.silences.append(made)
        return made

    def acknowledge(self, pattern: str, why: str) -> list[Problem]:
        """Send no more reminders of what matches, until it is gone or worse; what it was."""
        matching = Silence(0, pattern, 0)
        found = [tracked for tracked in self.tracked.values() if matching.matches(tracked.problem)]
        for tracked in found:
            tracked.acknowledged = why
        return [tracked.problem for tracked in found]

    def step(
        self, problems: list[Problem], now_ms: int, settings: AlertSettings, *, whole: bool = True
    ) -> list[Notice]:
        """What is to be told after a run. `delivered` has to be called once it was.

        Of a run that was not `whole`, what is absent is not gone: nobody looked.
        """
        self.silences = [silence for silence in self.silences if silence.until > now_ms - _KEPT_MS]
        present = {problem.key: problem for problem in problems}
        for key, problem in present.items():
            known = self.tracked.get(key)
            if known is None:
                self.tracked[key] = Tracked(problem, now_ms)
                continue
            known.seen, known.missed = known.seen + 1, 0
            known.worse = known.worse + 1 if known.told not in (None, problem.severity) else 0
            known.problem = problem
        notices = []
        for key in list(self.tracked):
            tracked = self.tracked[key]
            if key not in present:
                if not whole:
                    continue
                tracked.seen, tracked.missed = 0, tracked.missed + 1
                if tracked.told is None or (
                    tracked.missed >= settings.after and self.silenced(tracked.problem, now_ms)
                ):
                    del self.tracked[key]
                    continue
            notice = self._due(tracked, now_ms, settings)
            if notice is not None and not self.silenced(tracked.problem, now_ms):
                notices.append(notice)
        return notices

    @staticmethod
    def _due(tracked: Tracked, now_ms: int, settings: AlertSettings) -> Notice | None:
        problem, told = tracked.problem, tracked.told
        if tracked.missed:
            gone = tracked.missed >= settings.after
            return Notice(Kind.CLEARED, problem, tracked.since, told) if gone else None
        if told is None:
            enough = tracked.seen >= settings.after or problem.id in AT_ONCE
            return Notice(Kind.RAISED, problem, tracked.since) if enough else None
        if tracked.worse >= settings.after:
            return Notice(Kind.CHANGED, problem, tracked.since, told)
        # What was told by a clock that was ahead is due, too.
        due = settings.remind_ms and not 0 <= now_ms - tracked.told_at < settings.remind_ms
        return Notice(Kind.REMINDER, problem, tracked.since, told) if due and tracked.acknowledged is None else None

    def delivered(self, notices: list[Notice], now_ms: int) -> None:
        """Note that somebody was told."""
        for notice in notices:
            key = notice.problem.key
            if notice.kind is Kind.CLEARED:
                self.tracked.pop(key, None)
                continue
            tracked = self.tracked[key]
            if notice.kind is Kind.CHANGED and _ORDER.index(notice.problem.severity) > _ORDER.index(
                tracked.told or Severity.OK
            ):
                tracked.acknowledged = None  # it was something milder that was acknowledged
            tracked.told, tracked.told_at, tracked.worse = notice.problem.severity, now_ms, 0

    def settle(self, notices: list[Notice], hooks: Iterable[str], failed: Collection[str], now_ms: int) -> None:
        """Note who was told. What nobody was told is due in the next run; what one hook missed, that one is owed."""
        told = [hook for hook in hooks if hook not in failed]
        for hook in told:
            self.owed.pop(hook, None)
        if not told:
            return
        self.delivered(notices, now_ms)
        for hook in failed:
            latest = {notice.problem.key: notice for notice in [*self.owed.get(hook, ()), *notices]}
            self.owed[hook] = list(latest.values())


def problems_of(report: ProbeReport) -> list[Problem]:
    """What somebody has to be told of: findings from UNKNOWN on, and measures beyond their limits without a finding."""
    wrong = (Severity.UNKNOWN, Severity.WARNING, Severity.CRITICAL)
    found = [
        Problem(finding.id, finding.target, finding.severity, finding.evidence, finding.remedy)
        for finding in report.findings
        if finding.severity in wrong
    ]
    told_of = {problem.target for problem in found}
    found += [
        Problem(f"measure.{m.name}", m.target, m.severity, f"{m.name} is {m.value} {m.unit}")
        for m in report.measures
        if m.severity in wrong and m.target not in told_of
    ]
    found += [Problem("probe.unknown", f.target, Severity.UNKNOWN, f.cause, f.next_step) for f in report.failures]
    return found


def alerts_file(history: Path) -> Path:
    """The file of alerts that belongs to a history. Raises AlertsError for what is no file."""
    try:
        check_kind(history)
    except HistoryError as error:
        raise AlertsError(error.cause, error.next_step) from None
    return beside(history, "alerts.json")


@contextmanager
def kept(path: Path) -> Iterator[Alerts]:
    """The alerts of a file, written back when the block ends well; others wait meanwhile. Raises AlertsError."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise _unusable(path, error) from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        alerts = _read(path)
        yield alerts
        try:
            replace_file(str(path), msgspec.json.encode(alerts), PRIVATE_FILES)
        except OSError as error:
            raise _unusable(path, error) from None
    finally:
        os.close(descriptor)


def _read(path: Path) -> Alerts:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Alerts)
    except FileNotFoundError:
        return Alerts()
    except OSError as error:
        raise _unusable(path, error) from None
    except msgspec.MsgspecError as error:
        raise AlertsError(
            f"{path} is not a file of alerts: {error}", "delete it; silences and acknowledgements go with it"
        ) from None


def _unusable(path: Path, error: OSError) -> AlertsError:
    reason = system_words(error)
    return AlertsError(f"cannot use {path}: {reason}", "set XDG_STATE_HOME to a folder that can be written")
