"""Small C libraries that a broker is started with, so that its machine has a fault: a disk that is slow or full, a clock that
is ahead."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

_HERE = Path(__file__).parent
SOURCES = {
    "slow_disk": _HERE / "c" / "slow_disk.c",
    "full_disk": _HERE / "c" / "full_disk.c",
    "shifted_clock": _HERE.parents[1] / ".ci" / "shifted_clock.c",
}


def preloaded(name: str, folder: Path) -> dict[str, str]:
    """The variable that loads a library, which is compiled into `folder`; skips the test without a compiler, not in CI."""
    if shutil.which("cc") is None:
        if os.environ.get("CI"):
            pytest.fail("CI must have a C compiler")
        pytest.skip("no `cc` on the PATH")
    library = folder / f"{name}.so"
    done = subprocess.run(
        ["cc", "-Wall", "-Werror", "-shared", "-fPIC", "-O2", "-o", str(library), str(SOURCES[name]), "-ldl"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return {"LD_PRELOAD": str(library)}
