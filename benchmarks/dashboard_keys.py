"""How long keys of the dashboard take, and what memory it keeps, while it watches a large cluster that moves.

    .venv/bin/python benchmarks/dashboard_keys.py [--minutes 2] [--speed 1] [--rows 20000]

A thread stands for the terminal: it sends keys one after the other. A key is answered when the picture that shows what
it did is written. For each kind of key it prints the median, the 99th percentile and the worst, as the clock has them,
and what the loop computed meanwhile (on a machine that others use the clock has their share too). 600 keys are sent at
once as well, as no keyboard does it, but a terminal after a pause of the network: "first" is the picture in which the
cursor has moved, "last" the one that shows it where all of them have brought it.
Then memory over the minutes, and CPU. With `--speed 8` the model's clock runs eight times as fast, so that half an hour
of looks takes four minutes; its rounds then take the same work in an eighth of the time, and CPU is that of eight.
`--rows` is of a table that no cluster feeds: the same keys on so many rows, made anew every 250 ms; 0 leaves it out.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.held_up import Watch, watched
from benchmarks.large_cluster import options, serving
from textual import events
from textual.pilot import Pilot

from rocketmq_ops.client.admin import MQAdmin
from rocketmq_ops.common.clock import now_ms
from rocketmq_ops.mqadmin.dashboard import Spoken
from rocketmq_ops.tui.app import Dashboard
from rocketmq_ops.tui.context import Context, Options
from rocketmq_ops.tui.memory import lean_malloc
from rocketmq_ops.tui.model import sampler
from rocketmq_ops.tui.model.address import Address
from rocketmq_ops.tui.model.keys_first import KeysFirst
from rocketmq_ops.tui.model.live import LiveModel
from rocketmq_ops.tui.model.moment import Moment
from rocketmq_ops.tui.model.views.every import VIEWS
from rocketmq_ops.tui.pauses import short_pauses
from rocketmq_ops.tui.places import catalogue
from rocketmq_ops.tui.screens.detail import DetailScreen
from rocketmq_ops.tui.screens.table import TableScreen

#: Until then the first looks are over, seconds.
WARM_S: Final = 20
#: Between two keys, seconds: as fast as people type, and at no beat with the rounds.
PAUSES_S: Final = (0.03, 0.11, 0.19, 0.07, 0.23)
HELD_DOWN: Final = 600
#: After so many rounds of keys what is on the screen is read, for so many seconds: then nobody types.
_READ_AFTER: Final = 5
_READ_S: Final = 1.5
#: With `--held`, what was done while a key of so many ms of all threads was answered is printed.
_LONG_MS: Final = 45


class FastClock:
    """The model's time, some times as fast as that of the machine."""

    def __init__(self, speed: float) -> None:
        self._begun, self._speed = now_ms(), speed

    def now_ms(self) -> int:
        return self._begun + round((now_ms() - self._begun) * self._speed)

    async def wait(self, event: asyncio.Event, ms: int) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(event.wait(), ms / 1000 / self._speed)


class Typist:
    """Sends keys to an application, and measures until they are answered."""

    def __init__(self, app: Dashboard) -> None:
        self._app = app
        #: What is waited for: by the kind, when it is there. What was used until then.
        self._awaited: dict[str, Callable[[], bool]] = {}
        self._found: dict[str, tuple[float, float, float]] = {}
        self._done = asyncio.Event()
        #: By the kind of key, seconds: by the clock, of the processor in the loop, and in all threads.
        self.took: dict[str, list[tuple[float, float, float]]] = defaultdict(list)
        self.watch: Watch | None = None
        self.lost: list[str] = []
        written = app._display

        def display(screen: Any, picture: Any) -> None:
            if hasattr(picture, "render_segments"):  # what a terminal would be sent
                picture.render_segments(app.console)
            written(screen, picture)
            for kind, answered in list(self._awaited.items()):
                if answered():
                    self._found[kind] = _used()
                    del self._awaited[kind]
                    if not self._awaited:
                        self._done.set()

        app._display = display  # type: ignore[method-assign]

    async def press(self, kind: str, keys: list[str], answered: Callable[[], bool]) -> None:
        """Send keys at once, and wait for the answer to the last."""
        await self.press_all(keys, {kind: answered})

    async def press_all(self, keys: list[str], awaited: dict[str, Callable[[], bool]]) -> None:
        """Send keys at once, and wait until all is there that is awaited, by the kinds that it is noted as."""
        loop = asyncio.get_running_loop()
        self._done.clear()
        self._found.clear()
        begun: list[float] = []

        def send() -> None:
            begun.append(time.perf_counter())
            for key in keys:
                loop.call_soon_threadsafe(self._app.post_message, events.Key(key, key if len(key) == 1 else None))

        _, computed, process = _used()
        self._awaited = dict(awaited)
        await asyncio.to_thread(send)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(20):
                await self._done.wait()
        self.lost += self._awaited
        self._awaited = {}
        for kind, (end, computed_then, process_then) in self._found.items():
            took = end - begun[0], computed_then - computed, process_then - process
            self.took[kind].append(took)
            if self.watch is not None and max(took) * 1000 > _LONG_MS:
                print(
                    f"{kind}: {took[0] * 1000:.0f} ms, {took[1] * 1000:.0f} computed, {took[2] * 1000:.0f} in all threads"
                )
                print(f"    {self.watch.between(begun[0], end)}")

    def report(self) -> None:
        """A line for each kind."""
        print(f"{'':<28}by the clock (ms)        in the loop       in all threads")
        print(f"{'key':<22}{'times':>6}" + f"{'median':>9}{'p99':>6}{'worst':>6}" * 3)
        for kind, took in self.took.items():
            line = f"{kind:<22}{len(took):>6}"
            for at in range(3):
                each = sorted(one[at] * 1000 for one in took)
                p99 = each[min(len(each) - 1, len(each) * 99 // 100)]
                line += f"{each[len(each) // 2]:>9.0f}{p99:>6.0f}{each[-1]:>6.0f}"
            print(line)
        if self.lost:
            print(f"not answered within 20 s: {', '.join(self.lost)}")


def _used() -> tuple[float, float, float]:
    """Seconds of the clock, of the processor in this thread, and in all of them."""
    return time.perf_counter(), time.thread_time(), time.process_time()


async def a_round(typist: Typist, app: Dashboard, number: int) -> None:
    """One key of each kind, on a list; it ends as it began."""
    screen = app.screen
    assert isinstance(screen, TableScreen)
    grid = screen.grid

    def arranged(what: str) -> Any:
        return getattr(grid._shown.arrangement, what) if grid._shown is not None else None

    async def pause() -> None:
        await asyncio.sleep(PAUSES_S[number % len(PAUSES_S)])

    for key, to in (("down", lambda at: at + 1), ("down", lambda at: at + 1), ("up", lambda at: at - 1)):
        wanted = to(grid.cursor)
        await typist.press("down, up", [key], lambda wanted=wanted: grid.cursor == wanted)  # type: ignore[misc]
        await pause()
    last = len(grid.rows) - 1
    await typist.press("page down", ["pagedown"], lambda at=grid.cursor: grid.cursor > at)  # type: ignore[misc]
    await pause()
    await typist.press("end, home", ["end"], lambda: grid.cursor == len(grid.rows) - 1)
    await pause()
    await typist.press("end, home", ["home"], lambda: grid.cursor == 0)
    await pause()
    marks = len(grid.marks)
    await typist.press("mark", ["space"], lambda: len(grid.marks) != marks)
    screen.grid.unmark()
    for column, name in (("4", "lag"), ("1", "group")):
        await pause()
        await typist.press("sort", [column], lambda name=name: arranged("sort") == name)  # type: ignore[misc]
    await pause()
    await typist.press("compare", ["c"], lambda: grid._before is not None)
    await pause()
    await typist.press("compare", ["c"], lambda: grid._before is None)
    await pause()
    await typist.press("open the filter", ["slash"], lambda: app.focused is not grid)
    for typed in ("1", "12"):
        await pause()
        await typist.press("a letter of the filter", [typed[-1]], lambda typed=typed: arranged("filter") == typed)  # type: ignore[misc]
    await pause()
    await typist.press("leave the filter", ["escape"], lambda: arranged("filter") == "" and app.focused is grid)
    await pause()
    await typist.press("open a row", ["enter"], lambda: isinstance(app.screen, DetailScreen))
    await pause()
    await typist.press("go back", ["escape"], lambda: app.screen is screen)
    await pause()
    if number % 4 == 0 and last > 2 * HELD_DOWN:
        await typist.press("home", ["home"], lambda: grid.cursor == 0) if grid.cursor else None
        await pause()
        await typist.press_all(
            ["j"] * HELD_DOWN,
            {
                f"{HELD_DOWN} at once: first": lambda: grid.cursor > 0,
                f"{HELD_DOWN} at once: last": lambda: grid.cursor == HELD_DOWN,
            },
        )
        await pause()


def megabytes() -> float:
    """What is resident now."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE") / 1e6


async def watching(given: argparse.Namespace) -> None:
    """The whole application, without a terminal, on a cluster."""
    speed = given.speed
    sampler.REST = sampler.REST / speed  # type: ignore[misc,assignment]  # an answer takes as long as ever
    clock, keys = FastClock(speed), KeysFirst()
    async with MQAdmin([f"127.0.0.1:{given.port}"]) as admin, LiveModel(admin, clock, keys=keys) as model:
        chosen = Options(address=Address("groups"), write=False, theme="", title="benchmark")
        app = Dashboard(Context(model, Spoken(), catalogue(VIEWS), chosen, admin=admin, keys=keys))
        begun = time.monotonic()
        with short_pauses():
            async with app.run_test(size=(120, 40), tooltips=True) as pilot:
                while not model.moment().groups:
                    await pilot.pause(0.05)
                print(f"groups after {time.monotonic() - begun:.2f} s, {megabytes():.0f} MB")
                await asyncio.sleep(WARM_S)
                cpu, at = time.process_time(), time.monotonic()
                await asyncio.sleep(20)
                print(f"CPU without keys {(time.process_time() - cpu) / (time.monotonic() - at) / speed:.1%} of a core")
                typist, number, sizes, largest = Typist(app), 0, [], 0.0
                with seen_what_holds(typist, given.held):
                    while (minutes := (time.monotonic() - begun) / 60 * speed) < given.minutes:
                        await a_round(typist, app, number)
                        number += 1
                        if number % _READ_AFTER == 0:
                            await asyncio.sleep(_READ_S)
                        largest = max(largest, megabytes())
                        if minutes >= len(sizes) * max(given.minutes / 10, 1):
                            sizes.append(f"{minutes:.0f} min {megabytes():.0f}")
                typist.report()
                print(f"memory (MB): {', '.join(sizes)}; {largest:.0f} at most")


@contextlib.contextmanager
def seen_what_holds(typist: Typist, least_ms: float) -> Iterator[None]:
    """Within it, where that is wished, what holds the loop up; afterwards it is printed."""
    if not least_ms:
        yield
        return
    with watched(least_ms) as typist.watch:
        yield
    typist.watch.report()


async def many_rows(rows: int, held: float) -> None:
    """The same on a table of many rows."""
    from tests.tui.fakes import MINUTE, NOW_MS, FakeModel, dashboard, moment

    class WithPast(FakeModel):
        """What is compared with is made beside the loop and kept, as the real models do."""

        def before(self, ms: int, made: Callable[[Moment], Any]) -> Any:
            if self.kept is None:
                self.kept = asyncio.ensure_future(asyncio.to_thread(made, self.past[0]))
                self.kept.add_done_callback(lambda _: self.grown())
            return self.kept.result() if self.kept.done() else None

        kept: asyncio.Future[Any] | None = None

    moments = [moment(groups=rows), moment(groups=rows)]
    model = WithPast(moments[0], [moment(NOW_MS - 10 * MINUTE, groups=rows)])
    app = dashboard(model, ":groups", views=VIEWS)

    async def turns() -> None:
        for number in range(1_000_000):
            await asyncio.sleep(0.25)
            model.now = moments[number % 2]
            model.grown()
            app.look()

    with short_pauses():
        async with app.run_test(size=(120, 40), tooltips=True) as pilot:
            await _there(pilot, rows)
            turning = asyncio.create_task(turns())
            typist = Typist(app)
            with seen_what_holds(typist, held):
                for number in range(12):
                    await a_round(typist, app, number)
            turning.cancel()
            print(f"\n{rows:,} rows")
            typist.report()


async def _there(pilot: Pilot[None], rows: int) -> None:
    screen = pilot.app.screen
    assert isinstance(screen, TableScreen)
    while len(screen.grid.rows) < rows:
        await pilot.pause(0.05)


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--minutes", type=float, default=2, help="of the model's time")
    parser.add_argument("--speed", type=float, default=1, help="of the model's clock")
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--held", type=float, default=0, help="print what held the loop up for so many ms or longer")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_STATE_HOME"] = folder
        lean_malloc()
        if given.minutes:
            with serving(given, "--moving"):
                asyncio.run(watching(given))
        if given.rows:
            asyncio.run(many_rows(given.rows, given.held))


if __name__ == "__main__":
    main()
