"""The page and the script hold what the catalogue says."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from types import ModuleType

import pytest

from rocketmq_ops.housekeeping.host.catalogue import CATALOGUE
from tests.housekeeping.host.shells import SCRIPT

ROOT = SCRIPT.parents[1]


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("gen_host", ROOT / "scripts" / "gen_host.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_page_and_script_are_current() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "gen_host.py"), "--check"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_the_page_lists_every_item(generator: ModuleType) -> None:
    page = (ROOT / "docs" / "host.md").read_text("utf-8")
    assert all(f"| `{declared.id}`" in page for declared in CATALOGUE)
    assert generator.quoted('a "b" $c `d` \\e') == '"a \\"b\\" \\$c \\`d\\` \\\\e"'


def test_the_script_is_posix_and_can_be_run() -> None:
    assert SCRIPT.read_text("utf-8").startswith("#!/bin/sh\n")
    assert SCRIPT.stat().st_mode & 0o111
    assert "drop_caches" not in SCRIPT.read_text("utf-8")
