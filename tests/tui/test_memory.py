"""Where threads have their memory from, and what is held of screens that were closed."""

from __future__ import annotations

import asyncio
import gc
import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest
from textual._styles_cache import StylesCache

from rocketmq_ops.tui.memory import let_go_of_drawn
from rocketmq_ops.tui.model.views.every import VIEWS
from tests.tui.fakes import FakeModel, dashboard, moment
from tests.tui.flows.driving import press

#: Threads that have memory at the same time, each from its own place where that is not changed; then how many there are.
_PLACES = """
import ctypes, re, sys, threading
from pathlib import Path
from rocketmq_ops.tui.memory import one_arena

said = one_arena() if sys.argv[2] == "one" else None
all_there = threading.Barrier(4)

def work():
    held = [bytes(1000) for _ in range(100)]
    all_there.wait()

threads = [threading.Thread(target=work) for _ in range(3)]
for thread in threads:
    thread.start()
all_there.wait()
for thread in threads:
    thread.join()
c = ctypes.CDLL(None)
c.fopen.restype = ctypes.c_void_p
file = ctypes.c_void_p(c.fopen(sys.argv[1].encode(), b"w"))
c.malloc_info(0, file)
c.fclose(file)
print(said, len(re.findall("<heap nr=", Path(sys.argv[1]).read_text())))
"""


def places(tmp_path: Path, how: str, **environment: str) -> str:
    """What it says, and how many places there are."""
    known = {name: value for name, value in os.environ.items() if name != "MALLOC_ARENA_MAX"} | environment
    command = [sys.executable, "-c", _PLACES, str(tmp_path / "info"), how]
    return subprocess.run(command, env=known, capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries have one place for all threads")
def test_threads_have_their_memory_from_one_place_unless_the_environment_says_otherwise(tmp_path: Path) -> None:
    assert places(tmp_path, "one") == "True 1"
    assert places(tmp_path, "as it is") != "None 1", "what is changed would be so anyway"
    assert places(tmp_path, "one", MALLOC_ARENA_MAX="2") == "False 2"


def test_lines_of_screens_that_were_closed_are_held_by_nobody() -> None:
    async def main() -> None:
        async with dashboard(FakeModel(moment(groups=3)), ":groups", views=VIEWS).run_test(size=(120, 30)) as pilot:

            async def drawn_after(times: int) -> int:
                for _ in range(times):
                    await press(pilot, "enter", "escape")
                gc.collect()
                return sum(type(each) is StylesCache for each in gc.get_objects())

            a_few = await drawn_after(2)
            assert await drawn_after(4) <= a_few

    asyncio.run(main())


def test_a_textual_without_these_colours_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "textual._styles_cache", None)
    let_go_of_drawn()
    monkeypatch.undo()
    assert StylesCache.get_inner_outer.cache_info() is not None
