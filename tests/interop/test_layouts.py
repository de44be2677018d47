"""Apache's broker starts with the property files of `conf/2m-*` as they are, and its slaves follow."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.broker.ha.layouts import LAYOUTS, check, start_layout


@pytest.mark.parametrize("layout", LAYOUTS)
def test_apache_s_broker_starts_with_every_file_of_a_layout(tmp_path: Path, layout: str) -> None:
    check(layout, start_layout(layout, tmp_path, "5.3.3"))
