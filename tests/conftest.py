"""Lets the assertions in the shared helpers explain themselves, whichever folder imports them first; property tests are
not measured."""

import pytest
from hypothesis import settings

pytest.register_assert_rewrite("tests.store.crash_driver", "tests.store.store_helpers", "tests.store.test_index")

# Hypothesis' own limit of 200 ms an example is a timed assertion: it fails where the machine is busy.
settings.register_profile("rocketmq-ops", deadline=None)
settings.load_profile("rocketmq-ops")
