"""The property files of `conf/2m-*` start as they are, take messages on both masters, and replicate."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.broker.ha.layouts import LAYOUTS, check, start_layout


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_file_of_a_layout_starts_as_it_is(tmp_path: Path, layout: str) -> None:
    check(layout, start_layout(layout, tmp_path))


def test_where_namespaces_are_not_permitted_copies_start(tmp_path: Path) -> None:
    check("2m-2s-async", start_layout("2m-2s-async", tmp_path, copies=True))
