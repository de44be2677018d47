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

#: Threads that have memory at the same time, each from its own place where that is not changed, and large pieces after
#: one was let go of; then how many places there are, and whether these pieces are each by itself.
_PLACES = """
import ctypes, re, sys, threading
from pathlib import Path
from rocketmq_ops.tui.memory import LARGE, lean_malloc

said = lean_malloc() if sys.argv[2] == "lean" else None
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
bytes(100 * LARGE)
c = ctypes.CDLL(None)
c.fopen.restype = ctypes.c_void_p

def info():
    file = ctypes.c_void_p(c.fopen(sys.argv[1].encode(), b"w"))
    c.malloc_info(0, file)
    c.fclose(file)
    text = Path(sys.argv[1]).read_text()
    return len(re.findall("<heap nr=", text)), int(re.search('type="mmap" count="([0-9]+)"', text)[1])

_, before = info()
held = [bytes(LARGE) for _ in range(200)]  # a few have room in holes
heaps, pieces = info()
print(said, heaps, pieces - before > 150)
"""


def places(tmp_path: Path, how: str, **environment: str) -> str:
    """What it says, how many places there are, and whether large pieces are each by itself."""
    ours = "MALLOC_ARENA_MAX", "MALLOC_MMAP_THRESHOLD_"
    known = {name: value for name, value in os.environ.items() if name not in ours} | environment
    command = [sys.executable, "-c", _PLACES, str(tmp_path / "info"), how]
    return subprocess.run(command, env=known, capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries have one place for all threads")
def test_memory_is_from_one_place_but_for_large_pieces_unless_the_environment_says_otherwise(tmp_path: Path) -> None:
    assert places(tmp_path, "lean") == "(True, True) 1 True"
    as_it_is = places(tmp_path, "as it is")
    assert not as_it_is.startswith("None 1 "), "what is changed would be so anyway"
    assert as_it_is.endswith("False"), "what is changed would be so anyway"
    assert places(tmp_path, "lean", MALLOC_ARENA_MAX="2") == "(False, True) 2 True"
    assert places(tmp_path, "lean", MALLOC_MMAP_THRESHOLD_="8000000") == "(True, False) 1 False"


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
