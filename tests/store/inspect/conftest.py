"""A store of our own broker that each test may damage."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.store.inspect.damage import write_own_store


@pytest.fixture(scope="session")
def own_original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("own") / "store"
    write_own_store(root)
    return root


@pytest.fixture
def own(own_original: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(own_original, tmp_path / "store"))
