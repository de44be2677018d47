"""Memory that was let go of is used again: by the C library, and by Textual."""

from __future__ import annotations

import os
import sys
from typing import Final

#: How many places a process has memory from, of malloc.h of glibc.
_M_ARENA_MAX: Final = -8


def one_arena() -> bool:
    """Threads share one place that memory is from; whether that is so. To be called before there are any.

    glibc gives each thread its own. What the threads that work out looks and read files let go of there is of no use to
    the others: on a large cluster 13 MB. Other libraries do not do so. MALLOC_ARENA_MAX of the environment counts more.
    """
    if sys.platform != "linux" or "MALLOC_ARENA_MAX" in os.environ:
        return False
    try:
        import ctypes

        return bool(ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1))
    except (ImportError, OSError, AttributeError):  # a Python without it, a C library without it
        return False


def let_go_of_drawn() -> None:
    """Let go of lines of widgets that are gone.

    Textual remembers the colours of the last 1,024 widgets by what they have drawn, and with it holds all their lines:
    some 40 MB of screens that were closed. What is seen has its colours again when it is drawn.
    """
    try:
        from textual._styles_cache import StylesCache
    except ImportError:  # another Textual, which may remember less or elsewhere
        return
    clear = getattr(getattr(StylesCache, "get_inner_outer", None), "cache_clear", None)
    if clear is not None:
        clear()
