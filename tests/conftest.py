"""Lets the assertions in the shared helpers explain themselves, whichever folder imports them first; property tests are
not measured. Runs coroutines on the two loops."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest
from hypothesis import settings

from rocketmq_ops.remoting import event_loop

pytest.register_assert_rewrite("tests.store.crash_driver", "tests.store.store_helpers", "tests.store.test_index")

# Hypothesis' own limit of 200 ms an example is a timed assertion: it fails where the machine is busy.
settings.register_profile("rocketmq-ops", deadline=None)
settings.load_profile("rocketmq-ops")


@pytest.fixture(scope="session", autouse=True)
def _journal_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What tests change stands in a journal of theirs, not in the user's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield


@pytest.fixture(scope="session", autouse=True)
def _english() -> Iterator[None]:
    """Tests read English, whatever the locale of the machine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ROCKETMQ_OPS_LANG", "en")
        yield


@pytest.fixture(params=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Callable[[Coroutine[Any, Any, None]], None]:
    """Runs a coroutine on one of the two loops."""
    if request.param == "uvloop":
        pytest.importorskip("uvloop")
        return event_loop.run
    return asyncio.run
