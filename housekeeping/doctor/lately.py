"""Facts out of the prober's history: what it saw lately of brokers and of their hosts."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from rocketmq_ops.housekeeping.doctor.facts import Facts, Missing, Part
from rocketmq_ops.housekeeping.history.database import HistoryError, NoHistoryError
from rocketmq_ops.housekeeping.history.file import History
from rocketmq_ops.housekeeping.history.gone import LATELY_MS, REGISTERED

_PREFIX: Final = "host."


def add_history(facts: Facts, path: Path, *, named: bool) -> None:
    """Add what the history at `path` has of the last hour; one that is `named` and not usable is missing.

    Without a history nothing is added: many clusters are not probed.
    """
    try:
        with History.read(path) as history:
            figures = history.figures(facts.taken_at - LATELY_MS, facts.taken_at, _PREFIX)
            seen = history.figures(facts.taken_at - LATELY_MS, facts.taken_at, REGISTERED)
    except NoHistoryError as error:
        if named:
            _missing(facts, path, error)
        return
    except HistoryError as error:
        _missing(facts, path, error)
        return
    for (name, target), points in figures.items():
        facts.host_figures.setdefault(target, {})[name.removeprefix(_PREFIX)] = points
    facts.registered = {place: points for (_, place), points in seen.items()}
    if facts.host_figures or facts.registered or named:
        facts.asked.append(Part.HISTORY)


def _missing(facts: Facts, path: Path, error: HistoryError) -> None:
    facts.asked.append(Part.HISTORY)
    facts.missing.append(Missing(Part.HISTORY, str(path), error.cause))
