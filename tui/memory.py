"""Memory that was let go of is used again: by the C library, and by Textual."""

from __future__ import annotations

import os
import sys
from typing import Final

#: Of malloc.h of glibc: how many places a process has memory from, and from what size on each piece is one by itself.
_M_ARENA_MAX: Final = -8
_M_MMAP_THRESHOLD: Final = -3
#: In bytes: columns of looks, answers of brokers and tables of queues are larger on a large cluster, nothing else is.
LARGE: Final = 64 << 10


def lean_malloc() -> tuple[bool, bool]:
    """Have glibc keep less of what was let go of: whether threads share one place that memory is from, and whether what
    is large is given back at once. To be called before there are threads. What the environment says of either
    (MALLOC_ARENA_MAX, MALLOC_MMAP_THRESHOLD_) counts more, and other libraries do not do so.

    glibc gives each thread its own place. What the threads that work out looks and read files let go of there is of no
    use to the others: on a large cluster 13 MB. And once a large piece was let go of, glibc takes all up to that size
    (32 MB at most) from the place where small ones are: what lies behind a hole is not given back, and the next look
    has other sizes. Within two hours these are another 15 to 20 MB.
    """
    return (
        _set(_M_ARENA_MAX, 1, unless="MALLOC_ARENA_MAX"),
        _set(_M_MMAP_THRESHOLD, LARGE, unless="MALLOC_MMAP_THRESHOLD_"),
    )


def _set(option: int, value: int, *, unless: str) -> bool:
    """Whether it is so then; `unless` is the variable of the environment by which it is set otherwise."""
    if sys.platform != "linux" or unless in os.environ:
        return False
    try:
        import ctypes

        return bool(ctypes.CDLL(None).mallopt(option, value))
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
