"""How the C library is set while the dashboard runs, so that memory that was let go of is used again."""

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
