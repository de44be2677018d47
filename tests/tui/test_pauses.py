"""What Python does by itself while somebody types."""

from __future__ import annotations

import pytest

from rocketmq_ops.tui import pauses


def test_the_collector_goes_through_everything_when_nobody_types(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    collected: list[float] = []
    monkeypatch.setattr(pauses.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(pauses.gc, "collect", lambda: collected.append(now[0]))
    quiet = pauses.Quiet()
    now[0] = 40
    quiet.typed()
    now[0] = 40.5
    quiet.passes()
    assert not collected, "somebody types"
    now[0] = 41
    quiet.passes()
    now[0] = 60
    quiet.passes()
    assert collected == [41], "and not all the time"
    now[0] = 71
    quiet.passes()
    assert collected == [41, 71]
