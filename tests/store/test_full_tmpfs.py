"""A store on a full tmpfs, where even a look at a page without a block ends a process with SIGBUS."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.store.full_tmpfs import FREE_KIB


def in_own_namespace() -> list[str]:
    """The words in front of a command that let it mount; skips the test where that is not permitted."""
    for words in (["unshare", "--mount"], ["unshare", "--map-root-user", "--mount"]):
        try:
            probe = subprocess.run(
                [*words, "mount", "-t", "tmpfs", "tmpfs", "/mnt"], capture_output=True, check=False, timeout=30
            )
        except FileNotFoundError:
            break
        if probe.returncode == 0:
            return words
    pytest.skip("mounting a tmpfs in a namespace of its own is not permitted here")


@pytest.mark.parametrize("stop", ["clean", "killed"])
def test_no_page_is_touched_that_has_no_block(tmp_path: Path, stop: str) -> None:
    """Whatever is free, the store starts, looks messages up, takes what there is room for and stops; or it names
    the file that it had no room for."""
    command = [*in_own_namespace(), sys.executable, "-m", "tests.store.full_tmpfs", str(tmp_path), stop]
    root = Path(__file__).parents[2]
    environment = os.environ | {"PYTHONPATH": f"{root}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300, cwd=root, env=environment)
    assert done.returncode == 0, done.stderr
    results = [json.loads(line) for line in done.stdout.splitlines()]
    assert [free for free, _, _ in results] == list(FREE_KIB)
    for free, code, said in results:
        assert code == 0, (free, said)
        started = "PUT_OK" in said
        assert started or said.startswith(f"refused: [Errno 28] No space left on device: '{tmp_path}/store/"), said
        assert started or free == 0
