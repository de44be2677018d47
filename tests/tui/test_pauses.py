"""What Python does by itself while somebody types."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator

import pytest

from rocketmq_ops.tui import pauses
from rocketmq_ops.tui.model.keys_first import ANSWER_S, MOST_S, KeysFirst


@pytest.fixture(autouse=True)
def collector_as_it_was() -> Iterator[None]:
    was = gc.isenabled()
    yield
    (gc.enable if was else gc.disable)()


def test_the_collector_goes_through_everything_when_nobody_types(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    collected: list[float] = []
    monkeypatch.setattr(pauses.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(pauses.gc, "collect", lambda: collected.append(now[0]))
    quiet = pauses.Quiet(KeysFirst(), lambda seconds, call: None)
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


class Loop:
    """Time that goes on when it is told to, and what is to be called then."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        self.calls: list[tuple[float, Callable[[], None]]] = []
        monkeypatch.setattr(pauses.time, "monotonic", lambda: self.now)

    def later(self, seconds: float, call: Callable[[], None]) -> None:
        self.calls.append((self.now + seconds, call))

    def go_on(self, seconds: float) -> None:
        self.now += seconds
        due, self.calls = self.calls, []
        for at, call in due:
            if at <= self.now:
                call()
            else:
                self.calls.append((at, call))


def test_the_collector_does_not_run_while_a_key_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = Loop(monkeypatch)
    keys = KeysFirst(lambda: loop.now)
    quiet = pauses.Quiet(keys, loop.later)
    gc.enable()
    keys.came()
    quiet.typed()
    assert not gc.isenabled()
    loop.go_on(ANSWER_S / 2)
    keys.came()
    quiet.typed()
    loop.go_on(ANSWER_S * 0.75)
    assert not gc.isenabled(), "the second one is being answered"
    loop.go_on(ANSWER_S)
    assert gc.isenabled()


def test_keys_without_an_end_do_not_hold_the_collector_up_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = Loop(monkeypatch)
    keys = KeysFirst(lambda: loop.now)
    quiet = pauses.Quiet(keys, loop.later)
    gc.enable()
    off = []
    for _ in range(round(3 * MOST_S / 0.02)):
        keys.came()
        quiet.typed()
        loop.go_on(0.02)
        off.append(not gc.isenabled())
    assert off.count(False) >= 2
    assert off.count(False) < len(off) / 10


@pytest.mark.parametrize("on", [True, False], ids=["on", "off"])
def test_the_collector_is_left_as_it_was_found(monkeypatch: pytest.MonkeyPatch, on: bool) -> None:
    loop = Loop(monkeypatch)
    keys = KeysFirst(lambda: loop.now)
    quiet = pauses.Quiet(keys, loop.later)
    (gc.enable if on else gc.disable)()
    keys.came()
    quiet.typed()
    assert not gc.isenabled()
    quiet.close()
    assert gc.isenabled() is on
    loop.go_on(ANSWER_S * 2)
    assert gc.isenabled() is on
