"""What holds an event loop up: its longest callbacks by the time that they compute, and where they were meanwhile.

`watched()` measures each callback of the loops of this thread, of one that lasts longer than a limit a thread beside
notes where it is, every 2 ms, and each pass of the collector is noted too.
"""

from __future__ import annotations

import asyncio
import gc
import sys
import threading
import time
import traceback
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, Final, NamedTuple

#: Frames of a place that are shown, the innermost last.
_FRAMES: Final = 7
_EVERY_S: Final = 0.002
#: What a thread is in that waits for work, or for keys to be answered.
_WAITING: Final = frozenset({"_worker", "wait", "pause", "select"})


class Held(NamedTuple):
    """A callback: ms that it computed, ms by the clock, what it was, and where it was how often."""

    computed: float
    took: float
    what: str
    places: list[tuple[str, int]]


class Watch:
    """What was seen; callbacks of less than `least_ms` are counted alone."""

    def __init__(self, least_ms: float) -> None:
        self.least_ms = least_ms
        self.held: list[Held] = []
        #: ms of each pass of the collector, by its generation.
        self.collected: dict[int, list[float]] = {0: [], 1: [], 2: []}
        self.callbacks = 0
        self.begun = 0.0
        self.places: Counter[str] = Counter()
        #: The last of a millisecond or more: (begun, ms by the clock, ms computed, what).
        self.recent: deque[tuple[float, float, float, str]] = deque(maxlen=400)
        #: Where other threads were, those that were not waiting: (when, thread, place).
        self.others: deque[tuple[float, str, str]] = deque(maxlen=4_000)

    def between(self, begun: float, end: float) -> str:
        """What was done from then to then (`time.perf_counter`): callbacks of a millisecond or more, and passes of the
        collector."""
        said = [
            f"+{(at - begun) * 1000:.0f} {what} {took:.0f} ({computed:.0f} computed)"
            for at, took, computed, what in self.recent.copy()  # which the collector's callbacks add to meanwhile
            if begun <= at + took / 1000 and at <= end
        ]
        beside = Counter(f"{name} in {place}" for at, name, place in self.others.copy() if begun <= at <= end)
        said += [f"\n    beside it {times} x {place}" for place, times in beside.most_common(5)]
        return "; ".join(said)

    def report(self, most: int = 25) -> None:
        """The longest ones."""
        print(f"\n{self.callbacks:,} callbacks; {len(self.held)} of {self.least_ms:g} ms or more:")
        for each in sorted(self.held, reverse=True)[:most]:
            print(f"{each.computed:6.0f} ms computed, {each.took:4.0f} by the clock: {each.what}")
            for place, times in each.places[:4]:
                print(f"         {times:3d} x {place}")
        for generation, took in self.collected.items():
            if took:
                print(f"collector {generation}: {len(took)} times, {max(took):.0f} ms at most, {sum(took):.0f} in all")


@contextmanager
def watched(least_ms: float) -> Iterator[Watch]:
    """Watch the loops of this thread within it."""
    watch = Watch(least_ms)
    mine = threading.get_ident()
    run = asyncio.Handle._run  # type: ignore[attr-defined]
    over = threading.Event()

    def measured(handle: Any) -> None:
        if threading.get_ident() != mine:
            run(handle)
            return
        what = handle._callback
        computed, begun = time.thread_time(), time.perf_counter()
        watch.places.clear()
        watch.begun = begun
        try:
            run(handle)
        finally:
            watch.begun = 0.0
            took = (time.perf_counter() - begun) * 1000
            computed = (time.thread_time() - computed) * 1000
            watch.callbacks += 1
            if took >= 1:
                watch.recent.append((begun, took, computed, _short(what)))
            if computed >= least_ms:
                owner = getattr(what, "__self__", None)
                said = repr(owner if isinstance(owner, asyncio.Task) else what)[:160]
                watch.held.append(Held(computed, took, said, watch.places.most_common()))

    def look() -> None:
        names: dict[int, str] = {}
        me = threading.get_ident()
        while not over.wait(_EVERY_S):
            for ident, frame in sys._current_frames().items():
                if ident not in (mine, me) and frame.f_code.co_name not in _WAITING:
                    if ident not in names:
                        names = {each.ident: each.name for each in threading.enumerate() if each.ident is not None}
                    watch.others.append((time.perf_counter(), names.get(ident, "?"), _place(frame)))
            begun = watch.begun
            if begun and (time.perf_counter() - begun) * 1000 > least_ms / 3:
                frame = sys._current_frames().get(mine)
                if frame is not None and watch.begun == begun:
                    watch.places[_place(frame)] += 1

    passes: list[float] = []

    def collecting(phase: str, info: dict[str, int]) -> None:
        if phase == "start":
            passes.append(time.perf_counter())
        elif passes:
            begun = passes.pop()
            took = (time.perf_counter() - begun) * 1000
            watch.collected[info["generation"]].append(took)
            if took >= 1:
                thread = threading.current_thread().name
                watch.recent.append((begun, took, 0, f"collector {info['generation']} in {thread}"))

    looking = threading.Thread(target=look, name="watch", daemon=True)
    asyncio.Handle._run = measured  # type: ignore[attr-defined]
    gc.callbacks.append(collecting)
    looking.start()
    try:
        yield watch
    finally:
        asyncio.Handle._run = run  # type: ignore[attr-defined]
        gc.callbacks.remove(collecting)
        over.set()
        looking.join()


def _place(frame: FrameType) -> str:
    found = [f"{Path(f.f_code.co_filename).stem}.{f.f_code.co_name}:{line}" for f, line in traceback.walk_stack(frame)]
    return " < ".join(found[:_FRAMES])


def _short(what: Any) -> str:
    owner = getattr(what, "__self__", None)
    if isinstance(owner, asyncio.Task):
        return owner.get_name() if not owner.get_name().startswith("Task-") else owner.get_coro().__qualname__  # type: ignore[union-attr]
    return str(getattr(what, "__qualname__", what))
