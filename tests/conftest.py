"""Lets the assertions in the shared helpers explain themselves, whichever folder imports them first."""

import pytest

pytest.register_assert_rewrite("tests.store.crash_driver", "tests.store.store_helpers", "tests.store.test_index")
