"""What Python does by itself while somebody types."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Iterator

import pytest

from rocketmq_ops.tui import pauses
from rocketmq_ops.tui.model.keys_first import ANSWER_S, MOST_S, KeysFirst


@pytest.fixture(autouse=True)
def collector_as_it_was() -> Iterator[None]:
    was = gc.isenabled()
    yield
    (gc.enable if was else gc.disable)()


def test_the_collector_goes_through_what_has_come_when_nobody_types(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    calls: list[tuple[str, float]] = []
    monkeypatch.setattr(pauses.time, "monotonic", lambda: now[0])
    for name in ("collect", "freeze", "unfreeze"):
        monkeypatch.setattr(pauses.gc, name, lambda name=name: calls.append((name, now[0])))

    def at(moment: float) -> list[str]:
        calls.clear()
        now[0] = moment
        quiet.passes()
        return [name for name, _ in calls]

    quiet = pauses.Quiet(KeysFirst(), lambda seconds, call: None)
    now[0] = 40
    quiet.typed()
    assert at(40.5) == [], "somebody types"
    some, everything = ["collect", "freeze"], ["unfreeze", "collect", "freeze"]
    assert at(41) == some
    assert at(60) == [], "and not all the time"
    assert at(71) == some
    now[0] = 595
    quiet.typed()
    assert at(601) == some, "somebody has just typed"
    assert at(605) == everything
    assert at(634) == []
    assert at(635) == some
    for second in range(640, 1805, 5):  # no pause is a long one
        now[0] = second
        quiet.typed()
        assert at(second + 1.5) in ([], some), "a key that comes just now would wait"
    now[0] = 1805
    quiet.typed()
    assert at(1806.5) == everything
    assert at(1840) == some


def test_what_was_alive_when_the_collector_went_through_it_is_found_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """A screen that has been closed is in cycles, and must not stay for ever."""

    class Screen:
        def __init__(self) -> None:
            self.own = self

    now = [100.0]
    monkeypatch.setattr(pauses.time, "monotonic", lambda: now[0])
    with pauses.short_pauses():
        quiet = pauses.Quiet(KeysFirst(), lambda seconds, call: None)
        screen: Screen | None = Screen()
        closed = weakref.ref(screen)
        now[0] += 60
        quiet.passes()
        screen = None
        now[0] += 60
        quiet.passes()
        assert closed() is not None
        now[0] += 600
        quiet.passes()
        assert closed() is None
    assert gc.get_freeze_count() == 0


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
