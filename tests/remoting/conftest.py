"""Makes `remoting_golden` importable for the tests of this folder, and runs coroutines on the two loops."""

import asyncio
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from rocketmq_ops.remoting import event_loop

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(params=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Callable[[Coroutine[Any, Any, None]], None]:
    """Runs a coroutine on one of the two loops."""
    if request.param == "uvloop":
        pytest.importorskip("uvloop")
        return event_loop.run
    return asyncio.run
